"""A provider's reports come to the same, in whatever order and however often they come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.channels.model import PaymentReported
from oms.channels.outcomes import record_payment
from oms.kernel.errors import Conflict, NotFound
from oms.kernel.ids import order_id, payment_id
from oms.orders import events as happened
from oms.orders.model import Order, PaymentRequest, State
from oms.orders.paying import Taken, capture_made
from oms.payments.callbacks import CallbackType, PaymentCallback
from tests.integration.world import World, world_in_memory
from tests.samples import CAUSE, NOW, allocated, content, line, money

DUE = 4000
ORDER = order_id("web", "id:1")
PAYMENT = payment_id(ORDER, 1)
PARTS = (500, 1500, 2000)


@dataclass(frozen=True)
class Told:
    """One report of the story of a payment, ``second`` after the order."""

    kind: CallbackType
    amount: int
    reference: str
    second: int

    def report(self, copy: int = 0) -> PaymentReported:
        callback = PaymentCallback(
            id=f"{self.reference}:{self.kind}" + (f":{copy}" if copy else ""),
            type=self.kind,
            payment_id=PAYMENT,
            amount=money(self.amount),
            reference=self.reference,
            at=NOW + timedelta(seconds=self.second),
            authorization="psp_held",
        )
        return PaymentReported("adyen", callback)


SECONDS = st.integers(min_value=1, max_value=60)


@st.composite
def stories(draw: st.DrawFn, distinct: bool = False) -> list[Told]:
    """What may become of one hold: taken in parts, given back, taken back; each may fail late, or
    be told to have failed though it did not."""
    seconds = count(1)
    story = [Told("payment.authorized", DUE, "psp_held", 0)]
    if draw(st.booleans()):
        story.append(Told("payment.declined", DUE, "psp_earlier", next(seconds)))
    taken = [
        _part(draw, "capture", number, amount)
        for number, amount in enumerate(
            draw(st.lists(st.sampled_from(PARTS), max_size=3, unique=distinct))
        )
    ]
    if sum(part[0].amount for part in taken) > DUE:
        taken = taken[:1]
    for part in taken:
        story += part
    if draw(st.booleans()):
        story.append(Told("payment.voided", DUE, "psp_void", draw(SECONDS)))
    kept = sum(part[0].amount for part in taken if len(part) == 1)
    if kept and draw(st.booleans()):
        story += _part(draw, "refund", 0, min(kept, 300))
    if kept and draw(st.booleans()):
        story.append(Told("payment.charged_back", 200, "psp_dispute", draw(SECONDS)))
    if draw(st.booleans()):
        story.append(Told("payment.authorization_adjusted", DUE, "psp_more", draw(SECONDS)))
    return story


def _part(draw: st.DrawFn, operation: str, number: int, amount: int) -> list[Told]:
    done: CallbackType = "payment.captured" if operation == "capture" else "payment.refunded"
    failed: CallbackType = (
        "payment.capture_failed" if operation == "capture" else "payment.refund_failed"
    )
    reference = f"psp_{operation}_{number}"
    told = [Told(done, amount, reference, draw(SECONDS))]
    if draw(st.booleans()):
        told.append(Told(failed, amount, reference, draw(SECONDS)))
    return told


def given_order(oms: World, *before: happened.Event) -> Order:
    captured = content(line("MUG", 4, 1000))
    captured = replace(captured, payments=(PaymentRequest("card", "adyen", money(0), "tok"),))
    order = oms.capture(captured)
    sourced = happened.OrderSourced(allocated(order), "rule", "why")
    return oms.orders.commit(order, (sourced, *before), CAUSE)


def told_to(oms: World, reports: Sequence[PaymentReported]) -> Order:
    """As the queue does it: what cannot be so yet is told again after the others."""
    waiting = list(reports)
    while waiting:
        again = []
        for report in waiting:
            try:
                record_payment(report, oms.orders, CAUSE)
            except (Conflict, NotFound):
                again.append(report)
        if len(again) == len(waiting):
            break
        waiting = again
    return oms.orders.load(ORDER)


def outcome(order: Order) -> Any:
    """What an order's money comes to. Names and numbers of refunds follow arrival."""
    refunds = Counter(
        (refund.amount, refund.granted, refund.state, refund.completed)
        for refund in order.progress.refunds
    )
    balances = [astuple(payment.balances) for payment in order.payments.each]
    return (
        balances,
        order.payments.status,
        order.due,
        order.payments.voided,
        refunds,
        bool(order.progress.unpaid),
    )


# With money that is gone by the time we hear of it an order does not go on; one that went on before
# does not go back by itself.
_GONE = {"payment.voided", "payment.charged_back"}


def oms_state(oms: World) -> State:
    return oms.orders.load(ORDER).state


def _in_order(story: Sequence[Told]) -> list[PaymentReported]:
    return [told.report() for told in sorted(story, key=lambda told: told.second)]


@given(stories(), st.data())
def test_any_order_with_any_repetition_comes_to_the_same(
    story: list[Told], data: st.DataObject
) -> None:
    orderly, jumbled = world_in_memory(), world_in_memory()
    given_order(orderly), given_order(jumbled)
    copies = [told.report(copy) for told in story for copy in (0, data.draw(st.integers(0, 1)))]

    expected = outcome(told_to(orderly, _in_order(story)))
    found = outcome(told_to(jumbled, data.draw(st.permutations(copies))))

    assert found == expected
    if not _GONE & {told.kind for told in story}:
        assert oms_state(jumbled) == oms_state(orderly)


# Of captures of one amount only one is under way at a time: each is asked once the one before is
# decided.
@given(stories(distinct=True), st.data())
def test_our_own_answer_and_the_report_of_the_same_count_once(
    story: list[Told], data: st.DataObject
) -> None:
    """Each capture was asked for; our answers arrive somewhere between the reports, or never."""
    asked = [told for told in story if told.kind == "payment.captured"]
    requests = [
        happened.CaptureRequested(PAYMENT, told.amount, f"{PAYMENT}:capture:{number}", "shipped")
        for number, told in enumerate(asked, start=1)
    ]
    orderly, jumbled = world_in_memory(), world_in_memory()
    given_order(orderly, *requests), given_order(jumbled, *requests)
    answered = [
        (Taken(PAYMENT, told.amount, request.reference, told.reference), told)
        for told, request in zip(asked, requests, strict=True)
        if data.draw(st.booleans())
    ]
    things: list[Any] = [*(told.report() for told in story), *answered]

    expected = outcome(told_to(orderly, _in_order(story)))
    for thing in data.draw(st.permutations(things)):
        if isinstance(thing, PaymentReported):
            told_to(jumbled, [thing])
        else:
            _answer(jumbled, *thing)
    found = outcome(told_to(jumbled, _in_order(story)))

    assert found == expected


def _answer(oms: World, taken: Taken, told: Told) -> None:
    order = oms.orders.load(ORDER)
    at = NOW + timedelta(seconds=told.second)
    if events := capture_made(order, taken, at):
        oms.orders.commit(order, events, CAUSE)


@pytest.mark.parametrize("cancelled", [False, True])
@given(st.permutations([("psp_1", 4000), ("psp_2", 4000), ("psp_2", 4000), ("psp_3", 500)]))
def test_money_that_nobody_owes_goes_back_however_it_came(
    cancelled: bool, arrivals: list[tuple[str, int]]
) -> None:
    oms = world_in_memory()
    given_order(oms, *((happened.OrderCancelled("no", False),) if cancelled else ()))

    told_to(oms, [Told("payment.captured", much, name, 1).report() for name, much in arrivals])

    order = oms.orders.load(ORDER)
    assert order.payments.captured == money(8500)
    assert sum(refund.amount for refund in order.progress.refunds) == (8500 if cancelled else 4500)
    assert order.payments.kept == money(8500)
    assert order.payments.refundable == money(0 if cancelled else 4000)
