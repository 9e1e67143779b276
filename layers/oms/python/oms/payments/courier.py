"""Cash on delivery: the carrier's driver takes the money at the door.

Nothing is asked of anyone: nothing is held before, and what the driver took is reported with the
delivery and recorded in the same transaction. A refund is what is to be paid out, under a reference
derived from the idempotency key.
"""

from oms.kernel.errors import Invalid
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)


class Courier:
    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid``: what is paid at the door is not held before."""
        raise Invalid(
            f"no driver takes {request.method!r} beforehand", code="unsupported_payment_method"
        )

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        """A driver takes money from whoever opens the door, and from nobody later."""
        return Declined("paid_at_the_door_only")

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)


def _recorded(key: str) -> Approved:
    return Approved(f"courier:{key}")
