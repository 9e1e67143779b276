"""Collected in a store: ready, handed over against the code, put back when nobody comes."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from oms.aws.pickup_store import PickupStore
from oms.aws.staff_store import StaffTable
from oms.fulfillment import pickup
from oms.fulfillment.pickup_store import Overdue
from oms.fulfillment.staff import Staff
from oms.kernel.clock import rfc3339, utc_now
from oms.kernel.errors import Backordered
from oms.kernel.events import Cause
from oms.orders import decisions, sourcing, supervision
from oms.orders.model import FulfillmentState, Method, Order, State
from oms.orders.supervision import resumption_of
from oms.reporting.waiting import project
from oms.routing.policies import BuiltIn, Policies
from oms.routing.policy import OrderFilter, Rule, SourcingPolicy
from tests.integration.fulfillment.counter import SECRET, Counter, cash, code_of, wrong
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line


def at(moment: datetime, oms: World, pickups: PickupStore) -> int:
    counter = pickup.Counter(oms.orders, oms.stock, pickups)
    return pickup.expire_overdue(counter, Cause(moment, "clock", "not_collected"), 50)


def types(oms: World, order: Order) -> list[str]:
    return [event.type for event in oms.orders.history(order.order_id)]


# --- ready ------------------------------------------------------------------------------------


def test_what_is_ready_is_kept_for_as_long_as_its_store_says(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    oms.catalog.put_node(replace(RJ, pickup_days=3))
    before = utc_now()

    part = store.ready(order := store.order())

    (found,) = store.now(order).progress.fulfillments
    assert found.id == part and found.state is FulfillmentState.READY
    assert found.pickup_until is not None
    assert timedelta(days=3) <= found.pickup_until - before < timedelta(days=3, minutes=1)
    assert pickups.overdue(found.pickup_until, 10) == (Overdue(part, found.pickup_until),)
    assert not pickups.overdue(found.pickup_until - timedelta(milliseconds=1), 10)


def test_said_twice_it_is_ready_once(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())

    store.step(part, "ready", {"until": rfc3339(utc_now() + timedelta(days=30))})

    assert types(oms, order).count("fulfillment_ready") == 1


@pytest.mark.parametrize(
    ("until", "code"),
    [("2026-01-01T00:00:00Z", "in_the_past"), ("2090-01-01T00:00:00Z", "too_far")],
)
def test_nobody_can_come_in_the_past_or_in_another_age(
    store: Counter, until: str, code: str
) -> None:
    (part,) = store.order().progress.fulfillments
    for step in ("accept", "pick"):
        store.step(part.id, step)

    status, problem = store.call(
        "pickup", f"POST /v1/fulfillments/{part.id}/ready", {"until": until}
    )

    assert (status, problem["code"]) == (422, code)


@pytest.mark.parametrize("step", ["ready", "arrive", "hand-over", "counter-change"])
def test_what_is_not_picked_is_neither_ready_nor_handed_over(store: Counter, step: str) -> None:
    (part,) = store.order().progress.fulfillments
    bodies: dict[str, Any] = {
        "hand-over": {"code": code_of(part.id)},
        "counter-change": {"change_id": "c1", "remove": [{"line_id": "MUG", "quantity": 1}]},
    }

    status, problem = store.call(
        "pickup", f"POST /v1/fulfillments/{part.id}/{step}", bodies.get(step)
    )

    assert (status, problem["code"], problem["state"]) == (409, "illegal_transition", "open")


def test_what_is_shipped_to_the_customer_does_not_get_ready(oms: World, store: Counter) -> None:
    (part,) = store.order(node=SP).progress.fulfillments
    for step in ("accept", "pick"):
        store.step(part.id, step)

    status, problem = store.call("pickup", f"POST /v1/fulfillments/{part.id}/ready")

    assert (status, problem["code"]) == (409, "illegal_transition")


def test_the_code_is_in_no_event_and_in_no_answer(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())
    _, listed = store.call("fulfillment", f"GET /v1/fulfillments/{part}")

    told = json.dumps(
        [listed, [event.data for event in oms.orders.history(order.order_id)]], default=str
    )

    assert code_of(part) not in told


# --- handed over ------------------------------------------------------------------------------


def test_the_customer_collects_all_of_it_and_the_order_is_delivered(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    part = store.ready(order := store.order())

    status, answer = store.hand_over(part)

    assert status == 200
    assert answer["handed_over"]["state"] == "delivered" and answer["rest"] is None
    delivered = store.now(order)
    assert delivered.state is State.DELIVERED
    assert [counts.delivered for counts in delivered.progress.counts] == [2, 1]
    assert (oms.balance("MUG", RJ).on_hand, oms.balance("MUG", RJ).reserved) == (0, 0)
    assert oms.ledger("MUG", RJ) == (0, 0)
    assert not pickups.overdue(utc_now() + timedelta(days=90), 10)
    assert store.settled(order).payments.captured.minor == 3000


def test_handed_over_again_nothing_happens(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())
    first = store.hand_over(part)

    again = store.hand_over(part)

    assert again == first
    assert types(oms, order).count("fulfillment_handed_over") == 1


def test_a_part_is_handed_over_and_the_rest_stays_ready_under_the_same_code(
    oms: World, store: Counter
) -> None:
    part = store.ready(order := store.order())
    some = {"lines": [{"line_id": "MUG", "quantity": 1}], "hand_over_id": "h1"}

    status, answer = store.hand_over(part, **some)
    again = store.hand_over(part, **some)

    assert status == 200 and again == (status, answer)
    assert [one["quantity"] for one in answer["handed_over"]["lines"]] == [1]
    assert (answer["rest"]["id"], answer["rest"]["state"]) == (part, "ready")
    assert store.now(order).state is State.RELEASED
    assert (oms.balance("MUG", RJ).on_hand, oms.balance("MUG", RJ).reserved) == (1, 1)
    assert store.hand_over(part)[0] == 200
    assert store.now(order).state is State.DELIVERED


def test_what_the_customer_declines_goes_back_and_is_not_charged(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    part = store.ready(order := store.order())

    status, answer = store.hand_over(
        part, lines=[{"line_id": "MUG", "quantity": 1}], hand_over_id="h1", decline_rest=True
    )

    assert (status, answer["rest"]["state"]) == (200, "uncollected")
    after = store.now(order)
    assert after.state is State.DELIVERED and after.due.minor == 1000
    assert [counts.cancelled for counts in after.progress.counts] == [1, 1]
    assert (oms.balance("MUG", RJ).on_hand, oms.balance("MUG", RJ).reserved) == (1, 0)
    assert oms.balance("TEE", RJ).available == 1
    assert not pickups.overdue(utc_now() + timedelta(days=90), 10)
    assert store.settled(order).payments.captured.minor == 1000


def test_a_decline_that_broke_off_is_taken_up_when_it_is_asked_again(
    oms: World, store: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = store.ready(order := store.order())
    asked: dict[str, Any] = {
        "lines": [{"line_id": "MUG", "quantity": 2}],
        "hand_over_id": "h1",
        "decline_rest": True,
    }
    with monkeypatch.context() as broken:
        broken.setattr(pickup, "put_back", lambda *args: 1 / 0)
        assert store.hand_over(part, **asked)[0] == 500

    status, answer = store.hand_over(part, **asked)

    assert (status, answer["rest"]["state"]) == (200, "uncollected")
    assert types(oms, order).count("fulfillment_handed_over") == 1


def test_who_declines_everything_gets_everything_back(oms: World, store: Counter) -> None:
    order = store.order(collected=3000, method="channel")
    part = store.ready(order)

    status, _ = store.hand_over(part, lines=[], hand_over_id="h1", decline_rest=True)

    assert status == 200
    assert store.now(order).cancel_requested
    assert store.cancelled(order).payments.refund_pending.minor == 3000


def test_what_is_not_ready_is_not_declined_either(store: Counter) -> None:
    (part,) = store.order().progress.fulfillments

    status, problem = store.hand_over(part.id, lines=[], hand_over_id="h1", decline_rest=True)

    assert (status, problem["code"]) == (409, "illegal_transition")


def test_what_lies_ready_is_shown_while_its_order_is_cancelled(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order(deferred=True))
    supervision.request_cancel(order.order_id, "changed my mind", oms.orders, CAUSE)

    status, shown = store.call("fulfillment", f"GET /v1/fulfillments/{part}")
    refused = store.hand_over(part)

    assert (status, shown["state"], shown["due"]) == (200, "ready", "0.00")
    assert (refused[0], refused[1]["code"]) == (409, "cancelling")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"lines": []}, "nothing_asked"),
        ({"lines": [{"line_id": "MUG", "quantity": 1}]}, "hand_over_id_needed"),
        ({"lines": [{"line_id": "HAT", "quantity": 1}], "hand_over_id": "h"}, "unknown_line"),
        (
            {"lines": [{"line_id": "MUG", "quantity": 3}], "hand_over_id": "h"},
            "quantities_do_not_add_up",
        ),
        (
            {"lines": [{"line_id": "MUG", "quantity": 0}], "hand_over_id": "h"},
            "quantity_not_positive",
        ),
        (
            {"lines": [{"line_id": "MUG", "quantity": 0.5}], "hand_over_id": "h"},
            "too_many_decimals",
        ),
        (
            {"lines": [{"line_id": "MUG", "quantity": 1}] * 2, "hand_over_id": "h"},
            "line_twice",
        ),
        ({"payment": cash("1.00")}, "nothing_due"),
        ({"payment": cash("1.001")}, "too_many_decimals"),
        ({"code": "12345"}, "string_pattern_mismatch"),
    ],
)
def test_what_does_not_add_up_is_refused(
    oms: World, store: Counter, body: dict[str, Any], code: str
) -> None:
    part = store.ready(order := store.order())

    status, problem = store.hand_over(part, **body)

    assert (status, problem["code"]) == (422, code)
    assert store.now(order).progress.fulfillments[0].state is FulfillmentState.READY


def test_an_id_names_one_hand_over(store: Counter) -> None:
    part = store.ready(store.order())
    store.hand_over(part, lines=[{"line_id": "MUG", "quantity": 1}], hand_over_id="h1")

    status, problem = store.hand_over(
        part, lines=[{"line_id": "TEE", "quantity": 1}], hand_over_id="h1"
    )

    assert (status, problem["code"]) == (409, "content_differs")


# --- the code ---------------------------------------------------------------------------------


def test_five_wrong_codes_are_heard_and_then_none(oms: World, store: Counter) -> None:
    part = store.ready(order := store.order())

    told = [store.hand_over(part, code=wrong(part)) for _ in range(6)]
    right = store.hand_over(part)

    assert [(status, problem["code"]) for status, problem in told] == [
        *[(403, "wrong_pickup_code")] * 5,
        (429, "too_many_attempts"),
    ]
    assert (right[0], right[1]["code"]) == (429, "too_many_attempts")
    assert store.now(order).progress.fulfillments[0].state is FulfillmentState.READY


def test_after_a_quarter_of_an_hour_codes_are_heard_again(oms: World, pickups: PickupStore) -> None:
    now = utc_now()
    assert [pickups.count_code("ful", now) for _ in range(6)] == [True] * 5 + [False]
    assert not pickups.count_code("ful", now + timedelta(minutes=14))

    assert pickups.count_code("ful", now + timedelta(minutes=16))


def test_of_codes_that_come_at_once_no_more_than_five_are_looked_at(
    oms: World, store: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what else is wrong with a request nor what it declines tells of the right code."""
    part = store.ready(order := store.order(deferred=True))
    looked_at = list[str]()

    def is_code(given: str, secret: str, fulfillment_id: str) -> bool:
        if not looked_at:
            looked_at.append(given)
            # All the others come while the first is looked at.
            told = [store.hand_over(part, code=wrong(part))[0] for _ in range(8)]
            assert told == [403] * 4 + [429] * 4
            right = {"lines": [], "decline_rest": True, "hand_over_id": "h1"}
            assert store.hand_over(part)[0] == store.hand_over(part, **right)[0] == 429
            return False
        looked_at.append(given)
        return code_of(fulfillment_id) == given

    monkeypatch.setattr(pickup, "is_code", is_code)

    assert store.hand_over(part, code=wrong(part))[0] == 403
    assert looked_at == [wrong(part)] * 5
    assert store.now(order).progress.fulfillments[0].state is FulfillmentState.READY


def test_who_has_the_right_code_may_ask_as_often_as_it_takes(store: Counter) -> None:
    part = store.ready(store.order(deferred=True))

    told = [store.hand_over(part)[1]["code"] for _ in range(7)]

    assert told == ["payment_due"] * 7
    assert store.hand_over(part, payment=cash("30.00"))[0] == 200


def test_wrong_codes_are_forgotten_with_the_right_one(store: Counter) -> None:
    part = store.ready(store.order())
    for _ in range(4):
        store.hand_over(part, code=wrong(part))
    some = {"lines": [{"line_id": "MUG", "quantity": 1}], "hand_over_id": "h1"}

    assert store.hand_over(part, **some)[0] == 200

    assert [store.hand_over(part, code=wrong(part))[0] for _ in range(5)] == [403] * 5


# --- paid in the store ------------------------------------------------------------------------


def test_what_was_reserved_is_paid_when_it_is_handed_over(oms: World, store: Counter) -> None:
    order = store.order(deferred=True)
    assert store.now(order).payments.captured.minor == 0
    part = store.ready(order)

    unpaid = store.hand_over(part)
    wrong_amount = store.hand_over(part, payment=cash("29.99"))
    paid = store.hand_over(part, payment=cash("30.00"))

    assert (unpaid[0], unpaid[1]["code"], unpaid[1]["due"]) == (422, "payment_due", "30.00")
    assert (wrong_amount[0], wrong_amount[1]["code"]) == (422, "wrong_amount")
    assert paid[0] == 200
    after = store.now(order)
    assert (after.payments.captured.minor, after.payments.capturable.minor) == (3000, 0)
    settled = store.settled(order)
    assert settled.state is State.COMPLETED and settled.payments.captured.minor == 3000


def test_of_a_part_only_that_is_paid(store: Counter) -> None:
    order = store.order(line("MUG", 3, price=333), deferred=True, shipping=50)
    part = store.ready(order)
    some = {"lines": [{"line_id": "MUG", "quantity": 1}], "hand_over_id": "h1"}

    first = store.hand_over(part, **some, payment=cash("3.83", "T-1"))
    used = store.hand_over(part, payment=cash("6.66", "T-1"))
    rest = store.hand_over(part, payment=cash("6.66", "T-2"))

    assert (first[0], first[1]["due"]) == (200, "6.66")
    assert (used[0], used[1]["code"]) == (422, "receipt_used")
    assert rest[0] == 200
    assert store.settled(order).payments.captured.minor == 1049


def test_who_never_came_owes_nothing(oms: World, store: Counter, pickups: PickupStore) -> None:
    order = store.order(deferred=True)
    store.ready(order)

    at(utc_now() + timedelta(days=8), oms, pickups)

    cancelled = store.cancelled(order)
    assert (cancelled.state, cancelled.status) == (State.CANCELLED, "cancelled")
    assert "void_requested" not in types(oms, order)


# --- brought to the store ---------------------------------------------------------------------


def test_what_is_brought_to_the_store_leaves_its_warehouse_and_is_handed_over_there(
    oms: World, store: Counter
) -> None:
    part = store.ready(order := store.order(node=SP))

    there = store.now(order)
    assert there.state is State.SHIPPED and there.status == "ready_for_pickup"
    assert oms.balance("MUG", SP).on_hand == 0
    assert store.hand_over(part)[0] == 200

    assert store.now(order).state is State.DELIVERED
    assert "MUG" not in {entry.sku for entry in oms.stock.entries("MUG", RJ.id, 9, None).entries}


def test_the_store_sees_what_comes_and_what_lies_ready(oms: World, store: Counter) -> None:
    (part,) = (order := store.order(node=SP)).progress.fulfillments
    seen = []
    for step in ("accept", "pick", "pack", "ship", "arrive"):
        body = {"carrier": "Correios", "tracking_number": "BR1"} if step == "ship" else None
        store.step(part.id, step, body)
        project(order.order_id, part.id, oms.orders, oms.views, utc_now())
        seen.append([_listed(store, node) for node in (SP.id, RJ.id)])

    assert seen == [
        [["accepted"], []],
        [["picked"], []],
        [["packed"], []],
        [[], ["shipped"]],
        [[], ["ready"]],
    ]


def _listed(store: Counter, node: str) -> list[str]:
    status, page = store.call("fulfillment", "GET /v1/fulfillments", query={"node": node})
    assert status == 200
    return [work["state"] for work in page["fulfillments"]]


# --- nobody came ------------------------------------------------------------------------------


def test_what_nobody_collects_goes_back_and_the_order_is_cancelled(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    order = store.order(shipping=500)
    store.ready(order)
    assert at(utc_now() + timedelta(days=6), oms, pickups) == 0

    assert at(utc_now() + timedelta(days=8), oms, pickups) == 1

    put_back = store.now(order)
    assert put_back.cancel_requested
    assert put_back.progress.fulfillments[0].state is FulfillmentState.UNCOLLECTED
    assert oms.balance("MUG", RJ).available == 2 and oms.balance("MUG", RJ).reserved == 0
    resumption = resumption_of(put_back, "fulfillment")
    assert resumption and resumption.error == "OrderCancelRequested"
    cancelled = store.cancelled(order)
    assert cancelled.state is State.CANCELLED
    assert cancelled.payments.voided.minor == 3500
    assert oms.ledger("MUG", RJ) == (2, 0)


def test_what_was_paid_before_is_given_back_with_the_shipping(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    order = store.order(collected=3500, shipping=500, method="channel")
    store.ready(order)

    at(utc_now() + timedelta(days=8), oms, pickups)

    cancelled = store.cancelled(order)
    assert [refund.amount for refund in cancelled.progress.refunds] == [3500]


def test_of_an_order_that_was_collected_in_part_the_rest_is_given_back(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    order = store.order(collected=3000, method="channel")
    part = store.ready(order)
    store.hand_over(part, lines=[{"line_id": "MUG", "quantity": 2}], hand_over_id="h1")

    at(utc_now() + timedelta(days=8), oms, pickups)

    after = store.now(order)
    assert after.state is State.DELIVERED and not after.cancel_requested
    assert [refund.amount for refund in after.progress.refunds] == [1000]
    assert store.settled(order).state is State.COMPLETED


def test_what_was_brought_to_the_store_becomes_its_stock(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    order = store.order(node=SP)
    store.ready(order)

    at(utc_now() + timedelta(days=8), oms, pickups)

    assert (oms.balance("MUG", RJ).on_hand, oms.balance("MUG", RJ).available) == (2, 2)
    assert oms.balance("MUG", SP).on_hand == 0
    assert oms.ledger("MUG", RJ) == (2, 0)
    assert store.cancelled(order).state is State.CANCELLED


def test_what_was_collected_or_taken_back_is_no_longer_waited_for(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    order = store.order()
    part = store.ready(order)
    until = store.now(order).progress.fulfillments[0].pickup_until
    assert until is not None
    store.hand_over(part)
    expected = Overdue(part, until)
    oms.stock.transact([pickups.expect(expected)])

    at(utc_now() + timedelta(days=8), oms, pickups)

    assert not pickups.overdue(utc_now() + timedelta(days=90), 10)
    assert store.now(order).state is State.DELIVERED


def test_one_that_cannot_be_put_back_holds_up_no_other(
    oms: World, store: Counter, pickups: PickupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = store.order(line("MUG")), store.order(line("TEE"))
    parts = [store.ready(stuck), store.ready(other)]
    put_back = pickup.put_back

    def fails_once(part: str, *args: Any) -> Order:
        if part == parts[0]:
            raise RuntimeError("no network")
        return put_back(part, *args)

    monkeypatch.setattr(pickup, "put_back", fails_once)
    with pytest.raises(RuntimeError):
        at(utc_now() + timedelta(days=8), oms, pickups)

    assert store.now(other).cancel_requested
    assert [each.fulfillment_id for each in pickups.overdue(utc_now() + timedelta(days=9), 9)] == [
        parts[0]
    ]


def test_more_lines_than_one_transaction_holds_are_put_back_in_several(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    lines = [line(f"SKU-{number}") for number in range(40)]
    for one in lines:
        oms.catalog.put_item(replace(oms.catalog.items({"MUG"})["MUG"], sku=one.sku))
    order = store.order(*lines)
    store.ready(order)

    at(utc_now() + timedelta(days=8), oms, pickups)

    assert store.now(order).cancel_requested
    assert all(oms.balance(one.sku, RJ).available == 1 for one in lines)


# --- whose work it is -------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["arrive", "hand-over", "counter-change"])
def test_the_staff_of_the_store_hands_over_and_nobody_elses(
    oms: World, store: Counter, step: str
) -> None:
    table = StaffTable(oms.client, "catalog")
    table.put(Staff("of-sp", (SP.id,)))
    (part,) = store.order(node=SP).progress.fulfillments
    bodies: dict[str, Any] = {
        "hand-over": {"code": code_of(part.id)},
        "counter-change": {"change_id": "c1", "remove": [{"line_id": "MUG", "quantity": 1}]},
    }

    status, problem = store.call(
        "pickup", f"POST /v1/fulfillments/{part.id}/{step}", bodies.get(step), caller="of-sp"
    )

    assert (status, problem["code"]) == (403, "not_your_node")


def test_there_is_nothing_of_an_unknown_fulfilment(store: Counter) -> None:
    unknown = f"ful_{'a' * 26}_1"

    status, problem = store.hand_over(unknown)

    assert (status, problem["code"]) == (404, "not_found")


# --- from elsewhere, where the policy says so ---------------------------------------------------


class Brings:
    """A policy with a rule for what is brought to a store."""

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        rule = Rule("brought", OrderFilter(methods=("ship_to_store",)))
        return SourcingPolicy("brings", (rule,))


@pytest.mark.parametrize(
    ("policies", "pickup_mode", "comes_from"),
    [(Brings(), "any", SP.id), (Brings(), "local", None), (BuiltIn(), "any", None)],
)
def test_what_the_store_lacks_is_brought_there_where_the_policy_says_so(
    oms: World, policies: Policies, pickup_mode: str, comes_from: str | None
) -> None:
    oms.catalog.put_node(replace(RJ, pickup=pickup_mode))
    oms.receive("MUG", 2, SP)
    collected = replace(line("MUG", 2), method=Method.PICKUP, pickup_node=RJ.id)
    order = oms.capture(content(collected))

    def reserve() -> Order:
        return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, CAUSE)

    if comes_from is None:
        with pytest.raises(Backordered):
            reserve()
        return
    (allocation,) = reserve().progress.allocations
    assert allocation.node == comes_from
    sourced = oms.orders.load(order.order_id)
    (part,) = decisions.fulfillments_of(sourced, sourced.progress.allocations, ())
    assert (part.method, part.hand_over_at) == (Method.SHIP_TO_STORE, RJ.id)


def test_the_stores_own_stock_comes_first(oms: World) -> None:
    oms.catalog.put_node(replace(RJ, pickup="any"))
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    collected = replace(line("MUG", 2), method=Method.PICKUP, pickup_node=RJ.id)
    order = oms.capture(content(collected))

    sourced = sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, Brings(), CAUSE)

    assert [one.node for one in sourced.progress.allocations] == [RJ.id]


# --- at once ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "key", "left"), [(None, "", 0), ({"MUG": 1}, "h1", 1)], ids=["all", "a part"]
)
def test_asked_six_times_at_once_it_is_handed_over_once(
    oms: World,
    store: Counter,
    pickups: PickupStore,
    units: dict[str, int] | None,
    key: str,
    left: int,
) -> None:
    part = store.ready(order := store.order(line("MUG", 2)))
    asked = pickup.HandOver(code_of(part), units, key)
    counter = pickup.Counter(oms.orders, oms.stock, pickups)

    def ask(number: int) -> str:
        cause = Cause(utc_now() + timedelta(milliseconds=number), "till")
        return pickup.hand_over(part, asked, counter, lambda: SECRET, cause).handed_over

    with ThreadPoolExecutor(6) as tills:
        told = {*tills.map(ask, range(6))}

    assert len(told) == 1
    assert types(oms, order).count("fulfillment_handed_over") == 1
    assert oms.balance("MUG", RJ).on_hand == left


def test_of_many_codes_at_once_five_are_counted(pickups: PickupStore) -> None:
    now = utc_now()

    with ThreadPoolExecutor(8) as guesses:
        heard = [*guesses.map(lambda _: pickups.count_code("ful", now), range(24))]

    assert heard.count(True) == 5
