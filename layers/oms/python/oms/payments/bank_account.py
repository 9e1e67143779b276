"""Bank transfers to the retailer's own account, where no provider tells what has come in.

The customer is told what to write on the transfer; what arrives is recorded by staff, or by whoever
reads the account, as a receipt. A refund is what is to be transferred back, under a reference
derived from the idempotency key.
"""

from oms.kernel.errors import Invalid
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)

BANK_TRANSFER = "bank_transfer"

# How long an order is kept for a transfer: some take days, and banks rest at the weekend.
_WAIT_SECONDS = 7 * 24 * 3600


class BankAccount:
    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid`` for another method than a transfer."""
        if request.method != BANK_TRANSFER:
            raise Invalid(f"no account takes {request.method!r}", code="unsupported_payment_method")
        return Pending(_named(request.idempotency_key), _WAIT_SECONDS, request.payment_id)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        """Money comes in when the customer sends it, and not when it is asked for."""
        return Declined("paid_by_transfer_only")

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return Approved(_named(request.idempotency_key))

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return Approved(_named(request.idempotency_key))


def _named(key: str) -> str:
    return f"bank:{key}"
