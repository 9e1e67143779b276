"""Cases of what paying does to an order, and of whether what is paid and held covers it.

A peer's order that has no payment yet is one of ours whose only payment nobody has been asked
about; a further attempt is a further payment. Where the provider settles at once, it tells of a
capture. An order is active until it is placed: paid, or covered.
"""

from collections.abc import Callable, Mapping
from typing import Any

from oms.orders import adding_payment, by_hand, capturing, paying, payment
from oms.orders.model import State
from oms.payments.balances import PaymentEvent
from oms.payments.model import Payment
from oms.payments.several import Payments, authorization_status, charge_status
from tests.cases.payments.books import Books, usd
from tests.cases.payments.ledger import CURRENCY, ORIGIN, SOME_TOTAL, at, minor
from tests.cases.reading import Keys, NotUnderstoodError, Step, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

_TAKEN = frozenset({"settled", "completed", "captured", "paid"})
_HELD = frozenset({"authorized"})
_NOTHING = frozenset({"declined", "error", "failed", "cancelled", "canceled", "created"})


# --- whether it is covered ------------------------------------------------------------------------


def cover(given: Keys, when: Any, then: Keys) -> Facts:
    total = minor(given.first("order_total", "total"))
    found = tuple(
        _payment(f"p{number}", said) for number, said in enumerate(given.each("payments"))
    )
    for step in steps_of(when, frozenset({"check_cover"})):
        step.only()
    payments = Payments(found, CURRENCY)
    charged, held = payments.charged.minor, payments.capturable.minor
    return {
        "covered_by_settled": charge_status(total, 0, charged) in ("full", "overcharged"),
        "covered_by_authorized_or_settled": (
            authorization_status(total, 0, held, charged) == "full"
        ),
    }


def _payment(name: str, said: Keys) -> Payment:
    state, amount = str(said.first("state", "status")), minor(said.value("amount"))
    events: list[PaymentEvent] = []
    if state in _TAKEN:
        events.append(PaymentEvent("captured", amount, name, name, ORIGIN))
    elif state in _HELD:
        events.append(PaymentEvent("authorized", amount, name, name, ORIGIN))
    elif state not in _NOTHING:
        raise NotUnderstoodError(f"payment: {state!r}")
    for number, refund in enumerate(said.each("refunds")):
        events += _refund(f"{name}:r{number}", refund)
    said.done()
    return Payment(name, "card", "simulator", usd(amount), events=tuple(events))


def _refund(name: str, said: Keys) -> list[PaymentEvent]:
    state = str(said.first("state", "status", default="settled"))
    amount = minor(said.first("amount", "total"))
    said.done()
    asked = PaymentEvent("refund_requested", amount, name, f"{name}:requested", at(1))
    if state == "pending":
        return [asked]
    if state not in ("settled", "completed", "failed"):
        raise NotUnderstoodError(f"refund: {state!r}")
    kind: Any = "refund_failed" if state == "failed" else "refunded"
    return [asked, PaymentEvent(kind, amount, name, f"{name}:{state}", at(2))]


# --- paying ---------------------------------------------------------------------------------------

_VERBS = frozenset(
    {"add_payment", "settle_payment", "capture_payment", "cancel_payment", "void_payment"}
)
_DECLINES = frozenset({"declines", "declined", "fails", "errors", "error"})
_SETTLES, _AUTHORIZES = frozenset({"settles"}), frozenset({"authorizes", "authorises"})


def paying_for(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    total = minor(given.value("order_total", SOME_TOTAL))
    answer = str(given.value("provider", "settles"))
    if answer not in _DECLINES | _SETTLES | _AUTHORIZES:
        raise NotUnderstoodError(f"provider: {answer!r}")
    earlier = given.value("payments", None)
    state, paid = str(given.value("order_state", "")), str(given.value("payment_state", ""))
    books = Books(oms, total)
    books.reserve()
    if state.startswith("payment_") or paid:
        _bring(books, paid or state.removeprefix("payment_"), total)
    elif isinstance(earlier, int):
        for _ in range(earlier):
            _attempt(books, "declines", total)
    code = ""
    for step in steps_of(when, _VERBS):
        step.more.done()
        code = books.attempt(lambda step=step: _do(books, step, answer, total))  # type: ignore[misc]
    last = books.order.payments.each[-1]
    return {
        "accepted": not code and last.status != "declined",
        "order_state": _order_called(books),
        "payments": _made(books),
        "payment_state": _called(last.status),
        "error": "payment_declined" if last.status == "declined" else (code or None),
        "active": not _is_placed(books),
    }


def _bring(books: Books, state: str, total: int) -> None:
    books.before([PaymentEvent("authorized", total, "auth", "auth", ORIGIN)])
    if state in _TAKEN:
        books.before([PaymentEvent("captured", total, "taken", "taken", at(1))])
    elif state not in _HELD:
        raise NotUnderstoodError(f"payment_state: {state!r}")


def _do(books: Books, step: Step, answer: str, total: int) -> None:
    match step.verb:
        case "add_payment":
            _attempt(books, answer, total)
        case "settle_payment" | "capture_payment":
            books.provider.declines = answer in _DECLINES
            _settle(books)
        case _:
            payment.close_cancelled(
                books.order_id, books.oms.orders, books.providers, "cancelled", books.cause()
            )


def _attempt(books: Books, answer: str, total: int) -> None:
    """By the payment that the order came with, then by one that is added."""
    number = len(books.order.payments.each) - 1
    if books.payment(number).status != "new":
        number += 1
        means = adding_payment.Means("card", "simulator", "tok")
        books.decide(lambda order: adding_payment.decide(order, means, f"added-{number}:1"))
    books.provider.declines = answer in _DECLINES
    if answer in _SETTLES:
        books.tell("captured", f"paid-{number}", total, number=number)
        return
    one = books.payment(number)
    books.attempt(
        lambda: payment.ask_to_hold(
            books.order, one, books.oms.orders, books.providers, books.cause()
        )
    )


def _settle(books: Books) -> None:
    one, orders = books.payment(), books.oms.orders
    by_hand.request_capture(books.order_id, one.id, None, "settle", orders, books.cause())
    for asked in paying.open_captures(books.order):
        capturing.capture(books.order_id, asked.key, orders, books.providers, books.cause())


def _made(books: Books) -> int:
    return sum(one.status != "new" for one in books.order.payments.each)


def _is_placed(books: Books) -> bool:
    return books.order.state in (State.AUTHORIZED, State.RELEASED)


def _order_called(books: Books) -> str:
    order = books.order
    if order.state is State.CANCELLED:
        return "cancelled"
    if not _is_placed(books):
        return "arranging_payment"
    return "payment_settled" if order.payments.captured >= order.due else "payment_authorized"


def _called(status: str) -> str:
    words = {"captured": "settled", "voided": "cancelled", "new": "created"}
    return words.get(status, status)


PURE: Mapping[str, Callable[[Keys, Any, Keys], Facts]] = {"guard.payment_cover": cover}
KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {"guard.payment": paying_for}
