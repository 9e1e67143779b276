"""Rejecting, dividing, merging, moving, joining: over the API, with every refusal."""

from dataclasses import replace
from typing import Any

import pytest

from oms.aws.order_store import OrderStore
from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.catalog.model import Item
from oms.kernel.errors import Unavailable
from oms.kernel.ids import order_of
from oms.orders.addressing import change_address
from oms.orders.model import Content, Fulfillment, FulfillmentState, Order, State
from oms.reporting.waiting import work_of
from oms.routing.policy import BUILT_IN
from tests.integration.fulfillment.station import stock_up
from tests.integration.gateway import Gateway
from tests.integration.orders.routed import MG, Desk, at
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

MISSING = f"ful_{'a' * 26}_1"


@pytest.fixture
def desk(oms: World) -> Desk:
    oms.catalog.put_node(MG)
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 9)
        oms.receive(sku, 9, RJ)
    return Desk(oms)


def loaded(desk: Desk, order: Order) -> Order:
    return desk.oms.orders.load(order.order_id)


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["code"]


# --- rejecting -----------------------------------------------------------------------------------


def test_a_node_rejects_units_once_for_a_key(desk: Desk, call: Gateway) -> None:
    order = desk.released()
    part = at(order, SP)
    body = {"reason": "damaged", "lines": [{"line_id": "MUG", "quantity": 1}]}
    for _ in range(2):
        status, answer = call(
            "fulfillment",
            f"POST /v1/fulfillments/{part.id}/reject",
            body,
            headers={"idempotency-key": "once"},
        )
        assert status == 200
    assert [one["quantity"] for one in answer["lines"]] == [1, 1]
    assert loaded(desk, order).unrouted == {"MUG": 1}
    assert desk.oms.balance("MUG").damaged == 1
    desk.check()


def test_a_rejection_of_many_lines_that_broke_off_goes_on_under_its_key(
    desk: Desk, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        desk.oms.catalog.put_item(Item(f"SKU-{number}", "An item"))
        desk.oms.receive(f"SKU-{number}", 1)
    order = desk.released(content(*(line(f"SKU-{number}") for number in range(20))))
    part, commits, commit = at(order, SP), list[int](), OrderStore.commit

    def breaks_off(*args: Any) -> Order:
        commits.append(1)
        if len(commits) == 2:
            raise Unavailable("out of time")
        return commit(*args)

    monkeypatch.setattr(OrderStore, "commit", breaks_off)
    path, key = f"POST /v1/fulfillments/{part.id}/reject", {"Idempotency-Key": "k1"}
    told = [call("fulfillment", path, {"reason": "closed"}, headers=key) for _ in range(3)]

    assert [status for status, _ in told] == [503, 200, 200]
    assert {answer["state"] for _, answer in told[1:]} == {"rejected"}
    desk.check()


def test_what_a_node_has_to_count_is_listed_until_it_is_counted(desk: Desk, call: Gateway) -> None:
    part = at(desk.released(), SP)
    call("fulfillment", f"POST /v1/fulfillments/{part.id}/reject", {"reason": "not_in_stock"})
    _, first = call("fulfillment", "GET /v1/nodes/sp-dc/count-tasks", query={"limit": "1"})
    assert [task["sku"] for task in first["tasks"]] == ["MUG"]
    cursor = first["next_cursor"]
    _, rest = call("fulfillment", "GET /v1/nodes/sp-dc/count-tasks", query={"cursor": cursor})
    assert [(task["sku"], task["fulfillment_id"]) for task in rest["tasks"]] == [("TEE", part.id)]
    for sku in ("MUG", "TEE"):
        movement = {"id": f"c-{sku}", "kind": "count", "sku": sku, "node": "sp-dc", "quantity": 7}
        assert call("inventory", "POST /v1/inventory/movements", movement)[0] == 201
    _, done = call("fulfillment", "GET /v1/nodes/sp-dc/count-tasks")
    assert done["tasks"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "bored"}, "literal_error"),
        ({"reason": "closed", "lines": [{"line_id": "X", "quantity": 1}]}, "unknown_line"),
        ({"reason": "closed", "lines": [{"line_id": "MUG", "quantity": 1}] * 2}, "line_twice"),
        (
            {"reason": "closed", "lines": [{"line_id": "MUG", "quantity": 0}]},
            "quantity_not_positive",
        ),
        ({"reason": "closed", "lines": [{"line_id": "MUG", "quantity": 0.5}]}, "too_many_decimals"),
        (
            {"reason": "closed", "lines": [{"line_id": "MUG", "quantity": 9}]},
            "quantities_do_not_add_up",
        ),
    ],
)
def test_a_rejection_that_makes_no_sense_is_refused(
    desk: Desk, call: Gateway, body: dict[str, Any], code: str
) -> None:
    part = at(desk.released(), SP)
    status, problem = call("fulfillment", f"POST /v1/fulfillments/{part.id}/reject", body)
    codes = {problem["code"], *(fault["code"] for fault in problem.get("errors", ()))}
    assert status == 422
    assert code in codes


def test_what_has_left_is_not_rejected(desk: Desk, call: Gateway) -> None:
    part = at(desk.released(), SP)
    desk.step(part, "accept", "pick", "pack", "ship")
    answer = call("fulfillment", f"POST /v1/fulfillments/{part.id}/reject", {"reason": "closed"})
    assert refused(answer) == (409, "illegal_transition")
    assert answer[1]["state"] == "shipped"


def test_a_rejection_of_nothing_is_not_found(desk: Desk, call: Gateway) -> None:
    answer = call("fulfillment", f"POST /v1/fulfillments/{MISSING}/reject", {"reason": "closed"})
    assert refused(answer) == (404, "not_found")


# --- dividing and merging ------------------------------------------------------------------------


def test_a_fulfilment_is_divided_and_put_together_again(desk: Desk, call: Gateway) -> None:
    order = desk.released()
    part = at(order, SP)
    body = {"lines": [{"line_id": "MUG", "quantity": 1}]}
    status, answer = call("fulfillment", f"POST /v1/fulfillments/{part.id}/split", body)
    assert status == 200
    rest, new = answer["fulfillments"]
    assert [one["quantity"] for one in new["lines"]] == [1]
    status, answer = call(
        "fulfillment", f"POST /v1/fulfillments/{part.id}/merge", {"with": [new["id"]]}
    )
    assert status == 200
    assert at(loaded(desk, order), SP).units == {"MUG": 2, "TEE": 1}
    assert rest["id"] == part.id
    desk.check()


def test_a_division_into_all_and_nothing_is_refused(desk: Desk, call: Gateway) -> None:
    part = at(desk.released(content(line("MUG", 2))), SP)
    body = {"lines": [{"line_id": "MUG", "quantity": 2}]}
    answer = call("fulfillment", f"POST /v1/fulfillments/{part.id}/split", body)
    assert refused(answer) == (422, "quantities_do_not_add_up")


def test_what_is_not_as_far_along_is_not_merged(desk: Desk, call: Gateway) -> None:
    order = desk.released()
    part = at(order, SP)
    _, answer = call(
        "fulfillment",
        f"POST /v1/fulfillments/{part.id}/split",
        {"lines": [{"line_id": "TEE", "quantity": 1}]},
    )
    new = answer["fulfillments"][1]["id"]
    desk.step(part, "accept")
    merged = call("fulfillment", f"POST /v1/fulfillments/{part.id}/merge", {"with": [new]})
    assert refused(merged) == (409, "not_mergeable")
    other = at(desk.released(content(line("MUG"), number="2")), SP)
    merged = call("fulfillment", f"POST /v1/fulfillments/{part.id}/merge", {"with": [other.id]})
    assert refused(merged) == (409, "not_mergeable")


# --- moving --------------------------------------------------------------------------------------


def test_a_fulfilment_is_moved_with_its_stock(desk: Desk, call: Gateway) -> None:
    order = desk.released()
    part = at(order, SP)
    desk.step(part, "accept", "pick")
    move = {"node": "rj-store", "reason": "closer"}
    status, answer = call("fulfillment", f"POST /v1/fulfillments/{part.id}/move", move)
    assert status == 200
    assert [one["state"] for one in answer["fulfillments"]] == ["moved", "open"]
    order = desk.project(loaded(desk, order))
    assert at(order, RJ).units == {"MUG": 2, "TEE": 1}
    assert desk.oms.balance("MUG").reserved == 0
    assert desk.oms.balance("MUG", RJ).reserved == 2
    desk.check()
    listed = desk.oms.views.waiting(work_of("rj-store"), 10, None).waiting
    assert [one.id for one in listed] == [at(order, RJ).id]
    assert desk.oms.views.waiting(work_of("sp-dc"), 10, None).waiting == ()
    again = call("fulfillment", f"POST /v1/fulfillments/{part.id}/move", move)
    assert again[0] == 200
    assert loaded(desk, order) == order


def test_a_move_is_refused_where_it_cannot_be(desk: Desk, call: Gateway) -> None:
    part = at(desk.released(), SP)
    path = f"POST /v1/fulfillments/{part.id}/move"
    assert refused(call("fulfillment", path, {"node": "mg-dc"})) == (409, "insufficient_stock")
    assert refused(call("fulfillment", path, {"node": "sp-dc"})) == (422, "same_node")
    assert refused(call("fulfillment", path, {"node": "nowhere"})) == (422, "unknown_node")
    desk.oms.catalog.put_node(replace(MG, id="full", capacity_per_day=0))
    assert refused(call("fulfillment", path, {"node": "full"})) == (409, "node_takes_no_work")
    desk.step(part, "accept", "pick", "pack", "ship")
    assert refused(call("fulfillment", path, {"node": "mg-dc"})) == (409, "illegal_transition")
    desk.check()


# --- joint shipments -----------------------------------------------------------------------------


NUMBER = {"carrier": "c", "tracking_number": "t-1"}


@pytest.fixture
def merging(desk: Desk) -> Desk:
    policy = replace(BUILT_IN, id="merging", merge_orders=True)
    SourcingPolicyStore(desk.oms.client, "catalog").put(policy, CAUSE)
    return desk


def two(desk: Desk, other: Content | None = None) -> tuple[Fulfillment, Fulfillment]:
    first = at(desk.released(content(line("MUG"))), SP)
    second = desk.released(other or content(line("TEE"), number="2"))
    return first, second.live_fulfillments[0]


def test_orders_of_one_customer_leave_as_one_shipment(merging: Desk, call: Gateway) -> None:
    first, second = two(merging)
    _, listed = call("fulfillment", f"GET /v1/fulfillments/{first.id}/mergeable")
    assert [one["id"] for one in listed["fulfillments"]] == [second.id]
    body = {"fulfillments": [first.id, second.id]}
    status, shipment = call("fulfillment", "POST /v1/shipments", body)
    assert status == 200
    again = call("fulfillment", "POST /v1/shipments", {"fulfillments": [second.id, first.id]})
    assert again == (200, shipment)
    for part in (first, second):
        merging.step(part, "accept", "pick", "pack")
    number = {"carrier": "c", "tracking_number": "t-1"}
    assert call("fulfillment", f"POST /v1/fulfillments/{second.id}/ship", number)[0] == 200
    _, left = call("fulfillment", f"GET /v1/shipments/{shipment['id']}")
    assert [one["tracking_number"] for one in left["fulfillments"]] == ["t-1", "t-1"]
    assert call("fulfillment", f"POST /v1/fulfillments/{first.id}/ship", number)[0] == 200
    assert call("fulfillment", f"POST /v1/fulfillments/{first.id}/deliver")[0] == 200
    _, arrived = call("fulfillment", f"GET /v1/shipments/{shipment['id']}")
    assert {one["state"] for one in arrived["fulfillments"]} == {"delivered"}
    merging.check()


def test_a_shipment_does_not_leave_by_half(merging: Desk, call: Gateway) -> None:
    first, second = two(merging)
    call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    merging.step(first, "accept", "pick", "pack")
    number = {"carrier": "c", "tracking_number": "t-1"}
    answer = call("fulfillment", f"POST /v1/fulfillments/{first.id}/ship", number)
    assert refused(answer) == (409, "illegal_transition")
    _, read = call("fulfillment", f"GET /v1/fulfillments/{first.id}")
    assert read["state"] == "packed"


def test_shipping_goes_on_where_it_stopped(merging: Desk, call: Gateway) -> None:
    first, second = two(merging)
    call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    for part in (first, second):
        merging.step(part, "accept", "pick", "pack")
    merging.step(first, "ship")
    number = {"carrier": "c", "tracking_number": f"t-{first.id}"}
    assert call("fulfillment", f"POST /v1/fulfillments/{second.id}/ship", number)[0] == 200
    _, read = call("fulfillment", f"GET /v1/fulfillments/{second.id}")
    assert read["tracking_number"] == f"t-{first.id}"
    merging.check()


def test_what_leaves_after_its_shipment_has_arrived_has_arrived(
    merging: Desk, call: Gateway
) -> None:
    first, second = two(merging)
    call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    for part in (first, second):
        merging.step(part, "accept", "pick", "pack")
    merging.step(first, "ship", "deliver")

    status, left = call("fulfillment", f"POST /v1/fulfillments/{second.id}/ship", NUMBER)

    assert (status, left["tracking_number"]) == (200, f"t-{first.id}")
    assert left["state"] == "delivered"


def test_nothing_of_a_shipment_leaves_while_two_of_it_have_labels(
    merging: Desk, call: Gateway
) -> None:
    stock_up(merging.oms)
    first, second = two(merging)
    call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    for part in (first, second):
        merging.step(part, "accept", "pick", "pack")
        assert call("parcels", f"POST /v1/fulfillments/{part.id}/label")[0] == 200

    answer = call("fulfillment", f"POST /v1/fulfillments/{first.id}/ship")

    assert refused(answer) == (409, "labelled")
    assert call("fulfillment", f"GET /v1/fulfillments/{first.id}")[1]["state"] == "packed"
    assert call("parcels", f"POST /v1/fulfillments/{second.id}/label/cancel")[0] == 200
    assert call("fulfillment", f"POST /v1/fulfillments/{first.id}/ship")[0] == 200
    assert call("fulfillment", f"POST /v1/fulfillments/{first.id}/ship")[0] == 200
    assert call("fulfillment", f"GET /v1/fulfillments/{second.id}")[1]["state"] == "shipped"


@pytest.mark.parametrize("differs", ["customer", "address", "node", "policy"])
def test_what_does_not_go_together_is_not_joined(
    desk: Desk, call: Gateway, request: pytest.FixtureRequest, differs: str
) -> None:
    if differs != "policy":
        request.getfixturevalue("merging")
    other = content(line("TEE"), number="2")
    if differs == "customer":
        other = replace(other, customer=replace(other.customer, id="c2"))
    if differs == "address":
        other = replace(other, shipping_address=replace(other.shipping_address, line1="Elsewhere"))
    first, second = two(desk, other)
    if differs == "node":
        call("fulfillment", f"POST /v1/fulfillments/{second.id}/move", {"node": "rj-store"})
        second = desk.oms.orders.load(other.order_id).live_fulfillments[0]
    _, listed = call("fulfillment", f"GET /v1/fulfillments/{first.id}/mergeable")
    assert listed["fulfillments"] == []
    answer = call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    assert refused(answer) == (409, "not_mergeable")
    assert not desk.oms.orders.load(other.order_id).live_fulfillments[0].shipment


def test_a_shipment_that_there_is_none_of_is_not_found(call: Gateway) -> None:
    assert refused(call("fulfillment", f"GET /v1/shipments/shp_{'a' * 26}")) == (404, "not_found")


# --- what a person must decide -------------------------------------------------------------------


@pytest.fixture
def stuck(desk: Desk) -> Order:
    """An order that both nodes which have it said no to."""
    order = desk.released(content(line("MUG", 2), line("TEE")))
    order = desk.reroute(desk.reject(at(order, SP), "too_busy", {"MUG": 2}))
    order = desk.reroute(desk.reject(at(order, RJ), "closed"))
    assert order.status == "unroutable"
    return desk.project(order)


def exceptions(call: Gateway, **query: str) -> list[dict[str, Any]]:
    status, answer = call("orders", "GET /v1/exceptions", query=query)
    assert status == 200, answer
    return list(answer["exceptions"])


def resolve(call: Gateway, order: Order, **decision: Any) -> tuple[int, Any]:
    return call("orders", f"POST /v1/exceptions/{order.order_id}/resolve", decision)


def test_everything_a_person_needs_to_decide_is_listed(call: Gateway, stuck: Order) -> None:
    (found,) = exceptions(call)
    (mugs,) = found["lines"]
    assert (found["order_id"], found["rounds"]) == (stuck.order_id, 2)
    assert (mugs["line_id"], mugs["units"]) == ("MUG", 2)
    assert mugs["rejections"] == [
        {"node": "sp-dc", "reason": "too_busy"},
        {"node": "rj-store", "reason": "closed"},
    ]
    assert {one["node"]: one["available"] for one in mugs["stock"]} == {"sp-dc": 9, "rj-store": 9}
    assert found["actions"] == ["retry", "route_to", "backorder", "cancel_units"]
    assert exceptions(call, node="rj-store") == exceptions(call, node="sp-dc") == [found]
    assert exceptions(call, node="mg-dc") == []


def test_staff_decide_on_what_concerns_their_nodes_and_route_to_none_but_these(
    call: Gateway, stuck: Order
) -> None:
    for caller, node in (("rita", "rj-store"), ("mara", "mg-dc")):
        assert call("catalog", f"PUT /v1/staff/{caller}", {"nodes": [node]})[0] == 200
    path = f"POST /v1/exceptions/{stuck.order_id}/resolve"

    def decided(caller: str, **decision: str) -> tuple[int, Any]:
        return call("orders", path, decision, caller=caller)

    assert refused(decided("mara", action="retry")) == (403, "not_your_node")
    assert refused(decided("mara", action="route_to", node="mg-dc")) == (403, "not_your_node")
    assert refused(decided("rita", action="route_to", node="sp-dc")) == (403, "not_your_node")
    assert decided("rita", action="route_to", node="rj-store")[0] == 200


def test_staff_read_the_exceptions_of_their_nodes(call: Gateway, stuck: Order) -> None:
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})[0] == 200

    def listed(**query: str) -> tuple[int, Any]:
        return call("orders", "GET /v1/exceptions", query=query, caller="rita")

    assert refused(listed()) == refused(listed(node="sp-dc")) == (403, "not_your_node")
    status, page = listed(node="rj-store")
    assert (status, [one["order_id"] for one in page["exceptions"]]) == (200, [stuck.order_id])


def test_trying_again_asks_every_node_again(desk: Desk, call: Gateway, stuck: Order) -> None:
    assert resolve(call, stuck, action="retry", note="the store is open again")[0] == 200
    order = desk.project(desk.reroute(stuck))
    assert order.unrouted == {}
    assert order.progress.rejections == ()
    assert exceptions(call) == exceptions(call, node="rj-store") == []
    desk.check()
    desk.holds_what_is_reserved(order)


def test_a_person_sends_it_to_a_node(desk: Desk, call: Gateway, stuck: Order) -> None:
    lines = [{"line_id": "MUG", "quantity": 1}]
    sent = resolve(call, stuck, action="route_to", node="rj-store", lines=lines)
    assert sent[0] == 200
    order = loaded(desk, stuck)
    assert at(order, RJ).units == {"MUG": 1}
    assert order.unrouted == {"MUG": 1}
    rest = desk.project(desk.reroute(order))
    assert rest.status == "unroutable"
    assert resolve(call, rest, action="route_to", node="rj-store")[0] == 200
    order = desk.project(loaded(desk, rest))
    assert at(order, RJ).units == {"MUG": 2}
    assert exceptions(call) == []
    desk.check()
    desk.holds_what_is_reserved(order)


def test_it_is_not_sent_to_where_there_is_none(desk: Desk, call: Gateway, stuck: Order) -> None:
    none = resolve(call, stuck, action="route_to", node="mg-dc")
    assert refused(none) == (409, "insufficient_stock")
    unknown = resolve(call, stuck, action="route_to", node="nowhere")
    assert refused(unknown) == (422, "unknown_node")
    assert refused(resolve(call, stuck, action="route_to")) == (422, "required")
    assert refused(resolve(call, stuck, action="retry", node="sp-dc")) == (422, "not_asked_for")
    many = [{"line_id": "MUG", "quantity": 3}]
    more = resolve(call, stuck, action="route_to", node="rj-store", lines=many)
    assert refused(more) == (422, "quantities_do_not_add_up")
    desk.check()


def test_a_person_has_it_wait_for_stock(desk: Desk, call: Gateway, stuck: Order) -> None:
    assert resolve(call, stuck, action="backorder", note="more comes on Monday")[0] == 200
    order = desk.project(loaded(desk, stuck))
    assert order.backordered_lines == ("MUG",)
    assert desk.oms.waiting("MUG") == [order.order_id]
    assert exceptions(call) == []
    desk.check()
    desk.oms.receive("MUG", 2, MG)
    assert desk.reroute(order).unrouted == {}
    assert desk.oms.waiting("MUG") == []
    desk.check()


def test_a_person_cancels_what_nobody_has(desk: Desk, call: Gateway, stuck: Order) -> None:
    cancelled = resolve(call, stuck, action="cancel_units", reason="sold out for good")
    assert cancelled[0] == 200
    order = desk.project(loaded(desk, stuck))
    assert order.unrouted == {}
    assert order.progress.counts[0].cancelled == 2
    assert order.due.minor == 1000
    assert exceptions(call) == []
    desk.step(at(order, SP), "accept", "pick", "pack", "ship")
    assert loaded(desk, order).state is State.SHIPPED
    desk.check()


def test_an_order_that_needs_nobody_is_not_resolved(desk: Desk, call: Gateway) -> None:
    order = desk.released()
    for action in ("retry", "backorder"):
        assert refused(resolve(call, order, action=action)) == (409, "not_in_exception")
    answer = call("orders", f"POST /v1/exceptions/ord_{'a' * 26}/resolve", {"action": "retry"})
    assert refused(answer) == (404, "not_found")


def test_a_cancelled_order_is_no_exception_any_more(
    desk: Desk, call: Gateway, stuck: Order
) -> None:
    order = desk.project(desk.cancel(stuck))
    assert order.state is State.CANCELLED
    assert exceptions(call) == []
    assert not any(part.state is FulfillmentState.OPEN for part in order.live_fulfillments)
    desk.check()


def test_whose_order_goes_elsewhere_meanwhile_travels_alone(merging: Desk, call: Gateway) -> None:
    first, second = two(merging)
    call("fulfillment", "POST /v1/shipments", {"fulfillments": [first.id, second.id]})
    for part in (first, second):
        merging.step(part, "accept", "pick")
    order = merging.oms.orders.load(order_of(second.id))
    elsewhere = replace(order.content.shipping_address, line1="Rua Augusta 7")
    change_address(order.order_id, elsewhere, merging.router, merging.cause())
    merging.step(first, "pack")

    status, _ = call(
        "fulfillment",
        f"POST /v1/fulfillments/{first.id}/ship",
        {"carrier": "Correios", "tracking_number": "BR1"},
    )

    assert status == 200
    (stays,) = merging.oms.orders.load(order.order_id).live_fulfillments
    assert (stays.state, stays.shipment) == (FulfillmentState.PICKED, "")
