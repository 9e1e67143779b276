"""A payment is a ledger: immutable signed entries, balances summed from them.

Signs are seen from what the customer owes: an entry that commits or takes money is positive
(``authorized``, ``captured``, ``collected``, ``refund_failed``), one that lets go of it or gives it
back is negative (``voided``, ``refund_requested``, ``refunded``); ``pending`` and ``declined`` are
zero. What was ``collected`` at a till counts as authorised and captured at once, and as asked for:
the amount grows where it was less.

Two things always hold, whatever arrives in whatever order::

    captured + voided          <= authorized <= amount
    refunded + refund_pending  <= captured

An entry is known by its ``key``, and also by its kind and ``reference`` together, because a
provider tells the same thing twice in two ways: in its answer, and later in a callback with an id
of its own (entries of zero only by key: two attempts may be declined in the same words). What is
known already changes nothing; known but with another amount, it is refused.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money

EntryKind = Literal[
    "authorized",
    "declined",
    "pending",
    "captured",
    "collected",
    "voided",
    "refund_requested",
    "refunded",
    "refund_failed",
]
PaymentStatus = Literal["new", "pending", "declined", "authorized", "captured", "voided"]

_SIGN: dict[EntryKind, int] = {
    "authorized": 1,
    "declined": 0,
    "pending": 0,
    "captured": 1,
    "collected": 1,
    "voided": -1,
    "refund_requested": -1,
    "refunded": -1,
    "refund_failed": 1,
}
# The method by which the customer pays when the goods are handed over.
IN_STORE = "in_store"

_REFUND_RESULTS = ("refunded", "refund_failed")
_REFUND_KINDS = ("refund_requested", *_REFUND_RESULTS)


@dataclass(frozen=True, slots=True)
class PaymentEntry:
    """One thing that happened to a payment.

    ``minor`` is signed, in minor units of the payment's currency. ``reference`` is the provider's
    for an authorisation, capture or void; for the three refund kinds it is the refund's id
    (``rfd_…``), which ties a request to its result. ``key`` is the natural key of what is recorded:
    the idempotency key of our call, or provider and event id of a callback.
    """

    kind: EntryKind
    minor: int
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class Payment:
    """``token`` names the means of payment at the provider and is never a card number.

    ``expires_at`` is when a pending payment lapses, ``instructions`` what the customer pays it with
    (a Pix code, a boleto line); both are empty unless the provider asked for them.
    """

    id: str
    method: str
    provider: str
    amount: Money
    token: str = ""
    expires_at: datetime | None = None
    entries: tuple[PaymentEntry, ...] = ()
    instructions: str = ""

    @property
    def authorized(self) -> Money:
        """All that was ever authorised, captured and voided parts included."""
        return self._sum("authorized") + self._sum("collected")

    @property
    def captured(self) -> Money:
        """All that was ever captured, refunded parts included."""
        return self._sum("captured") + self._sum("collected")

    @property
    def voided(self) -> Money:
        return -self._sum("voided")

    @property
    def refunded(self) -> Money:
        """What the provider gave back; a refund that failed later does not count."""
        return self._refunds_standing("refunded")

    @property
    def refund_pending(self) -> Money:
        """Refunds requested whose result is not known."""
        return self._refunds_standing("refund_requested")

    @property
    def capturable(self) -> Money:
        return self.authorized - self.captured - self.voided

    @property
    def refundable(self) -> Money:
        return self.captured - self.refunded - self.refund_pending

    @property
    def is_deferred(self) -> bool:
        return self.method == IN_STORE

    @property
    def covered(self) -> Money:
        """What is paid, or held for us, and not given back or let go."""
        return self.authorized - self.voided - self.refunded - self.refund_pending

    @property
    def kept(self) -> Money:
        """What the customer has paid and not got back."""
        return self.captured - self.refunded

    @property
    def authorization(self) -> str:
        """The provider's reference that captures, voids and refunds are made against.

        That of the authorisation, else of the latest pending answer; empty when there is neither.
        """
        for kind in ("authorized", "pending"):
            for entry in reversed(self.entries):
                if entry.kind == kind:
                    return entry.reference
        return ""

    @property
    def status(self) -> PaymentStatus:
        """Where the payment stands; refunds do not change it, their balances tell.

        Money counts before words: a decline that arrives after an authorisation changes nothing.
        """
        if self.captured:
            return "captured"
        if self.authorized:
            return "authorized" if self.capturable else "voided"
        if not self.entries:
            return "new"
        last = self.entries[-1].kind
        return last if last in ("pending", "declined", "voided") else "new"

    def _sum(self, kind: EntryKind) -> Money:
        minor = sum(entry.minor for entry in self.entries if entry.kind == kind)
        return Money(minor, self.amount.currency)

    def _refunds_standing(self, kind: EntryKind) -> Money:
        """The latest result of each refund counts; a request counts until there is one."""
        standing: dict[str, PaymentEntry] = {}
        for entry in self.entries:
            if entry.kind in _REFUND_RESULTS:
                standing[entry.reference] = entry
            elif entry.kind == "refund_requested":
                standing.setdefault(entry.reference, entry)
        minor = -sum(entry.minor for entry in standing.values() if entry.kind == kind)
        return Money(minor, self.amount.currency)


def record_authorization(payment: Payment, amount: Money, reference: str, key: str) -> Payment:
    """The provider holds ``amount``. Refused with ``already_authorized`` for a second one, and
    with ``authorized_above_amount`` beyond what was asked for."""
    return _record(payment, "authorized", amount, reference, key)


def record_decline(payment: Payment, reference: str, key: str) -> Payment:
    return _record(payment, "declined", Money.zero(payment.amount.currency), reference, key)


def record_pending(
    payment: Payment,
    reference: str,
    key: str,
    expires_at: datetime | None = None,
    instructions: str = "",
) -> Payment:
    """The provider waits for the customer (Pix, boleto, strong authentication).

    An answer that arrives after the money did says nothing new and is not recorded.
    """
    if payment.authorized:
        return payment
    recorded = _record(payment, "pending", Money.zero(payment.amount.currency), reference, key)
    if recorded is payment:
        return payment
    return replace(recorded, expires_at=expires_at, instructions=instructions)


def record_capture(payment: Payment, amount: Money, reference: str, key: str) -> Payment:
    """Refused with ``capture_above_authorized``."""
    return _record(payment, "captured", amount, reference, key)


def record_collection(payment: Payment, amount: Money, reference: str, key: str) -> Payment:
    """Money that was paid at a till, beside whatever else was paid. Each till receipt
    (``reference``) is recorded once."""
    if _known(payment, "collected", reference, key):
        return _record(payment, "collected", amount, reference, key)
    asked = max(payment.amount, payment.authorized + amount)
    return _record(replace(payment, amount=asked), "collected", amount, reference, key)


def record_void(payment: Payment, reference: str, key: str, amount: Money | None = None) -> Payment:
    """Let go of ``amount``, or of all that is left to capture.

    A payment with nothing authorised can be voided too (a Pix nobody paid): an entry of zero, so
    that its status says so. Refused with ``void_above_authorized``.
    """
    if amount is None and _known(payment, "voided", reference, key):
        return payment
    left = payment.capturable if amount is None else amount
    return _record(payment, "voided", left, reference, key)


def request_refund(payment: Payment, amount: Money, refund_id: str, key: str) -> Payment:
    """Set ``amount`` aside for a refund. Refused with ``refund_above_captured``.

    A refund that failed is tried again under a new id.
    """
    return _record(payment, "refund_requested", amount, refund_id, key)


def record_refund(payment: Payment, amount: Money, refund_id: str, key: str) -> Payment:
    """The provider gave ``amount`` back, asked by us or (under its own reference) by others.

    It closes the request of ``refund_id``, also when the amounts differ. Refused with
    ``refund_above_captured``.
    """
    return _record(payment, "refunded", amount, refund_id, key)


def record_refund_failure(payment: Payment, refund_id: str, key: str) -> Payment:
    """The refund did not happen, or bounced after it did; its amount can be refunded again.

    Refused with ``unknown_refund`` when it was never requested.
    """
    if _known(payment, "refund_failed", refund_id, key):
        return payment
    told = [entry for entry in payment.entries if entry.reference == refund_id]
    refund = next((entry for entry in reversed(told) if entry.kind in _REFUND_KINDS), None)
    if refund is None:
        raise Conflict(f"there is no refund {refund_id!r}", code="unknown_refund")
    amount = Money(abs(refund.minor), payment.amount.currency)
    return _record(payment, "refund_failed", amount, refund_id, key)


def apply(payment: Payment, entry: PaymentEntry) -> Payment:
    """The payment with ``entry`` added, or unchanged when it is known already.

    Raises ``Invalid`` for an amount of the wrong sign, ``Conflict`` for what breaks the invariants
    and, with code ``payment_entry_mismatch``, for a known entry with another content.
    """
    known = _known(payment, entry.kind, entry.reference, entry.key)
    if known is not None:
        _refuse_other_content(known, entry)
        return payment
    _refuse_nameless(entry)
    _refuse_wrong_sign(entry)
    grown = replace(payment, entries=(*payment.entries, entry))
    _refuse_broken_balance(payment, grown, entry)
    return grown


def _record(payment: Payment, kind: EntryKind, amount: Money, reference: str, key: str) -> Payment:
    if amount.currency != payment.amount.currency:
        raise Conflict(
            f"the payment is in {payment.amount.currency}, not {amount.currency}",
            code="wrong_currency",
        )
    return apply(payment, PaymentEntry(kind, _SIGN[kind] * amount.minor, reference, key))


def _known(payment: Payment, kind: EntryKind, reference: str, key: str) -> PaymentEntry | None:
    for entry in payment.entries:
        if entry.key == key:
            return entry
        if reference and _SIGN[kind] and (entry.kind, entry.reference) == (kind, reference):
            return entry
    return None


def _refuse_other_content(known: PaymentEntry, entry: PaymentEntry) -> None:
    if (known.kind, known.minor) != (entry.kind, entry.minor):
        raise Conflict(
            f"{entry.key!r} was recorded as {known.kind} of {known.minor},"
            f" not {entry.kind} of {entry.minor}",
            code="payment_entry_mismatch",
        )


def _refuse_nameless(entry: PaymentEntry) -> None:
    if not entry.key:
        raise Invalid("a payment entry needs a key", code="key_missing")
    if entry.kind in _REFUND_KINDS and not entry.reference:
        raise Invalid("a refund needs an id", code="refund_id_missing")


def _refuse_wrong_sign(entry: PaymentEntry) -> None:
    sign = _SIGN[entry.kind]
    voids_nothing = entry.kind == "voided" and entry.minor == 0
    if voids_nothing or (entry.minor == 0 if sign == 0 else entry.minor * sign > 0):
        return
    raise Invalid(f"{entry.minor} cannot be the amount of {entry.kind}", code="invalid_amount")


def _refuse_broken_balance(before: Payment, after: Payment, entry: PaymentEntry) -> None:
    if entry.kind == "authorized" and before.authorized:
        raise Conflict("the payment is authorised already", code="already_authorized")
    if after.authorized > after.amount:
        raise Conflict(
            f"{after.authorized} was authorised for {after.amount}", code="authorized_above_amount"
        )
    if after.captured + after.voided > after.authorized:
        word = "void" if entry.kind == "voided" else "capture"
        raise Conflict(
            f"{before.capturable} is left to {word}, not {abs(entry.minor)} minor units",
            code=f"{word}_above_authorized",
        )
    if after.refunded + after.refund_pending > after.captured:
        raise Conflict(
            f"{before.refundable} is left to refund, not {abs(entry.minor)} minor units",
            code="refund_above_captured",
        )
