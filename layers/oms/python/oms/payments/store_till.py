"""Money that is taken at a store's till, and given back there.

Nothing is asked of anyone: the till charged the customer when the goods were handed over, and that
was recorded in the same transaction. A refund is what the store is to pay out, under a reference
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


class StoreTill:
    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid``: what is paid at a till is not held before."""
        raise Invalid(
            f"no till takes {request.method!r} beforehand", code="unsupported_payment_method"
        )

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        """A till takes money from whoever stands there, and from nobody later."""
        return Declined("paid_at_the_till_only")

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)


def _recorded(key: str) -> Approved:
    return Approved(f"till:{key}")
