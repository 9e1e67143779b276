"""A payment: one authorisation at one provider, and the set of all that happened to it.

Balances are computed from the set (``balances``), so that order of arrival, duplicates and late
failures do not matter. A fact is recorded whatever it does to the balances: the provider moved the
money, and we had better know. What *we* ask for is guarded before it is asked (``may_capture``,
``may_void``, ``may_refund``), so that of our own doing these always hold::

    captured + voided          <= authorized
    refunded + refund_pending  <= captured

An authorisation that lapsed is renewed as a further payment of the order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.balances import Balances, EventKind, PaymentEvent, balances_of, in_time

PaymentStatus = Literal["new", "pending", "unknown", "declined", "authorized", "captured", "voided"]

# The methods by which the customer pays when the goods are handed over.
IN_STORE = "in_store"
CASH_ON_DELIVERY = "cash_on_delivery"
DEFERRED = frozenset({IN_STORE, CASH_ON_DELIVERY})
# What the customer sends by a code, a line or an account number: taken as it is paid, never held.
SENT_BY_CUSTOMER = frozenset({"pix", "boleto", "bank_transfer"})

# What says how a payment stands while no money does.
_WORDS: dict[EventKind, PaymentStatus] = {
    "authorization_requested": "pending",
    "declined": "declined",
    "voided": "voided",
    "unknown": "unknown",
}
_WITHOUT_AMOUNT = frozenset({"declined", "capture_failed", "void_failed", "voided", "unknown"})


@dataclass(frozen=True, slots=True)
class Payment:
    """``token`` names the means of payment at the provider and is never a card number; it is only
    kept for what was not captured with the order.

    ``expires_at`` is when a pending payment or an authorisation lapses, ``instructions`` what the
    customer pays it with (a Pix code, a boleto line). ``renews`` is the payment whose lapsed
    authorisation this one stands for. ``added_as``: the key under which it was added to the order.
    """

    id: str
    method: str
    provider: str
    amount: Money
    token: str = ""
    expires_at: datetime | None = None
    events: tuple[PaymentEvent, ...] = ()
    instructions: str = ""
    renews: str = ""
    added_as: str = ""

    @property
    def balances(self) -> Balances:
        return balances_of(self.events)

    @property
    def authorized(self) -> Money:
        """All that was ever authorised, captured and voided parts included."""
        return self._money(self.balances.held_in_all)

    @property
    def captured(self) -> Money:
        """All that was ever captured, refunded parts included."""
        return self._money(self.balances.captured)

    @property
    def voided(self) -> Money:
        """What was let go of. Providers tell the whole of a hold, of which a part may be taken."""
        found = self.balances
        return self._money(min(found.voided, max(0, found.held_in_all - found.captured)))

    @property
    def refunded(self) -> Money:
        """What the provider gave back; a refund that failed later does not count."""
        return self._money(self.balances.refunded)

    @property
    def refund_pending(self) -> Money:
        """Refunds requested whose result is not known."""
        return self._money(self.balances.refund_pending)

    @property
    def capture_pending(self) -> Money:
        return self._money(self.balances.capture_pending)

    @property
    def capturable(self) -> Money:
        """What is held and not taken, nor asked to be."""
        return self._money(self.balances.authorized)

    @property
    def refundable(self) -> Money:
        """What was taken and not given back, nor asked to be."""
        return self._money(max(0, self.balances.charged))

    @property
    def covered(self) -> Money:
        """What is paid, or held for us, and not given back or let go."""
        found = self.balances
        return self._money(found.authorized + found.capture_pending + max(0, found.charged))

    @property
    def kept(self) -> Money:
        """What the customer has paid and not got back."""
        found = self.balances
        return self._money(found.charged + found.refund_pending)

    @property
    def is_paid_in_part(self) -> bool:
        """Whether some of what the customer is to send has come in, and the rest is awaited."""
        found = self.balances
        return bool(found.authorization_pending) and 0 < found.captured < self.amount.minor

    @property
    def is_deferred(self) -> bool:
        return self.method in DEFERRED

    @property
    def is_sent_by_customer(self) -> bool:
        return self.method in SENT_BY_CUSTOMER

    @property
    def authorization(self) -> str:
        """The provider's reference that captures, voids and refunds are made against.

        That of the authorisation, else of what is pending or was collected; empty without either.
        """
        for kind in ("authorized", "authorization_requested", "captured"):
            for event in reversed(in_time(self.events)):
                if event.kind == kind:
                    return event.provider_reference or event.reference
        return ""

    @property
    def status(self) -> PaymentStatus:
        """Where the payment stands; refunds do not change it, their balances tell.

        Money counts before words: a decline that arrives after an authorisation changes nothing.
        """
        found = self.balances
        if found.captured:
            return "captured"
        if found.held_in_all:
            held = found.authorized or found.capture_pending or found.void_pending
            return "authorized" if held else "voided"
        words = [_WORDS[event.kind] for event in in_time(self.events) if event.kind in _WORDS]
        return words[-1] if words else "new"

    def event(self, kind: EventKind, reference: str) -> PaymentEvent | None:
        found = (e for e in self.events if (e.kind, e.reference) == (kind, reference))
        return next(found, None)

    def _money(self, minor: int) -> Money:
        return Money(minor, self.amount.currency)


def record(payment: Payment, event: PaymentEvent) -> Payment:
    """The payment with ``event`` in its set; unchanged when the fact is known.

    A fact is known by its ``key``, and by its kind and reference together, because a provider tells
    the same thing twice in two ways: in its answer, and later in a callback with an id of its own.
    Of two tellings the earlier is kept, so that it does not matter which came first. Raises
    ``Conflict`` (``payment_entry_mismatch``) for a known fact with another amount, and ``Invalid``
    for one without a key or with an amount that cannot be.
    """
    _refuse_nameless(event)
    known = _known(payment, event)
    if known is None:
        return replace(payment, events=(*payment.events, event))
    if (known.kind, known.amount) != (event.kind, event.amount):
        raise Conflict(
            f"{event.key!r} was recorded as {known.kind} of {known.amount},"
            f" not {event.kind} of {event.amount}",
            code="payment_entry_mismatch",
        )
    if (known.at, known.key) <= (event.at, event.key):
        return payment
    events = tuple(event if each is known else each for each in payment.events)
    return replace(payment, events=events)


def record_all(payment: Payment, events: Iterable[PaymentEvent]) -> Payment:
    for event in events:
        payment = record(payment, event)
    return payment


def may_capture(payment: Payment, amount: Money) -> None:
    """Raises ``Conflict`` (``capture_above_authorized``, ``wrong_currency``)."""
    _refuse_above(payment, amount, payment.capturable, "capture_above_authorized", "capturable")


def may_void(payment: Payment, amount: Money) -> None:
    """Raises ``Conflict`` (``void_above_authorized``, ``wrong_currency``)."""
    _refuse_above(payment, amount, payment.capturable, "void_above_authorized", "capturable")


def may_refund(payment: Payment, amount: Money) -> None:
    """Raises ``Conflict`` (``refund_above_captured``, ``wrong_currency``)."""
    _refuse_above(payment, amount, payment.refundable, "refund_above_captured", "refundable")


def refuse_other_currency(payment: Payment, currency: str) -> None:
    """Raises ``Invalid`` (``wrong_currency``)."""
    if currency != payment.amount.currency:
        raise Invalid(
            f"the payment is in {payment.amount.currency}, not {currency}", code="wrong_currency"
        )


def _refuse_above(payment: Payment, amount: Money, most: Money, code: str, word: str) -> None:
    refuse_other_currency(payment, amount.currency)
    if amount.minor <= 0:
        raise Invalid("the amount must be above zero", code="invalid_amount")
    if amount > most:
        raise Conflict(
            f"{most} is left, not {amount}",
            code=code,
            context={"payment_id": payment.id, word: str(most), "currency": most.currency},
        )


def _known(payment: Payment, event: PaymentEvent) -> PaymentEvent | None:
    key, kind, reference = event.key, event.kind, event.reference
    for each in payment.events:
        if each.key == key or (each.reference == reference and each.kind == kind and reference):
            return each
    return None


def _refuse_nameless(event: PaymentEvent) -> None:
    if not event.key:
        raise Invalid("a payment event needs a key", code="key_missing")
    least = 0 if event.kind in _WITHOUT_AMOUNT else 1
    if event.amount < least:
        raise Invalid(f"{event.amount} cannot be the amount of {event.kind}", code="invalid_amount")
