"""What an order was paid with that stands for goods which came back, or are to.

It was taken over from another order in the commit that made this one, so nothing is ever authorised
or captured. What is refunded goes back to that order, and from there to whoever paid it.
"""

from collections.abc import Callable

from oms.kernel.errors import Invalid
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)

# Gives back to the order that the money came from, once for a key: the reference of it. Raises a
# refusal when more is to go back than came.
GiveBack = Callable[[RefundRequest], str]


class ExchangePayments:
    def __init__(self, give_back: GiveBack) -> None:
        self._give_back = give_back

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        raise _taken_over()

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        raise _taken_over()

    def void(self, request: VoidRequest) -> ProviderOutcome:
        raise _taken_over()

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        """Raises ``Conflict`` (``refund_above_captured``)."""
        return Approved(self._give_back(request))


def _taken_over() -> Invalid:
    return Invalid(
        "what an exchange pays was taken over with it", code="unsupported_payment_method"
    )
