"""Cases of what we ask of a provider: how much, when it is refused, and when nobody is asked.

A payment that failed is one whose capture the provider refused; it holds what it held.
"""

from collections.abc import Callable, Mapping
from typing import Any

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.orders import by_hand, capturing, paying, payment, refunding
from oms.orders import events as happened
from oms.orders.command import execute_on
from oms.orders.model import Order, State
from oms.orders.suggesting import Asked as RefundAsked
from oms.payments.balances import PaymentEvent
from tests.cases.payments.books import Books, usd
from tests.cases.payments.ledger import ORIGIN, SOME_TOTAL, minor
from tests.cases.reading import Keys, NotUnderstoodError, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

_EXCEEDS = frozenset({"capture_above_authorized", "refund_above_captured", "void_above_authorized"})
_ERRORS: Mapping[str, frozenset[str]] = {
    "exceeds_authorized_less_captured": _EXCEEDS,
    "exceeds_authorized": _EXCEEDS,
    "invalid_amount": frozenset({"invalid_amount"}),
    "payment_canceled": frozenset({*_EXCEEDS, "cancelling"}),
    "payment_not_voidable": frozenset({"nothing_is_held"}),
    "payment_not_capturable": frozenset({*_EXCEEDS, "nothing_due", "cancelling"}),
}


def error_called(expected: Any, code: str) -> Any:
    return expected if code in _ERRORS.get(str(expected), ()) else (code or None)


# --- how much -------------------------------------------------------------------------------------


def clamp(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """What is asked for without an amount is all there is; with one, that amount or nothing."""
    said = given.keys("balances")
    authorized, charged = minor(said.value("authorized", 0)), minor(said.value("charged", 0))
    said.done()
    books = Books(oms, authorized + charged)
    events = [PaymentEvent("authorized", authorized + charged, "auth", "auth", ORIGIN)]
    if charged:
        events.append(PaymentEvent("captured", charged, "capture", "capture", ORIGIN))
    books.before(events)
    before = books.payment().events
    there, asked, code, kind = 0, None, "", ""
    for step in steps_of(when, frozenset({"request"})):
        request = step.said()
        action, asked = str(request.value("action")), request.value("amount")
        request.done()
        # What is let go of is asked for and done in one step.
        kind = f"{action}_request"
        there = charged if action == "refund" else authorized
        code = books.attempt(lambda action=action, asked=asked: _ask(books, action, asked))  # type: ignore[misc]
    new = [event for event in books.payment().events if event not in before]
    recorded = new[0].amount if new else None
    wanted = there if asked is None else minor(asked)
    return {
        "accepted": not code,
        "error": error_called(then.value("error"), code),
        "recorded_event": None if recorded is None else {"type": kind, "amount": recorded},
        "as_asked_or_refused": recorded == (wanted if wanted <= there else None),
    }


def _ask(books: Books, action: str, asked: Any) -> None:
    amount = None if asked is None else usd(minor(asked))
    one, orders = books.payment(), books.oms.orders
    match action:
        case "charge":
            by_hand.request_capture(books.order_id, one.id, amount, "k", orders, books.cause())
        case "refund":
            wanted = usd(one.refundable.minor) if amount is None else amount
            refund = RefundAsked(goodwill=wanted)
            refunding.request(books.order_id, refund, "k", orders, books.oms.stock, books.cause())
        case "cancel":
            _cancel(books)
        case _:
            raise NotUnderstoodError(f"request: {action!r}")


# --- taking ---------------------------------------------------------------------------------------

_HELD = frozenset({"pending", "authorized", "pending (stale read)"})


def _paid(given: Keys, oms: World) -> Books:
    said = given.keys("payment")
    amount = minor(said.value("amount", SOME_TOTAL))
    state = str(said.first("status", "state", default="pending"))
    reached = "provider_ref" not in said or said.value("provider_ref") is not None
    held = said.value("authorized", amount)
    taken = minor(said.value("captured", amount if state in ("completed", "captured") else 0))
    said.done()
    books = Books(oms, amount)
    name = [PaymentEvent("authorized", minor(held), "auth", "auth", ORIGIN)]
    if not reached or state in ("checkout", "new", "created") or not held:
        return books
    if state in ("invalid", "declined"):
        books.before([PaymentEvent("declined", 0, "auth", "no", ORIGIN)])
        return books
    books.before(name)
    if taken:
        books.before([PaymentEvent("captured", taken, "taken", "taken", ORIGIN)])
    if state in ("void", "voided", "canceled", "cancelled"):
        books.before([PaymentEvent("voided", minor(held) - taken, "void", "void", ORIGIN)])
    elif state == "failed":
        asked = paying.Taken(books.payment().id, amount, f"{books.payment().id}:capture:1")
        books.decide(lambda order: paying.requested(((asked.payment_id, amount),), order, "asked"))
        books.decide(
            lambda order: (
                *paying.fail_capture(order, asked, "declined", ORIGIN),
                happened.PaymentFailed(asked.payment_id, "capture", "declined"),
            )
        )
    elif state not in (*_HELD, "completed", "captured"):
        raise NotUnderstoodError(f"payment: {state!r}")
    return books


class _Captures:
    """A client that repeats a request repeats its key, until there is more to be had."""

    def __init__(self, books: Books) -> None:
        self.books, self.keys, self.seen = books, 0, books.order

    def capture(self, value: Any) -> None:
        books = self.books
        amount = None if value in ("all", None) else usd(minor(value))
        if self.books.payment().capturable or not self.keys:
            self.keys += 1
        key, one = f"k{self.keys}", books.payment()
        self.seen = books.order

        def decide(order: Order) -> Any:
            return by_hand.decide_capture(order, one.id, amount, key)

        execute_on(books.oms.orders, books.order, decide, books.cause())
        self.carry_out()

    def carry_out(self) -> None:
        """What the function behind the queue does with each capture that was asked for."""
        books = self.books
        for asked in paying.open_captures(books.order):
            capturing.capture(
                books.order_id, asked.key, books.oms.orders, books.providers, books.cause()
            )


def capture(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    books = _paid(given, oms)
    captures, codes = _Captures(books), list[str]()
    for step in steps_of(when, frozenset({"capture", "void"})):
        answers = str(step.more.value("provider_answers", "ok"))
        if answers not in ("ok", "declined", "error", "failed"):
            raise NotUnderstoodError(f"provider_answers: {answers!r}")
        step.more.done()
        books.provider.declines = answers != "ok"
        if step.verb == "void":
            codes.append(books.attempt(lambda: _cancel(books)))
            continue
        codes.append(books.attempt(lambda step=step: captures.capture(step.value)))  # type: ignore[misc]
    return _facts(books, then, next((code for code in codes if code), ""))


def _facts(books: Books, then: Keys, code: str) -> Facts:
    one, order = books.payment(), books.order
    captured = [event for event in one.events if event.kind == "captured"]
    failed = bool(order.progress.unpaid)
    parts = [("completed", one.captured.minor), ("pending", one.capturable.minor)]
    return {
        "accepted": not code and not failed,
        "error": error_called(then.value("error"), code),
        "captures": [event.amount for event in captured],
        "captured": one.captured.minor,
        "captured_at_set": bool(captured) and all(event.at for event in captured),
        "payments": [{"status": word, "amount": amount} for word, amount in parts if amount],
        "status": _status(books),
        "provider_called": bool(books.provider.asked),
    }


def _status(books: Books) -> str:
    order, status = books.order, books.payment().status
    if order.progress.unpaid or status == "declined":
        return "failed"
    if status == "new" and order.state is State.CANCELLED:
        return "void"
    words = {"captured": "completed", "authorized": "pending", "voided": "void", "new": "checkout"}
    return words.get(status, status)


def race(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """Somebody read the payment before, and acts on what was read: the commit is refused, and what
    is decided anew is decided on what there is."""
    books = _paid(given, oms)
    stale = books.order
    meanwhile = str(given.value("meanwhile"))
    if "void" in meanwhile or "cancel" in meanwhile:
        books.before([PaymentEvent("voided", books.payment().capturable.minor, "v", "v", ORIGIN)])
    elif "captur" in meanwhile or "complet" in meanwhile:
        books.before([PaymentEvent("captured", books.payment().capturable.minor, "c", "c", ORIGIN)])
    else:
        raise NotUnderstoodError(f"meanwhile: {meanwhile!r}")
    code = ""
    for step in steps_of(when, frozenset({"capture", "void"})):
        step.more.done()
        if step.verb == "void":
            code = books.attempt(lambda: _cancel(books))
            continue
        value = step.value
        amount = None if value in ("all", None) else Money(minor(value), "USD")
        wanted = stale.payments.capturable if amount is None else amount

        def on_stale(wanted: Money = wanted) -> None:
            one = stale.payments.each[0].id
            execute_on(
                oms.orders,
                stale,
                lambda order: by_hand.decide_capture(order, one, wanted, "k"),
                books.cause(),
            )
            _Captures(books).carry_out()

        code = books.attempt(on_stale)
    return _facts(books, then, code)


# --- letting go -----------------------------------------------------------------------------------


def _cancel(books: Books) -> None:
    """The order is not wanted, and what is held for it is let go of. Where nothing is held, nor may
    be, there is nothing to let go of."""
    before = books.payment().status
    payment.close_cancelled(
        books.order_id, books.oms.orders, books.providers, "cancelled", books.cause()
    )
    if before in ("declined", "captured"):
        raise Conflict("nothing is held", code="nothing_is_held")


def void(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    books = _paid(given, oms)
    if books.order.progress.unpaid:
        books.before([PaymentEvent("declined", 0, "auth", "no", books.cause().at)])
    code = ""
    for step in steps_of(when, frozenset({"void"})):
        step.only()
        code = books.attempt(lambda: _cancel(books))
    return _facts(books, then, code)


def manual(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """Nobody sets a balance here: no step of ours does it."""
    given.value("balances_booked")
    for step in steps_of(when, frozenset({"set_balance"})):
        step.said()
    return {"recorded_event": None, "accepted": False}


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    "request.clamp": clamp,
    "payment.capture": capture,
    "payment.race": race,
    "payment.void": void,
    "ingest.manual_adjustment": manual,
}
