"""Money a channel (a marketplace) has collected itself, and gives back itself.

Nothing is asked of anyone: the channel charged its customer before the order reached us, and
refunds when our callback tells it that the order was cancelled or refunded. What is recorded here
is what the channel is to do, under references derived from the idempotency key.
"""

from oms.kernel.errors import Invalid
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)


class ChannelCollected:
    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        """Raises ``Invalid`` unless the method says that the channel collected the money."""
        if request.method != "channel":
            raise Invalid(
                f"no channel collects by {request.method!r}", code="unsupported_payment_method"
            )
        return _recorded(request.idempotency_key)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        return _recorded(request.idempotency_key)


def _recorded(key: str) -> Approved:
    return Approved(f"channel:{key}")
