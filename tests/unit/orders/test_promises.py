"""A promise stays on its order: what it said, how it stands, and where it was moved to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from oms.kernel.encoding import from_json, from_plain, to_json, to_plain
from oms.orders import decisions, paying
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.events import CLASS_BY_TYPE, TYPE_BY_CLASS, Event
from oms.orders.model import Content, Order, Outlook, Progress
from tests.promised import ARRIVES, SHIPS, part, promised, promised_content
from tests.samples import allocated, captured, content, given

LATE = ARRIVES + timedelta(days=4)
OTHER = (part(source="supply:po_2", node="rj-store", ship_by=SHIPS),)
JEOPARDY = happened.PromiseInJeopardy("MUG", ARRIVES, "medium", "supply_late", LATE, 4, OTHER)
RESTORED = happened.PromiseRestored("MUG", ARRIVES, ARRIVES)
MOVED = happened.PromiseMoved("MUG", ARRIVES, ARRIVES, OTHER, "supply_late")


def endangered() -> Order:
    return given(promised(), JEOPARDY)


def test_an_order_without_a_promise_was_promised_nothing() -> None:
    assert captured().promised_parts == ()
    assert captured().promised_day("MUG") is None


def test_a_line_in_parts_is_promised_for_the_day_of_its_last_part() -> None:
    later = part(quantity=1, source="supply:po_1", arrive_by=LATE)
    assert promised(part(quantity=1), later).promised_day("MUG") == LATE


def test_jeopardy_is_told_with_the_new_day() -> None:
    assert decisions.endanger(promised(), JEOPARDY) == (JEOPARDY,)
    outlook = endangered().outlook("MUG")
    assert (outlook.expected, outlook.severity, outlook.alternative) == (LATE, "medium", OTHER)
    assert endangered().outlook("TEE") == Outlook("TEE")


def test_the_same_day_again_is_nothing_new() -> None:
    assert decisions.endanger(endangered(), JEOPARDY) == ()
    worse = replace(JEOPARDY, expected=LATE + timedelta(days=4), severity="high")
    assert decisions.endanger(endangered(), worse) == (worse,)


def test_a_promise_that_is_kept_after_all_is_restored_once() -> None:
    assert decisions.restore_promise(promised(), RESTORED) == ()
    assert decisions.restore_promise(endangered(), RESTORED) == (RESTORED,)
    assert decisions.restore_promise(given(endangered(), RESTORED), RESTORED) == ()


def test_a_moved_line_comes_from_elsewhere_in_time() -> None:
    order = given(endangered(), *decisions.move_promise(endangered(), MOVED))
    assert {each.node for each in order.promised_parts if each.line_id == "MUG"} == {"rj-store"}
    assert order.outlook("MUG").severity == ""
    assert decisions.move_promise(order, MOVED) == ()


def test_who_was_told_of_jeopardy_is_told_that_the_move_ended_it() -> None:
    assert decisions.move_promise(endangered(), MOVED) == (RESTORED, MOVED)
    assert decisions.move_promise(promised(), MOVED) == (MOVED,)


def test_a_moved_line_that_is_late_all_the_same_keeps_its_new_source() -> None:
    order = given(promised(), MOVED, JEOPARDY)
    assert {each.node for each in order.promised_parts if each.line_id == "MUG"} == {"rj-store"}
    assert order.outlook("MUG").severity == "medium"


def shipped() -> Order:
    order = given(promised(), happened.OrderSourced(allocated(promised()), "rule", "because"))
    order = given(order, happened.PaymentAuthorized(order.payments.each[0].id, 3000, "auth", "a"))
    order = given(order, *decisions.release(order))
    number = order.progress.fulfillments[0].id
    return given(order, happened.FulfillmentShipped(number, "Correios", "BR1", promised=True))


def cancelling() -> Order:
    return given(promised(), happened.CancelRequested("changed my mind"))


@pytest.mark.parametrize("order", [shipped, cancelling])
@pytest.mark.parametrize(
    "told",
    [
        lambda order: decisions.endanger(order, JEOPARDY),
        lambda order: decisions.restore_promise(order, RESTORED),
        lambda order: decisions.move_promise(order, MOVED),
    ],
)
def test_what_has_left_or_will_not_leave_is_no_longer_promised(
    order: Callable[[], Order], told: Callable[[Order], Events]
) -> None:
    assert told(order()) == ()


def test_the_steps_of_a_promised_order_say_that_it_is_one() -> None:
    order = promised()
    sourced = decisions.source(order, allocated(order), "rule", "because")
    waits = decisions.backorder(order, ("MUG",), "no MUG")
    closed = paying.close_cancelled(order, "why")
    for event in (*sourced, *waits, *closed):
        assert to_plain(event)["promised"] is True
    for event in decisions.source(captured(), allocated(captured()), "rule", "because"):
        assert "promised" not in to_plain(event)


@pytest.mark.parametrize("event", [JEOPARDY, RESTORED, MOVED])
def test_an_event_comes_back_as_it_was_stored(event: Event) -> None:
    assert from_plain(to_plain(event), CLASS_BY_TYPE[TYPE_BY_CLASS[type(event)]]) == event


def test_a_promise_is_stored_with_the_order() -> None:
    promise = promised_content()
    assert from_json(to_json(promise), Content) == promise
    assert from_json(to_json(endangered().progress), Progress) == endangered().progress


def test_orders_that_were_stored_before_there_were_promises_can_still_be_read() -> None:
    assert "promise" not in to_plain(content())
    assert "outlooks" not in to_plain(captured().progress)
    assert from_plain({"reason": "no"}, happened.OrderCancelled).promised is False


def test_the_promise_is_for_its_last_part() -> None:
    kept = promised_content(part(), part("TEE", 1, arrive_by=date(2026, 5, 20))).promise
    assert kept is not None
    assert kept.arrive_by == date(2026, 5, 20)
