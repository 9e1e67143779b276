"""Cases of what a provider tells: what is recorded of it, once, and what follows for the order.

What a peer records of a report that it refuses, and does not count, is here the report itself: it
is kept, as refused.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from oms.channels.model import PaymentReported
from oms.channels.outcomes import record_payment
from oms.kernel.errors import Invalid
from oms.orders import giving_back, refunding
from oms.orders.model import State
from oms.orders.suggesting import Asked as RefundAsked
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.callbacks import PaymentCallback, callback_body, needs_amount, read_callback
from oms.payments.providers import Approved, definite
from oms.payments.several import charge_status
from tests.cases.payments.books import TOLD_AS, Books, usd
from tests.cases.payments.ledger import (
    KINDS_OF_EVENTS,
    ORIGIN,
    PEERS_KINDS,
    SOME_TOTAL,
    events_of,
    in_peers_words,
    kind_of,
    minor,
    order_facts,
)
from tests.cases.reading import Keys, NotUnderstoodError, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

# What peers call our refusals.
_ERRORS: Mapping[str, frozenset[str]] = {
    "already_exists": frozenset({"already_authorized", "payment_entry_mismatch"}),
    "incorrect_details": frozenset({"payment_entry_mismatch"}),
    "amount_required": frozenset({"invalid_amount"}),
    "required": frozenset({"invalid_amount"}),
    "refund_already_processed": frozenset({"refund_not_failed", "refund_is_open"}),
}


def error_called(expected: Any, code: str) -> Any:
    return expected if code in _ERRORS.get(str(expected), ()) else (code or None)


# --- one report -----------------------------------------------------------------------------------


def ingest(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    total = minor(given.value("order_total", SOME_TOTAL))
    given.value("stored_as")
    given.value("currency")
    books = Books(oms, total)
    books.before(events_of(given))
    events, balances = books.payment().events, books.payment().balances
    steps = steps_of(when, frozenset({"report_event", "provider_answer"}))
    code, said_kind, said = "", "captured", {}
    for step in steps:
        said = dict(step.value)
        said_kind = kind_of(said["type"])
        if step.verb == "provider_answer":
            said = _answered(books, said)
        code = books.attempt(lambda said=said: _tell(books, said))  # type: ignore[misc]
    payment = books.payment()
    new = [event for event in payment.events if event not in events]
    family = PEERS_KINDS[said_kind].partition("_")[0]  # type: ignore[index]
    guessed = any(event.amount for event in new) and said.get("amount") is None
    return {
        "accepted": not code,
        "already_processed": not code and not new,
        "error": error_called(then.value("error"), code),
        "error_field": then.value("error_field") if code else None,
        "recorded_event": _recorded(new, said) if new else None,
        "recorded_extra_event": (
            {"type": f"{family}_failure", "counted": False} if code and not new else None
        ),
        "original_request_counted": _is_counted(books, balances),
        "balances": in_peers_words(payment.balances),
        "amount_is_never_guessed": not guessed and bool(code or not needs(said_kind)),
        **_counts(payment.events),
        **order_facts(books.order.payments, total),
    }


_REQUESTS: Mapping[str, EventKind] = {
    "authorized": "authorization_requested",
    "captured": "capture_requested",
    "refunded": "refund_requested",
}


def _answered(books: Books, said: Mapping[str, Any]) -> dict[str, Any]:
    """A provider that says yes to what it was asked says no amount: it is that of the request."""
    request = _REQUESTS.get(kind_of(said["type"]))
    asked = [event.amount for event in books.payment().events if event.kind == request]
    if "amount_raw" in said or said.get("amount") is not None or not asked:
        return dict(said)
    return {**said, "amount": asked[-1]}


def needs(kind: str) -> bool:
    return needs_amount(TOLD_AS[kind])  # type: ignore[index]


def _tell(books: Books, said: Mapping[str, Any]) -> None:
    keys = Keys("report", said)
    kind, reference = kind_of(keys.value("type")), str(keys.value("ref") or "")
    amount, raw = keys.value("amount"), keys.value("amount_raw")
    for told in ("sent_as", "t", "message"):
        keys.value(told)
    keys.done()
    if raw is not None:
        read_callback(_body(books, kind, reference, str(raw)))
    if not reference and kind in ("authorized", "captured", "voided", "refunded"):
        # An approval that nothing can be asked by later.
        definite(Approved(reference))
    books.tell(kind, reference, minor(amount) if amount is not None else 0)


def _body(books: Books, kind: EventKind, reference: str, raw: str) -> str:
    """The report with an amount as it was written."""
    callback = PaymentCallback(
        "evt_raw", TOLD_AS[kind], books.payment().id, usd(1), reference or "ref"
    )
    document = json.loads(callback_body(callback, ORIGIN))
    document["data"]["amount"] = raw
    return json.dumps(document)


def _recorded(new: list[PaymentEvent], said: Mapping[str, Any]) -> Facts:
    """The last; of what failed the amount is that of what was asked for."""
    kind = said["type"]
    event = next((one for one in new if PEERS_KINDS.get(one.kind) == kind), new[-1])
    names = (event.provider_reference, event.reference)
    reference = said.get("ref") if said.get("ref") in names else None
    return {
        "type": PEERS_KINDS.get(event.kind, event.kind),
        "ref": reference,
        "amount": event.amount or said.get("amount"),
    }


def _is_counted(books: Books, before: Any) -> bool:
    """Whether what was pending still is."""
    found = books.payment().balances
    names = ("authorization_pending", "capture_pending", "refund_pending", "void_pending")
    return any(getattr(before, name) and getattr(found, name) for name in names)


def _counts(events: tuple[PaymentEvent, ...]) -> Facts:
    return {
        f"events_of_type_{word}": sum(event.kind == ours for event in events)
        for word, ours in KINDS_OF_EVENTS.items()
    }


# --- what the order tells -------------------------------------------------------------------------


def notify(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A peer's event of an order is here a change that one commit made to it."""
    total = minor(given.value("order_total"))
    names = [
        str(each.value("id", number)) for number, each in enumerate(given.each("transactions"))
    ]
    books = Books(oms, total)
    books.reserve()
    before, version = books.order, books.order.version
    for step in steps_of(when, frozenset({"event"})):
        said = step.said()
        if str(said.value("transaction", names[0])) not in names:
            raise NotUnderstoodError(f"transaction: {said.members}")
        kind, reference = kind_of(said.value("type")), str(said.value("ref") or "")
        amount = minor(said.value("amount"))
        said.done()
        books.attempt(
            lambda kind=kind, reference=reference, amount=amount: books.tell(  # type: ignore[misc]
                kind, reference, amount
            )
        )
    order = books.order
    payments = order.payments
    told = {
        "order_updated": order.version > version,
        "order_paid": payments.charged > before.payments.charged,
        "order_fully_paid": (
            payments.charged > before.payments.charged
            and charge_status(total, 0, payments.charged.minor) == "full"
        ),
        "order_refunded": bool(payments.refunded),
        "order_fully_refunded": payments.refunded.minor >= total > 0,
    }
    emitted = sorted(name for name, is_so in told.items() if is_so)
    wanted = then.value("not_emitted", ())
    return {
        "emitted_once": emitted,
        "not_emitted": [name for name in wanted if not told[name]],
        **order_facts(payments, total),
    }


# --- refunds that were granted --------------------------------------------------------------------

_REFUND_WORDS: Mapping[str, tuple[str, ...]] = {
    "requested": ("PENDING",),
    "refunded": ("SUCCESS",),
    "failed": ("FAILURE", "NONE"),
}


def _granted(given: Keys, oms: World) -> tuple[Books, str]:
    """What is charged is so beside what is on its way back."""
    balances = given.keys("balances")
    charged = minor(balances.value("charged", 0))
    balances.done()
    said = given.keys("granted_refund")
    amount, state = minor(said.value("amount")), str(said.value("status", "") or "").upper()
    said.value("transaction")
    said.done()
    events = events_of(given)
    on_its_way = sum(event.amount for event in events if event.kind == "refund_requested")
    given_back = amount if state == "SUCCESS" else 0
    taken = charged + on_its_way + given_back
    books = Books(oms, taken)
    held = [
        PaymentEvent("authorized", taken, "auth", "auth", ORIGIN),
        PaymentEvent("captured", taken, "capture", "capture", ORIGIN),
    ]
    books.before([*held, *events])
    if state in ("SUCCESS", "FAILURE", "PENDING"):
        answer: dict[str, EventKind] = {"SUCCESS": "refunded", "FAILURE": "refund_failed"}
        kind = answer.get(state, "refund_requested")
        books.before([PaymentEvent(kind, amount, "granted", "granted", ORIGIN)])
    elif state not in ("", "NONE"):
        raise NotUnderstoodError(f"granted_refund: {state!r}")
    return books, next(iter(books.refunds.values()), "") or f"new:{amount}"


def granted_status(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    books, refund = _granted(given, oms)
    code = ""
    for step in steps_of(when, frozenset({"report_event", "provider_answer"})):
        code = books.attempt(lambda step=step: _tell(books, step.value))  # type: ignore[misc]
    state = books.order.refund_state(refund)
    return {
        "accepted": not code,
        "granted_refund_status": _refund_called(then.value("granted_refund_status"), state),
    }


def _refund_called(expected: Any, state: str) -> Any:
    words = _REFUND_WORDS.get(state, ("NONE",))
    return expected if expected in words else words[0]


def granted_trigger(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """Granting is asking here; what was asked for before is asked for again when it failed."""
    wanted = minor(given.keys("granted_refund").value("amount"))
    books, refund = _granted(given, oms)
    before = books.payment().events
    for step in steps_of(when, frozenset({"send_granted_refund_to_provider"})):
        amount = minor(step.more.value("amount", wanted))
        step.only()
    orders, known = oms.orders, not refund.startswith("new:")

    def send() -> None:
        if known:
            asked = refunding.retry(books.order_id, refund, orders, books.cause())
            if asked.version == version:
                raise Invalid("it is on its way", code="refund_is_open")
            return
        asked_for = RefundAsked(goodwill=usd(amount))
        refunding.request(books.order_id, asked_for, "k", orders, oms.stock, books.cause())

    version = books.order.version
    code = books.attempt(send)
    new = [event for event in books.payment().events if event not in before]
    refund = books.order.progress.refunds[-1].id if books.order.progress.refunds else ""
    state = books.order.refund_state(refund)
    if not code:
        giving_back.give_back(
            books.order_id, refund, orders, books.providers, lambda *_: "", books.cause()
        )
    return {
        "accepted": not code,
        "error": error_called(then.value("error"), code),
        "provider_called": "refund" in books.provider.asked,
        "granted_refund_status": _refund_called(then.value("granted_refund_status"), state),
        "recorded_event": _requested(new),
    }


def _requested(new: list[PaymentEvent]) -> Facts | None:
    asked = [event for event in new if event.kind == "refund_requested"]
    return {"type": "refund_request", "amount": asked[0].amount} if asked else None


# --- a customer pays at a provider ----------------------------------------------------------------

_WEBHOOKS: Mapping[str, EventKind] = {
    "authorized": "authorized",
    "captured": "captured",
    "failed": "declined",
    "declined": "declined",
    "canceled": "declined",
    "cancelled": "declined",
}


def webhook(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A session is a payment that waits for its customer; who names none that we know is answered
    all the same, and nothing comes of it. An order is placed when it is paid or covered."""
    total = minor(given.value("order_total", "T"))
    session = given.value("session", "open")
    given.value("order")
    given.value("payments")
    books = Books(oms, total)
    books.reserve()
    verbs = frozenset({"webhook"})
    for number, step in enumerate(steps_of(when, verbs)):
        word = str(step.value)
        if word not in _WEBHOOKS:
            raise NotUnderstoodError(f"webhook: {word!r}")
        if session is None:
            books.attempt(lambda: _of_nobody(books, oms))
            continue
        kind, name = _WEBHOOKS[word], f"{word}_1"
        books.attempt(lambda kind=kind, name=name: books.tell(kind, name, total))  # type: ignore[misc]
        assert number < 10
    order = books.order
    live = [one for one in order.payments.each if one.status in ("authorized", "captured")]
    placed = order.state is State.AUTHORIZED
    status = books.payment().status
    return {
        # What is received is answered before it is looked at.
        "accepted": True,
        "payments": len(live),
        "payment_status": {"captured": "completed", "authorized": "pending"}.get(status, status),
        "captured": "T"
        if order.payments.captured.minor == total
        else order.payments.captured.minor,
        "order_placed": placed,
        "order_payment_status": {"captured": "paid", "authorized": "authorized"}.get(
            status, status
        ),
        "session": _session_called(then.value("session"), status),
    }


def _of_nobody(books: Books, oms: World) -> None:
    callback = PaymentCallback(
        "evt_nobody", "payment.captured", "", usd(1), "ref", authorization="nobody"
    )
    record_payment(PaymentReported("simulator", callback), oms.orders, books.cause())


def _session_called(expected: Any, status: str) -> Any:
    words = {
        "declined": ("failed", "canceled", "cancelled"),
        "captured": ("captured", "completed", "paid"),
        "authorized": ("authorized",),
        "new": ("open", "pending", "initial"),
    }.get(status, (status,))
    return expected if expected in words else words[0]


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    **dict.fromkeys(
        ("ingest.duplicate", "ingest.bad_value", "ingest.deduce_amount", "ingest.missing_ref"),
        ingest,
    ),
    "notify.order_events": notify,
    "granted_refund.status": granted_status,
    "granted_refund.trigger": granted_trigger,
    "payment.webhook": webhook,
}
