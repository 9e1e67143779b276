"""Money that changes hands with the goods: at a store's till, or at the customer's door.

Nothing is asked of anyone: nothing is held before, and what was taken is recorded in the
transaction in which the goods change hands. A refund is what is to be paid out, under a reference
derived from the idempotency key.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class PaidInPerson:
    """``taker`` has the money and names the references; ``too_late`` is the code with which a
    capture is declined: money is taken of whoever is there, and of nobody later."""

    taker: str
    too_late: str

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid``: what is paid in person is not held before."""
        raise Invalid(
            f"no {self.taker} takes {request.method!r} beforehand",
            code="unsupported_payment_method",
        )

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        return Declined(self.too_late)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return self._recorded(request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return self._recorded(request.idempotency_key)

    def _recorded(self, key: str) -> Approved:
        return Approved(f"{self.taker}:{key}")


STORE_TILL = PaidInPerson("till", "paid_at_the_till_only")
DRIVER = PaidInPerson("courier", "paid_at_the_door_only")
