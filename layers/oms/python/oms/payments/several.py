"""All payments of an order together, and how far they cover it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from oms.kernel.errors import NotFound
from oms.kernel.money import Money, total
from oms.payments.balances import PaymentEvent
from oms.payments.model import Payment, PaymentStatus

# Of several payments, the one that stands first here tells how they stand together.
_SLOWEST_FIRST: tuple[PaymentStatus, ...] = (
    "unknown",
    "pending",
    "new",
    "authorized",
    "captured",
    "declined",
    "voided",
)


class Coverage(StrEnum):
    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    OVERCHARGED = "overcharged"


@dataclass(frozen=True, slots=True)
class Payments:
    """In the order in which they were added; an order has at least one. Every sum is in
    ``currency``."""

    each: tuple[Payment, ...]
    currency: str

    @property
    def authorized(self) -> Money:
        return self._sum(lambda payment: payment.authorized)

    @property
    def captured(self) -> Money:
        return self._sum(lambda payment: payment.captured)

    @property
    def charged(self) -> Money:
        """What was taken and is still there: not given back, nor on its way, nor charged back. It
        may be less than nothing."""
        charged = sum(payment.balances.charged for payment in self.each)
        return Money(charged, self.currency)

    @property
    def voided(self) -> Money:
        return self._sum(lambda payment: payment.voided)

    @property
    def refunded(self) -> Money:
        return self._sum(lambda payment: payment.refunded)

    @property
    def refund_pending(self) -> Money:
        return self._sum(lambda payment: payment.refund_pending)

    @property
    def capture_pending(self) -> Money:
        return self._sum(lambda payment: payment.capture_pending)

    @property
    def capturable(self) -> Money:
        return self._sum(lambda payment: payment.capturable)

    @property
    def refundable(self) -> Money:
        return self._sum(lambda payment: payment.refundable)

    @property
    def covered(self) -> Money:
        return self._sum(lambda payment: payment.covered)

    @property
    def kept(self) -> Money:
        return self._sum(lambda payment: payment.kept)

    @property
    def deferred(self) -> Money:
        """What is agreed to be paid when the goods are handed over, and is not yet."""
        rest = [one.amount - one.captured for one in self.each if one.is_deferred]
        return total([max(left, Money.zero(self.currency)) for left in rest], self.currency)

    @property
    def is_deferred(self) -> bool:
        """Whether a part of the order is paid when it is handed over."""
        return any(payment.is_deferred for payment in self.each)

    @property
    def status(self) -> PaymentStatus:
        """That of the payment which the order waits for, else of those that stand."""
        found = {payment.status for payment in self.each}
        return next(status for status in _SLOWEST_FIRST if status in found)

    @property
    def pending(self) -> tuple[Payment, ...]:
        return tuple(one for one in self.each if one.status == "pending" or one.is_paid_in_part)

    def find(self, payment_id: str) -> Payment:
        """Raises ``NotFound``."""
        for payment in self.each:
            if payment.id == payment_id:
                return payment
        raise NotFound(f"the order has no payment {payment_id!r}", code="unknown_payment")

    def knows(self, key: str) -> bool:
        """Whether a fact of this key is recorded of any of them."""
        return self.fact(key) is not None

    def fact(self, key: str) -> PaymentEvent | None:
        """What is recorded under this key, of any of them."""
        found = (event for payment in self.each for event in payment.events if event.key == key)
        return next(found, None)

    def _sum(self, amount: Callable[[Payment], Money]) -> Money:
        return total([amount(payment) for payment in self.each], self.currency)


def authorization_status(order_total: int, granted: int, authorized: int, charged: int) -> Coverage:
    """How far what is held and taken covers the total less ``granted`` refunds, in minor units. An
    order that costs nothing is covered by nothing."""
    covered = authorized + charged
    if covered == 0:
        return Coverage.FULL if order_total == 0 else Coverage.NONE
    return Coverage.FULL if covered >= max(0, order_total - granted) else Coverage.PARTIAL


def charge_status(order_total: int, granted: int, charged: int) -> Coverage:
    """How far what is taken and kept covers the total less ``granted`` refunds, in minor units."""
    target = max(0, order_total - granted)
    if charged == target:
        return Coverage.FULL
    if charged <= 0:
        return Coverage.NONE
    return Coverage.PARTIAL if charged < target else Coverage.OVERCHARGED
