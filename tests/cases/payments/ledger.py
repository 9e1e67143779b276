"""Cases of what a payment's events come to, and of how far they cover an order.

What a peer does not count is none of our events. What it entered without a reference was entered by
hand; a balance that is merely given was entered so too.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from oms.kernel.errors import OmsError
from oms.kernel.money import Money
from oms.payments.allocation import Bearable, allocate_capture
from oms.payments.balances import Balances, EventKind, PaymentEvent, balances_of
from oms.payments.model import Payment
from oms.payments.several import Payments, authorization_status, charge_status
from tests.cases.reading import Keys, NotUnderstoodError, steps_of

Facts = dict[str, Any]

ORIGIN = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CURRENCY = "USD"
# What an amount is that may be any.
SOME_TOTAL = 10_000

KINDS_OF_EVENTS: Mapping[str, EventKind] = {
    "authorization_request": "authorization_requested",
    "authorization_success": "authorized",
    "authorization_failure": "declined",
    "authorization_adjustment": "authorization_adjusted",
    "charge_request": "capture_requested",
    "charge_success": "captured",
    "charge_failure": "capture_failed",
    "charge_back": "charged_back",
    "refund_request": "refund_requested",
    "refund_success": "refunded",
    "refund_failure": "refund_failed",
    "refund_reverse": "refund_reversed",
    "cancel_request": "void_requested",
    "cancel_success": "voided",
    "cancel_failure": "void_failed",
}
PEERS_KINDS = {ours: theirs for theirs, ours in KINDS_OF_EVENTS.items()}


def minor(value: Any) -> int:
    """Minor units; what is said with parts of one is rounded to whole ones."""
    if value == "T":
        return SOME_TOTAL
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NotUnderstoodError(f"amount: {value!r}")
    return int(Decimal(value).to_integral_value(ROUND_HALF_UP))


def kind_of(word: Any) -> EventKind:
    if word not in KINDS_OF_EVENTS:
        raise NotUnderstoodError(f"event: {word!r}")
    return KINDS_OF_EVENTS[str(word)]


def at(seconds: Any) -> datetime:
    return ORIGIN + timedelta(seconds=float(seconds))


def events_of(given: Keys) -> list[PaymentEvent]:
    found = []
    for number, said in enumerate(given.each("events")):
        word, reference = said.value("type"), str(said.value("ref") or "")
        amount, moment = said.value("amount", 0), at(said.value("t", number))
        counted = said.value("counted", True)
        said.value("message")
        said.done()
        if counted and word != "info":
            kind = kind_of(word)
            found.append(PaymentEvent(kind, minor(amount), reference, f"e{number}", moment))
    return found


def in_peers_words(found: Balances) -> Facts:
    return {
        "authorized": found.authorized,
        "charged": found.charged,
        "refunded": found.refunded,
        "canceled": found.voided,
        "authorize_pending": found.authorization_pending,
        "charge_pending": found.capture_pending,
        "refund_pending": found.refund_pending,
        "cancel_pending": found.void_pending,
    }


def fold(given: Keys, when: Any, then: Keys) -> Facts:
    given.value("currency")
    for step in steps_of(when, frozenset({"recalculate_balances"})):
        step.only()
    return {"balances": in_peers_words(balances_of(events_of(given)))}


# --- statuses -------------------------------------------------------------------------------------


def _granted(given: Keys) -> int:
    said = given.first("granted_refunds", "granted", default=0)
    if isinstance(said, list):
        return sum(minor(each["amount"] if isinstance(each, Mapping) else each) for each in said)
    return minor(said or 0)


def statuses(given: Keys, when: Any, then: Keys) -> Facts:
    verbs = frozenset(
        {"derive_charge_status", "derive_authorize_status", "derive_statuses", "derive_status"}
    )
    for step in steps_of(when, verbs):
        step.only()
    given.value("currency")
    # An order has lines; what has none is nothing to pay for.
    given.value("has_lines")
    total = minor(given.first("order_total", "cart_total", "total"))
    authorized, charged = minor(given.value("authorized", 0)), minor(given.value("charged", 0))
    return _statuses(total, _granted(given), authorized, charged)


def _statuses(total: int, granted: int, authorized: int, charged: int) -> Facts:
    return {
        "authorize_status": authorization_status(total, granted, authorized, charged).upper(),
        "charge_status": charge_status(total, granted, charged).upper(),
    }


_BALANCES: Mapping[str, EventKind] = {
    "authorized": "authorized",
    "charged": "captured",
    "refunded": "refunded",
    "canceled": "voided",
}


def payment_with(name: str, balances: Mapping[str, Any], total: int = 0) -> Payment:
    """A payment with the balances that are given, each entered by hand."""
    events = tuple(
        PaymentEvent(_BALANCES[word], minor(amount), "", f"{name}:{word}", ORIGIN)
        for word, amount in balances.items()
        if minor(amount)
    )
    money = Money(total, CURRENCY)
    return Payment(name, "card", "simulator", money, events=events)


def _transactions(given: Keys) -> dict[str, Payment]:
    found = {}
    for number, said in enumerate(given.each("transactions")):
        name = str(said.first("id", "name", default=number))
        balances = {word: said.value(word) for word in _BALANCES if word in said}
        events = tuple(events_of(said))
        said.done()
        entered = payment_with(name, balances)
        found[name] = Payment(
            name, "card", "simulator", entered.amount, events=(*entered.events, *events)
        )
    return found


def roll_up(given: Keys, when: Any, then: Keys) -> Facts:
    total, granted = minor(given.first("order_total", "total", default=0)), _granted(given)
    given.value("currency")
    payments = _transactions(given)
    for number, step in enumerate(steps_of(when, frozenset({"roll_up_order", "event"}))):
        if step.verb == "roll_up_order":
            step.only()
            continue
        said = step.said()
        name = str(said.value("transaction", next(iter(payments))))
        kind, reference = kind_of(said.value("type")), str(said.value("ref") or "")
        moment = at(said.value("t", 1000 + number))
        told = PaymentEvent(kind, minor(said.value("amount")), reference, f"w{number}", moment)
        said.done()
        one = payments[name]
        payments[name] = Payment(
            one.id, one.method, one.provider, one.amount, events=(*one.events, told)
        )
    return order_facts(Payments(tuple(payments.values()), CURRENCY), total, granted)


def order_facts(payments: Payments, total: int, granted: int = 0) -> Facts:
    authorized, charged = payments.capturable.minor, payments.charged.minor
    return {
        "order_charged": charged,
        "order_authorized": authorized,
        "order_refunded": payments.refunded.minor,
        "order_canceled": payments.voided.minor,
        **_statuses(total, granted, authorized + payments.capture_pending.minor, charged),
    }


# --- one word, and what is outstanding ------------------------------------------------------------

_TAKEN = frozenset({"completed", "settled", "captured", "paid"})
_HELD = frozenset({"pending", "authorized"})
_GONE = frozenset({"void", "voided", "canceled", "cancelled"})
_NOTHING = frozenset({"failed", "invalid", "declined", "unprocessed", "checkout", "created", "new"})


def _payments(given: Keys) -> dict[str, Payment]:
    found = {}
    for number, said in enumerate(given.each("payments"), start=1):
        name, amount = str(said.value("id", number)), minor(said.first("amount", "total"))
        state, back = (
            str(said.first("status", "state", default="completed")),
            said.value("refunded"),
        )
        said.done()
        balances: dict[str, int] = {}
        if state in _TAKEN:
            balances = {"charged": amount}
        elif state in _HELD:
            balances = {"authorized": amount}
        elif state in _GONE:
            balances = {"canceled": amount}
        elif state not in _NOTHING:
            raise NotUnderstoodError(f"payment: {state!r}")
        events = payment_with(name, balances).events
        if back:
            gone = PaymentEvent("refunded", minor(back), f"{name}:r", f"{name}:r", at(1))
            events = (*events, gone)
        money = Money(amount, CURRENCY)
        found[name] = Payment(name, "card", "simulator", money, events=events)
    return found


def order_word(given: Keys, when: Any, then: Keys) -> Facts:
    total = minor(given.first("order_total", "total", default=0))
    cancelled = str(given.value("order_status", "")) in ("canceled", "cancelled")
    payments = _payments(given)
    for step in steps_of(when, frozenset({"derive_payment_status", "process_all_payments"})):
        step.only()
        if step.verb == "process_all_payments":
            payments = _processed(payments, total)
    together = Payments(tuple(payments.values()), CURRENCY)
    return {
        "payment_status": _word(together, total, cancelled=cancelled),
        "outstanding": total - together.kept.minor,
        "statuses": {
            name: "completed" if one.captured else "unprocessed" for name, one in payments.items()
        },
    }


def _processed(payments: Mapping[str, Payment], total: int) -> dict[str, Payment]:
    """What is due is taken of the payments in turn."""
    taken = sum(one.kept.minor for one in payments.values())
    bearable = [Bearable(name, one.amount - one.captured) for name, one in payments.items()]
    found = dict(payments)
    for name, amount in allocate_capture(bearable, Money(total - taken, CURRENCY)):
        one = found[name]
        event = PaymentEvent("captured", amount, f"{name}:c", f"{name}:c", at(1))
        found[name] = Payment(name, "card", "simulator", one.amount, events=(*one.events, event))
    return found


def _word(payments: Payments, total: int, *, cancelled: bool) -> str:
    """Our three statuses in the one word of a peer."""
    kept, back = payments.kept.minor, payments.refunded.minor
    if cancelled and not kept:
        return "voided"
    if back:
        return "partially_refunded" if kept > 0 else "refunded"
    charged = charge_status(total, 0, kept)
    if charged == "overcharged" or (charged == "full" and kept):
        return {"full": "paid"}.get(charged, charged)
    if charged == "partial":
        return "partially_paid"
    if authorization_status(total, 0, payments.capturable.minor, kept) != "none":
        return "authorized" if payments.capturable else "none"
    return "voided" if payments.voided else "none"


def outstanding(given: Keys, when: Any, then: Keys) -> Facts:
    total = minor(given.first("order_total", "total", default=0))
    payments = _payments(given)
    if "paid_net" in given:
        paid = minor(given.value("paid_net"))
        payments["paid"] = payment_with("paid", {"charged": paid} if paid else {})
    for step in steps_of(when, frozenset({"outstanding", "paid_net"})):
        step.only()
    kept = Payments(tuple(payments.values()), CURRENCY).kept.minor
    return {"paid_net": kept, "outstanding": total - kept}


def refused(act: Callable[[], object]) -> str:
    """The code of the refusal; empty when there was none."""
    try:
        act()
    except OmsError as fault:
        return next((each.code for each in fault.faults), fault.problem_code)
    return ""


KINDS: Mapping[str, Callable[[Keys, Any, Keys], Facts]] = {
    **dict.fromkeys(
        (
            "fold.single_family",
            "fold.out_of_order",
            "fold.multi_ref",
            "fold.reversals",
            "fold.manual_adjustment",
            "fold.mixed",
        ),
        fold,
    ),
    **dict.fromkeys(("status.charge", "status.authorize", "status.cart_charge"), statuses),
    "status.order_rollup": roll_up,
    "status.order_payment_word": order_word,
    "status.outstanding": outstanding,
}
