"""A supplier sends its goods to our customer: what it says is what happens to its work."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from infra.queues import QUEUES
from oms.aws.dead_letters import Message
from oms.catalog.model import Node
from oms.kernel.encoding import to_json
from oms.kernel.events import Envelope
from oms.notifications.callback import CallbackOutcome
from oms.orders import decisions, work
from oms.orders import events as happened
from oms.orders.cancelling import Asked, cancel_lines
from oms.orders.model import Address, Allocation, Order, State
from oms.orders.paying import authorize_payment
from oms.purchasing.audit import misordered
from oms.purchasing.drop_shipping import Desk, follow
from oms.purchasing.model import PurchaseOrder, PurchaseState, next_due, on_order, supplies
from oms.purchasing.supplier_call import call_suppliers
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import RJ, SP, World, world
from tests.samples import CAUSE, content, line

ACME = Node("acme", "Acme", "supplier", "BR", drop_ship=True, callback_url="https://acme.example")
LATER = "2030-01-01T12:00:00Z"


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        made.catalog.put_node(ACME)
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as calling:
        yield calling


def desk(oms: World) -> Desk:
    return Desk(oms.orders, oms.stock, oms.purchases)


def told(oms: World, order: Order) -> tuple[str, ...]:
    return follow(order.order_id, desk(oms), CAUSE)


def released(oms: World, lines: int = 2) -> Order:
    """MUG comes from the supplier; with a second line TEE from our shelf."""
    oms.receive("TEE", 5)
    ordered = (line("MUG", 3), line("TEE", 2))[:lines]
    order = oms.capture(content(*ordered))
    allocations = (
        Allocation("MUG", "MUG", "acme", 3, tracked=False, drop_ship=True),
        Allocation("TEE", "TEE", SP.id, 2),
    )[:lines]
    order = oms.orders.commit(order, decisions.source(order, allocations, "rule", "why"), CAUSE)
    paid = authorize_payment(order, order.content.total.minor, "ref", "key")
    order = oms.orders.commit(order, paid, CAUSE)
    return oms.orders.commit(order, decisions.release(order), CAUSE)


def purchase_order(oms: World, order: Order) -> PurchaseOrder:
    known = oms.purchases.find(part_of(order))
    assert known is not None
    return known


def part_of(order: Order) -> str:
    return next(part.id for part in order.progress.fulfillments if part.drop_ship)


def state_of(oms: World, order: Order) -> tuple[str, str]:
    """Of the purchase order, and of the work."""
    part = oms.orders.load(order.order_id).fulfillment(part_of(order))
    assert part is not None
    return str(purchase_order(oms, order).state), str(part.state)


def say(call: Gateway, order: Order, what: str, body: object, caller: str = "") -> tuple[int, Any]:
    path = f"POST /v1/purchase-orders/{part_of(order)}/{what}"
    return call("purchasing", path, body, caller=caller)


def notice(quantity: int = 3, notice_id: str = "n-1", **more: str) -> dict[str, object]:
    return {
        "id": notice_id,
        "expected_at": LATER,
        "lines": [{"sku": "MUG", "quantity": quantity}],
        "carrier": "correios",
        "tracking_number": "BR1",
        **more,
    }


# --- from us --------------------------------------------------------------------------------


def test_the_work_of_a_supplier_is_a_purchase_order_that_it_has_at_once(oms: World) -> None:
    order = released(oms)

    assert told(oms, order) == (part_of(order),)

    made = purchase_order(oms, order)
    assert (made.supplier, made.state, made.drop_ship) == ("acme", PurchaseState.SENT, True)
    assert [(one.sku, one.ordered) for one in made.lines] == [("MUG", 3)]
    assert made.ship_to == order.content.shipping_address
    assert made.reference == order.content.known_as


def test_asked_again_nothing_is_created(oms: World) -> None:
    order = released(oms)
    told(oms, order)

    assert told(oms, order) == ()
    assert purchase_order(oms, order).version == 1


def test_it_brings_no_supply_and_moves_no_stock(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    made = purchase_order(oms, order)

    assert (supplies(made), on_order(made), next_due(made)) == ({}, {}, None)
    assert oms.stock.balances_of("MUG") == ()
    assert list(misordered([], [], [made])) == []


class Poster:
    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, url: str, name: str, message_id: str, body: str) -> CallbackOutcome:
        self.calls.append((url, json.loads(body)))
        return CallbackOutcome.ACCEPTED


def test_the_supplier_is_told_where_it_goes(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    event = Envelope("e1", "purchase_order_sent", part_of(order), 1, CAUSE.at, "t", "", "", {})
    post: Any = Poster()

    call_suppliers(event, oms.purchases, oms.catalog.node, post)

    ((url, body),) = post.calls
    assert url == ACME.callback_url
    assert (body["type"], body["data"]["drop_ship"]) == ("purchase_order.sent", True)
    assert body["data"]["ship_to"]["line1"] == "Av. Paulista 1000"


def test_work_that_is_withdrawn_is_called_off_at_the_supplier(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    order = oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)
    events = decisions.withdraw(order)
    oms.orders.commit(order, events, CAUSE)

    told(oms, order)

    assert state_of(oms, order) == ("cancelled", "withdrawn")
    assert [event.drop_ship for event in events] == [True, False]  # type: ignore[union-attr]


def test_an_order_that_is_being_cancelled_is_not_sent_to_a_supplier(oms: World) -> None:
    order = released(oms)
    oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)

    assert told(oms, order) == ()


def test_cancelled_units_are_told_to_the_supplier(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    asked = [Asked("MUG", Decimal(1))]
    cancel_lines(order.order_id, asked, "why", "", oms.orders, oms.stock, CAUSE)

    assert told(oms, order) == (part_of(order),)
    assert [one.ordered for one in purchase_order(oms, order).lines] == [2]
    assert told(oms, order) == ()


def test_another_address_is_told_to_the_supplier(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    there = Address("Ana", "Rua Nova 1", "Campinas", "BR")
    oms.orders.commit(order, (happened.AddressChanged(there, drop_ship=True),), CAUSE)

    told(oms, order)

    assert purchase_order(oms, order).ship_to == there


# --- from the supplier ----------------------------------------------------------------------


def test_what_the_supplier_confirms_is_accepted(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)

    first = say(call, order, "confirm", {})
    again = say(call, order, "confirm", {})

    assert (first[0], again[0]) == (200, 200)
    assert first[1]["ship_to"]["postal_code"] == "01310-100"
    assert state_of(oms, order) == ("confirmed", "accepted")


def test_what_it_confirms_less_is_open_again(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)
    less = {"lines": [{"sku": "MUG", "quantity": 2, "due": LATER}]}

    assert say(call, order, "confirm", less)[0] == 200

    after = oms.orders.load(order.order_id)
    assert after.unrouted == {"MUG": 1}
    assert [one.node for one in after.progress.rejections] == ["acme"]
    assert state_of(oms, order) == ("confirmed", "accepted")
    assert told(oms, order) == ()


def test_what_the_supplier_rejects_is_to_come_from_elsewhere(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)

    status, answer = say(call, order, "reject", {"reason": "not_in_stock"})
    again, _ = say(call, order, "reject", {"reason": "not_in_stock"})

    assert (status, answer["state"], again) == (200, "cancelled", 200)
    after = oms.orders.load(order.order_id)
    assert after.unrouted == {"MUG": 3}
    assert after.progress.rejections[0].reason == "not_in_stock"
    assert state_of(oms, order) == ("cancelled", "rejected")
    assert told(oms, order) == ()


def test_a_part_is_rejected_and_said_again_changes_nothing(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)
    body = {"reason": "damaged", "lines": [{"sku": "MUG", "quantity": 1}]}

    first = say(call, order, "reject", body)
    again = say(call, order, "reject", body)

    assert first[0] == 200
    assert first == again
    assert oms.orders.load(order.order_id).unrouted == {"MUG": 1}
    assert say(call, order, "confirm", {})[1]["state"] == "confirmed"


def test_a_notice_with_its_carrier_says_that_it_has_left(oms: World, call: Gateway) -> None:
    order = released(oms, lines=1)
    told(oms, order)
    say(call, order, "confirm", {})

    status, answer = say(call, order, "shipping-notices", notice())
    again = say(call, order, "shipping-notices", notice())

    assert (status, answer["state"]) == (200, "received")
    assert again[0] == 200
    after = oms.orders.load(order.order_id)
    assert after.state is State.SHIPPED
    part = after.live_fulfillments[0]
    assert (part.carrier, part.tracking_number) == ("correios", "BR1")
    assert oms.stock.balances_of("MUG") == ()


def test_a_notice_without_a_confirmation_is_one_too(oms: World, call: Gateway) -> None:
    order = released(oms, lines=1)
    told(oms, order)

    say(call, order, "shipping-notices", notice())

    assert state_of(oms, order) == ("received", "shipped")


def test_what_leaves_in_two_parcels_is_two_fulfilments(oms: World, call: Gateway) -> None:
    order = released(oms, lines=1)
    told(oms, order)
    say(call, order, "confirm", {})

    say(call, order, "shipping-notices", notice(1, "n-1", tracking_number="BR1"))
    assert told(oms, order) == ()
    assert state_of(oms, order) == ("confirmed", "accepted")
    say(call, order, "shipping-notices", notice(2, "n-2", tracking_number="BR2"))

    after = oms.orders.load(order.order_id)
    assert after.state is State.SHIPPED
    assert sorted(part.tracking_number for part in after.live_fulfillments) == ["BR1", "BR2"]
    assert purchase_order(oms, order).state is PurchaseState.RECEIVED
    assert told(oms, order) == ()


def test_the_rest_of_what_left_in_part_can_be_rejected(oms: World, call: Gateway) -> None:
    order = released(oms, lines=1)
    told(oms, order)
    say(call, order, "shipping-notices", notice(1))

    status, answer = say(call, order, "reject", {"reason": "not_in_stock"})

    assert (status, answer["state"]) == (200, "closed_short")
    assert oms.orders.load(order.order_id).unrouted == {"MUG": 2}


# --- what is refused ------------------------------------------------------------------------


def test_a_notice_without_carrier_and_number_is_refused(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)

    status, answer = say(call, order, "shipping-notices", notice(carrier="", tracking_number=""))

    assert status == 422
    faults = {(one["path"], one["code"]) for one in answer["faults"]}
    assert faults == {("carrier", "required"), ("tracking_number", "required")}


def test_more_than_was_ordered_is_not_sent(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)

    status, answer = say(call, order, "shipping-notices", notice(4))

    assert (status, answer["code"]) == (409, "over_announced")


def test_more_than_was_ordered_is_not_rejected(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)
    body = {"reason": "damaged", "lines": [{"sku": "MUG", "quantity": 4}]}

    status, answer = say(call, order, "reject", body)

    assert (status, answer["code"]) == (409, "above_ordered")


@pytest.mark.parametrize(
    ("what", "body"), [("confirm", {}), ("shipping-notices", notice())], ids=["confirm", "notice"]
)
def test_once_the_customer_cancels_the_supplier_is_told_so(
    oms: World, call: Gateway, what: str, body: object
) -> None:
    order = released(oms)
    told(oms, order)
    oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)

    status, answer = say(call, order, what, body)

    assert (status, answer["code"]) == (409, "cancelling")
    assert state_of(oms, order) == ("sent", "open")


def test_units_that_are_not_wanted_any_more_are_not_sent(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)
    asked = [Asked("MUG", Decimal(1))]
    cancel_lines(order.order_id, asked, "why", "", oms.orders, oms.stock, CAUSE)

    status, answer = say(call, order, "shipping-notices", notice(3))

    assert (status, answer["code"]) == (422, "quantities_do_not_add_up")


@pytest.mark.parametrize("step", ["accept", "pick", "pack", "ship"])
def test_nobody_says_in_its_place_what_the_supplier_does(
    oms: World, call: Gateway, step: str
) -> None:
    order = released(oms)
    body = {"carrier": "c", "tracking_number": "t"} if step == "ship" else None

    status, answer = call("fulfillment", f"POST /v1/fulfillments/{part_of(order)}/{step}", body)

    assert (status, answer["code"]) == (409, "drop_shipped")


@pytest.mark.parametrize("what", ["cancel", "close"])
def test_it_is_not_called_off_without_its_customers_order(
    oms: World, call: Gateway, what: str
) -> None:
    order = released(oms)
    told(oms, order)

    status, answer = say(call, order, what, None)

    assert (status, answer["code"]) == (409, "drop_shipped")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("confirm", {}),
        ("reject", {"reason": "closed"}),
        ("shipping-notices", notice()),
    ],
    ids=["confirm", "reject", "notice"],
)
def test_staff_of_another_supplier_are_refused(
    oms: World, call: Gateway, what: str, body: object
) -> None:
    order = released(oms)
    told(oms, order)
    assert call("catalog", "PUT /v1/staff/eve", {"nodes": [SP.id]})[0] in (200, 201)

    status, answer = say(call, order, what, body, caller="eve")

    assert (status, answer["code"]) == (403, "not_your_node")


def test_where_it_goes_is_shown_to_no_staff_of_another_supplier(oms: World, call: Gateway) -> None:
    order = released(oms)
    told(oms, order)
    assert call("catalog", "PUT /v1/staff/eve", {"nodes": [SP.id]})[0] == 200
    assert call("catalog", "PUT /v1/staff/ada", {"nodes": [ACME.id]})[0] == 200
    path = f"GET /v1/purchase-orders/{part_of(order)}"

    status, answer = call("purchasing", path, caller="eve")

    assert (status, answer["code"]) == (403, "not_your_node")
    assert call("purchasing", path, caller="ada")[1]["ship_to"]["name"]


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("POST {}/approve", None),
        ("POST {}/send", None),
        ("POST {}/close", None),
        ("POST {}/cancel", None),
        ("PUT {}/lines/MUG/due", {"due": LATER}),
        ("PUT {}/shipping-notices/n1/due", {"due": LATER}),
        ("POST {}/shipping-notices/n1/close", None),
    ],
)
def test_staff_of_neither_side_change_nothing_of_a_purchase_order(
    call: Gateway, step: str, body: object
) -> None:
    lines = [{"sku": "MUG", "quantity": 5, "due": LATER}]
    ordered = {"id": "po-1", "supplier": "acme", "node": SP.id, "lines": lines}
    assert call("purchasing", "POST /v1/purchase-orders", ordered)[0] == 201
    assert call("catalog", "PUT /v1/staff/eve", {"nodes": [RJ.id]})[0] == 200
    assert call("catalog", "PUT /v1/staff/ana", {"nodes": [SP.id]})[0] == 200
    asked = step.format("/v1/purchase-orders/po-1")

    status, answer = call("purchasing", asked, body, caller="eve")

    assert (status, answer["code"]) == (403, "not_your_node")
    assert call("purchasing", asked, body, caller="ana")[0] != 403


def test_a_purchase_order_of_ours_can_be_rejected_too(oms: World, call: Gateway) -> None:
    ordered = {
        "id": "po-1",
        "supplier": "acme",
        "node": SP.id,
        "lines": [{"sku": "MUG", "quantity": 5, "due": LATER}],
    }
    call("purchasing", "POST /v1/purchase-orders", ordered)
    call("purchasing", "POST /v1/purchase-orders/po-1/send")
    body = {"reason": "damaged", "lines": [{"sku": "MUG", "quantity": 2}]}

    part = call("purchasing", "POST /v1/purchase-orders/po-1/reject", body)
    assert part[1]["lines"][0]["open"] == 3
    assert oms.balance("MUG").incoming == 3
    rest = call("purchasing", "POST /v1/purchase-orders/po-1/reject", {"reason": "closed"})

    assert (rest[0], rest[1]["state"]) == (200, "cancelled")
    assert oms.balance("MUG").incoming == 0


def test_work_that_was_split_by_hand_has_a_purchase_order_of_its_own(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    order = oms.orders.commit(order, work.split(order, part_of(order), {"MUG": 1}), CAUSE)

    changed = told(oms, order)

    assert len(changed) == 2
    made = [oms.purchases.find(order_id) for order_id in changed]
    assert [one.lines[0].ordered for one in made if one] == [2, 1]


def test_a_supplier_that_was_told_late_of_a_rejection_is_called_off(oms: World) -> None:
    order = released(oms)
    told(oms, order)
    events = work.reject(order, part_of(order), {}, "closed")
    order = oms.orders.commit(order, events, CAUSE)

    told(oms, replace(order))

    assert state_of(oms, order) == ("cancelled", "rejected")


def test_the_function_is_told_by_the_bus(oms: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order = released(oms)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.example/dead")
    monkeypatch.setenv("MAX_RECEIVES", "5")
    event = oms.orders.history(order.order_id)[-1]
    assert (event.type, event.data["drop_ship"]) == ("order_released", True)
    with gateway(monkeypatch):
        handler = importlib.import_module("functions.replenishment.handler")
        handler.take(Message("m-1", json.dumps({"detail": json.loads(to_json(event))}), 1))

    assert purchase_order(oms, order).state is PurchaseState.SENT


def test_the_function_knows_every_event_that_it_is_put(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.example/dead")
    monkeypatch.setenv("MAX_RECEIVES", "5")
    handler = importlib.import_module("functions.replenishment.handler")
    (plan,) = (plan for plan in QUEUES if plan.drop_ship_types)

    assert set(handler.DROP_SHIPPING) == set(plan.drop_ship_types)
