"""A node's work, collected into picklists and picked, over HTTP."""

from typing import Any

import pytest

from oms.aws.picklist_store import PicklistTable
from oms.fulfillment import picking
from oms.orders import decisions, rejecting
from oms.orders import events as happened
from oms.orders.model import FulfillmentState, Line, Order
from oms.reporting.waiting import project
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import CAUSE, NOW, allocated, content, line

COLLECT = "POST /v1/nodes/sp-dc/picklists"


def work(oms: World, number: int, *lines: Line) -> str:
    """The id of a fulfilment at the warehouse, that no one has begun with."""
    order = oms.capture(content(*(lines or (line("MUG", 2), line("TEE"))), number=f"{number}"))
    for each in order.content.lines:
        oms.receive(each.sku, each.quantity)
    order = reserve(oms, order)
    order = oms.orders.commit(order, decisions.release(order), CAUSE)
    project(order.order_id, "", oms.orders, oms.views, NOW)
    return order.progress.fulfillments[0].id


def reserve(oms: World, order: Order) -> Order:
    from oms.orders.needs import needs_of

    allocations = allocated(order)
    events = (
        happened.OrderSourced(allocations, "rule", "why"),
        happened.PaymentAuthorized(
            order.payments.each[0].id, order.content.total.minor, "auth", "a"
        ),
    )
    writes = oms.stock.reserve(needs_of(allocations), order.order_id, CAUSE)
    return oms.orders.commit(order, events, CAUSE, writes)


def put_in(call: Gateway, **bins: str) -> None:
    for sku, bin_location in bins.items():
        path = f"PUT /v1/inventory/{sku}/nodes/sp-dc"
        assert call("inventory", path, {"bin": bin_location})[1]["bin"] == bin_location


def collect(call: Gateway, **asked: Any) -> dict[str, Any]:
    status, picklist = call("fulfillment", COLLECT, asked)
    assert status == 200, picklist
    found: dict[str, Any] = picklist
    return found


def refused(call: Gateway, path: str, body: object) -> tuple[int, str]:
    status, problem = call("fulfillment", path, body)
    return status, problem["code"]


def state(call: Gateway, part: str) -> str:
    return str(call("fulfillment", f"GET /v1/fulfillments/{part}")[1]["state"])


def found(part: str, line_id: str, picked: float, reason: str = "") -> dict[str, Any]:
    said = {"fulfillment_id": part, "line_id": line_id, "picked": picked}
    return said | ({"reason": reason} if reason else {})


# --- collecting ----------------------------------------------------------------------------------


def test_a_wave_sums_what_lies_in_one_bin_and_accepts_the_work(oms: World, call: Gateway) -> None:
    parts = [work(oms, number) for number in (1, 2)]
    put_in(call, MUG="B-01", TEE="A-07")

    picklist = collect(call)

    walked = [(stop["bin"], stop["sku"], stop["quantity"]) for stop in picklist["stops"]]
    assert walked == [("A-07", "TEE", 2), ("B-01", "MUG", 4)]
    to = [(part["fulfillment_id"], part["quantity"]) for part in picklist["stops"][1]["parts"]]
    assert sorted(to) == sorted((part, 2) for part in parts)
    assert (picklist["state"], picklist["by"]) == ("created", "wave")
    assert {state(call, part) for part in parts} == {"accepted"}


def test_a_zone_has_only_what_lies_wholly_in_it(oms: World, call: Gateway) -> None:
    mugs, both = work(oms, 1, line("MUG")), work(oms, 2)
    put_in(call, MUG="A-01", TEE="B-01")

    assert collect(call, by="zone", zone="A")["fulfillments"] == [mugs]
    assert state(call, both) == "open"


def test_by_order_each_order_is_a_walk_of_its_own(oms: World, call: Gateway) -> None:
    for number in (1, 2):
        work(oms, number)
    quantities = [stop["quantity"] for stop in collect(call, by="order")["stops"]]
    assert quantities == [2, 1, 2, 1]


def test_no_fulfilment_is_on_two_live_lists(oms: World, call: Gateway) -> None:
    parts = {work(oms, number) for number in range(3)}
    first, second = collect(call, limit=2), collect(call, limit=2)
    assert {*first["fulfillments"], *second["fulfillments"]} == parts
    assert len(second["fulfillments"]) == 1
    assert refused(call, COLLECT, {}) == (409, "nothing_to_pick")


def test_of_two_who_collect_the_same_at_once_one_collects_anew(
    oms: World, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [work(oms, number) for number in range(2)]
    real, seen = PicklistTable.claimed, list[str]()

    def overtaken(table: PicklistTable, asked: list[str]) -> set[str]:
        claimed = real(table, asked)
        if not seen:
            seen.append("once")
            collect(call, limit=1)
        return claimed

    monkeypatch.setattr(PicklistTable, "claimed", overtaken)
    second = collect(call)
    assert len(second["fulfillments"]) == 1
    assert set(second["fulfillments"]) < set(parts)


def test_a_list_is_no_longer_than_what_can_be_stored_of_it(
    oms: World, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picking, "MOST_ITEMS", 4)
    parts = [work(oms, number) for number in (1, 2, 3)]

    assert sorted(collect(call)["fulfillments"]) == sorted(parts[:2])
    assert state(call, parts[2]) == "open"
    assert collect(call)["fulfillments"] == parts[2:]


def test_a_list_asked_for_again_is_the_same_list(oms: World, call: Gateway) -> None:
    work(oms, 1)
    first = collect(call, id="wave-1")
    assert collect(call, id="wave-1") == first
    assert refused(call, COLLECT, {"id": "wave-1", "by": "order"}) == (409, "content_differs")


@pytest.mark.parametrize("asked", [{"by": "zone"}, {"by": "wave", "zone": "A"}])
def test_a_zone_is_named_for_a_list_by_zone(
    oms: World, call: Gateway, asked: dict[str, Any]
) -> None:
    assert refused(call, COLLECT, asked) == (422, "zone_needed")


def test_lists_of_a_node_are_listed_newest_first(oms: World, call: Gateway) -> None:
    for number in range(3):
        work(oms, number)
    made = [collect(call, limit=1)["id"] for _ in range(3)]
    path = "GET /v1/nodes/sp-dc/picklists"
    page = call("fulfillment", path, query={"limit": "2"})[1]
    rest = call("fulfillment", path, query={"cursor": page["next_cursor"]})[1]
    assert {one["id"] for one in [*page["picklists"], *rest["picklists"]]} == set(made)
    assert (len(page["picklists"]), rest["next_cursor"]) == (2, None)


def test_a_list_is_given_to_somebody_and_called_off(oms: World, call: Gateway) -> None:
    part = work(oms, 1)
    picklist = collect(call, assigned_to="rita")
    assert (picklist["state"], picklist["assigned_to"]) == ("assigned", "rita")
    path = f"POST /v1/picklists/{picklist['id']}"

    assert call("fulfillment", f"{path}/assign", {"assigned_to": ""})[0] == 422
    given = call("fulfillment", f"{path}/assign", {"assigned_to": "ana"})[1]
    assert (given["state"], given["assigned_to"]) == ("assigned", "ana")
    assert call("fulfillment", f"{path}/cancel")[1]["state"] == "cancelled"
    assert call("fulfillment", f"{path}/cancel")[1]["state"] == "cancelled"
    assert refused(call, f"{path}/picked", {}) == (409, "illegal_transition")
    assert collect(call)["fulfillments"] == [part]


# --- picking -------------------------------------------------------------------------------------


def test_what_is_all_found_is_picked_and_the_list_is_complete(oms: World, call: Gateway) -> None:
    parts = [work(oms, number) for number in (1, 2)]
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"

    done = call("fulfillment", path, {})[1]

    assert done["state"] == "completed"
    assert {state(call, part) for part in parts} == {"picked"}
    assert call("fulfillment", path, {}) == (200, done)


def test_what_is_short_is_rejected_and_the_rest_is_picked(oms: World, call: Gateway) -> None:
    part = work(oms, 1)
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"
    report = {"lines": [found(part, "MUG", 1, "damaged"), found(part, "TEE", 1)]}

    done = call("fulfillment", path, report)[1]
    again = call("fulfillment", path, report)[1]

    assert done == again
    assert done["state"] == "completed"
    order = oms.orders.load(part.replace("ful_", "ord_").rpartition("_")[0])
    kept = order.progress.fulfillments[0]
    assert (kept.state, kept.units) == (FulfillmentState.PICKED, {"MUG": 1, "TEE": 1})
    assert [(one.line_id, one.reason) for one in order.progress.rejections] == [("MUG", "damaged")]
    assert order.open_quantity(0) == 1


def test_what_two_report_at_once_is_rejected_once(
    oms: World, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = work(oms, 1, line("MUG", 5))
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"
    report = {"lines": [found(part, "MUG", 3)]}
    real, overtaken = rejecting.reject, list[str]()

    def second_comes_first(*args: Any) -> Order:
        if not overtaken:
            overtaken.append("once")
            assert call("fulfillment", path, report)[0] == 200
        return real(*args)

    monkeypatch.setattr(picking, "reject", second_comes_first)
    assert call("fulfillment", path, report)[1]["state"] == "completed"

    order = oms.orders.load(part.replace("ful_", "ord_").rpartition("_")[0])
    assert (order.progress.fulfillments[0].units, order.progress.rounds) == ({"MUG": 3}, 1)


def test_of_what_is_not_there_at_all_nothing_is_picked(oms: World, call: Gateway) -> None:
    part = work(oms, 1, line("MUG", 2))
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"
    assert call("fulfillment", path, {"lines": [found(part, "MUG", 0)]})[1]["state"] == "completed"
    assert state(call, part) == "rejected"


def test_a_part_may_be_reported_before_the_rest(oms: World, call: Gateway) -> None:
    first, second = work(oms, 1, line("MUG")), work(oms, 2, line("TEE"))
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"

    some = call("fulfillment", path, {"lines": [found(first, "MUG", 1)]})[1]

    assert some["state"] == "created"
    assert (state(call, first), state(call, second)) == ("picked", "accepted")
    assert call("fulfillment", path, {})[1]["state"] == "completed"


def test_what_the_node_lost_meanwhile_is_not_picked(oms: World, call: Gateway) -> None:
    part = work(oms, 1)
    picklist = collect(call)["id"]
    order = oms.orders.load(part.replace("ful_", "ord_").rpartition("_")[0])
    oms.orders.commit(order, decisions.withdraw(order), CAUSE)

    done = call("fulfillment", f"POST /v1/picklists/{picklist}/picked", {})[1]

    assert done["state"] == "completed"
    assert state(call, part) == "withdrawn"


@pytest.mark.parametrize(
    ("line_id", "picked", "code"),
    [
        ("CUP", 1, "unknown_line"),
        ("MUG", 3, "quantities_do_not_add_up"),
        ("MUG", 0.5, "too_many_decimals"),
    ],
)
def test_reports_that_do_not_add_up_are_refused(
    oms: World, call: Gateway, line_id: str, picked: float, code: str
) -> None:
    part = work(oms, 1)
    report = {"lines": [found(part, line_id, picked)]}
    path = f"POST /v1/picklists/{collect(call)['id']}/picked"
    assert refused(call, path, report) == (422, code)


def test_staff_of_another_node_neither_collect_nor_pick(oms: World, call: Gateway) -> None:
    work(oms, 1)
    call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})
    path = f"POST /v1/picklists/{collect(call)['id']}"
    for steps, body in (
        (COLLECT, {}),
        (f"{path}/picked", {}),
        (f"{path}/cancel", None),
        (f"{path}/assign", {"assigned_to": "rita"}),
    ):
        status, problem = call("fulfillment", steps, body, caller="rita")
        assert (status, problem["code"]) == (403, "not_your_node")


def test_a_list_that_is_not_there_is_not_found(call: Gateway) -> None:
    assert refused(call, "GET /v1/picklists/none", None) == (404, "not_found")


# --- a fulfilment by itself ----------------------------------------------------------------------


def test_a_fulfilment_is_picked_short(oms: World, call: Gateway) -> None:
    part = work(oms, 1)
    path = f"POST /v1/fulfillments/{part}"
    call("fulfillment", f"{path}/accept")
    body = {"lines": [{"line_id": "MUG", "picked": 1}]}

    for _ in range(2):
        status, picked = call("fulfillment", f"{path}/pick", body)
        assert (status, picked["state"]) == (200, "picked")

    order = oms.orders.load(part.replace("ful_", "ord_").rpartition("_")[0])
    assert order.progress.fulfillments[0].units == {"MUG": 1, "TEE": 1}
    assert order.progress.rounds == 1


def test_a_line_that_is_not_there_at_all_is_said_again(oms: World, call: Gateway) -> None:
    part = work(oms, 1)
    path = f"POST /v1/fulfillments/{part}"
    call("fulfillment", f"{path}/accept")

    for lines in ([{"line_id": "MUG", "picked": 0}], [{"line_id": "TEE"}]):
        for _ in range(2):
            status, picked = call("fulfillment", f"{path}/pick", {"lines": lines})
            assert (status, picked["state"]) == (200, "picked")

    other = work(oms, 2, line("HAT"))
    call("fulfillment", f"POST /v1/fulfillments/{other}/accept")
    none = {"lines": [{"line_id": "HAT", "picked": 0}]}
    for _ in range(2):
        status, picked = call("fulfillment", f"POST /v1/fulfillments/{other}/pick", none)
        assert (status, picked["state"]) == (200, "rejected")


def test_a_short_pick_is_refused_before_the_work_is_accepted(oms: World, call: Gateway) -> None:
    path = f"POST /v1/fulfillments/{work(oms, 1)}/pick"
    body = {"lines": [{"line_id": "MUG", "picked": 1}]}
    assert refused(call, path, body) == (409, "illegal_transition")
    assert refused(call, path, {"lines": [{"line_id": "CUP"}]}) == (422, "unknown_line")
    more = {"lines": [{"line_id": "MUG", "picked": 9}]}
    assert refused(call, path, more) == (422, "quantities_do_not_add_up")
    twice = {"lines": [{"line_id": "MUG"}, {"line_id": "MUG"}]}
    assert refused(call, path, twice) == (422, "line_twice")


def test_a_bin_is_for_what_the_node_has_held(oms: World, call: Gateway) -> None:
    path = "PUT /v1/inventory/MUG/nodes/sp-dc"
    assert call("inventory", path, {"bin": "A-1"})[0] == 404
    oms.receive("MUG", 1)
    assert call("inventory", path, {"bin": "A 1"})[0] == 422
    put_in(call, MUG="A-1")
    assert call("inventory", path, {"safety_stock": 1})[1]["bin"] == "A-1"
