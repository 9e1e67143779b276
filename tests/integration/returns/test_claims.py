"""Claims over HTTP: what came damaged, wrong or not at all is replaced, or paid back."""

from dataclasses import replace
from typing import Any

import pytest

from oms.catalog.model import Component, Item
from oms.orders.model import State
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.returns.test_exchanging import Shop
from tests.integration.world import World
from tests.samples import content, line, money


@pytest.fixture
def shop(desk: Desk, oms: World, call: Gateway) -> Shop:
    return Shop(desk, oms, call)


def claim(shop: Shop, order_id: str, key: str = "", **said: Any) -> tuple[int, Any]:
    lines = [
        {"line_id": name, "quantity": many, "reason": "damaged"}
        for name, many in said.pop("units", {"MUG": 1}).items()
    ]
    return shop.call(
        "returns",
        f"POST /v1/orders/{order_id}/claims",
        {"lines": lines, **said},
        headers={"Idempotency-Key": key} if key else None,
    )


def claimed(shop: Shop, **said: Any) -> dict[str, Any]:
    status, answer = claim(shop, shop.desk.delivered().order_id, **said)
    assert status == 201, answer
    return dict(answer)


def test_a_claim_is_replaced_free_and_the_goods_stay(shop: Shop) -> None:
    found = claimed(shop)
    assert (found["kind"], found["goods"], found["state"]) == ("claim", "keep", "requested")
    assert found["needs_approval"]
    shop.desk.step(found, "approve")

    done = shop.confirm(found)
    new = shop.deliver(done["exchange"]["order_id"])

    assert (done["state"], done["exchange"]["collected"]) == ("resolved", "0.00")
    assert new.state is State.COMPLETED
    assert [(one.sku, one.quantity) for one in new.content.lines] == [("MUG", 1)]
    assert shop.kept(found["order_id"], new.order_id) == 3000


def test_what_is_replaced_costs_what_was_paid_for_it(shop: Shop) -> None:
    """Its discount and its part of a line's cents go along."""
    made = content(replace(line("MUG", 3, price=1000), discount=money(100)), number="odd")
    order = shop.desk.delivered(made=made)
    worth = []
    for _ in range(3):
        found = claim(shop, order.order_id)[1]
        shop.desk.step(found, "approve")
        exchange = shop.confirm(found)["exchange"]
        worth.append((exchange["total"], exchange["collected"], exchange["refunded"]))

    assert worth == [
        ("9.67", "0.00", "0.00"),
        ("9.66", "0.00", "0.00"),
        ("9.67", "0.00", "0.00"),
    ]


def test_after_goodwill_it_is_replaced_free_too(shop: Shop) -> None:
    order = shop.desk.delivered(made=content(line("MUG", 2), number="goodwill"))
    shop.refund(order.order_id, "13.00")
    found = claim(shop, order.order_id)[1]
    shop.desk.step(found, "approve")

    exchange = shop.confirm(found)["exchange"]

    assert (exchange["total"], exchange["paid"], exchange["collected"]) == ("7.00", "7.00", "0.00")
    assert shop.order(order.order_id).due.minor == 0
    assert shop.kept(order.order_id, exchange["order_id"]) == 700


def test_a_claim_is_paid_back_and_no_more_than_was_paid(shop: Shop) -> None:
    found = claimed(shop, want="refund")
    shop.desk.step(found, "approve")

    status, refused = shop.desk.try_to(found, "resolve", {"amount": "10000.00"})
    assert (status, refused["code"], refused["refundable"]) == (409, "above_worth", "10.00")
    done = shop.desk.step(found, "resolve")
    shop.desk.step(found, "resolve")
    shop.carry_out(found["order_id"])

    assert (done["state"], done["amount"]) == ("resolved", "10.00")
    assert shop.kept(found["order_id"]) == 2000


def test_a_replacement_is_not_paid_out_by_mistake_but_may_be_instead(shop: Shop) -> None:
    found = claimed(shop)
    shop.desk.step(found, "approve")

    status, refused = shop.desk.try_to(found, "resolve")
    assert (status, refused["code"]) == (409, "replacement_wanted")
    done = shop.desk.step(found, "resolve", {"resolution": "refund"})

    assert done["amount"] == "10.00"
    assert shop.try_to_confirm(found)[1]["code"] == "illegal_transition"


def test_units_are_claimed_once_and_never_more_than_came(shop: Shop, desk: Desk) -> None:
    order = desk.delivered()
    desk.ask(order, {"MUG": 1})

    status, refused = claim(shop, order.order_id, units={"MUG": 2})
    assert (status, refused["code"], refused["left"]) == (409, "above_delivered", {"MUG": 1})
    first = claim(shop, order.order_id, key="k")
    again = claim(shop, order.order_id, key="k")
    assert (first[0], again[0], first[1]["id"]) == (201, 200, again[1]["id"])
    assert claim(shop, order.order_id, units={"MUG": 1})[1]["code"] == "above_delivered"
    assert desk.request(order, {"MUG": 1})[1]["code"] == "above_delivered"
    desk.step(first[1], "reject", {"reason": "it is not damaged"})
    assert claim(shop, order.order_id)[0] == 201


def test_claimed_goods_that_come_back_are_received_as_any_are(shop: Shop, desk: Desk) -> None:
    desk.policy(claimed_goods_come_back=True, restocking_fee_percent="50")
    found = claimed(shop)
    assert found["goods"] == "return"
    desk.step(found, "approve")
    assert shop.try_to_confirm(found)[1]["code"] == "not_received"
    shop.back(found)

    done = shop.confirm(found)

    assert done["exchange"]["paid"] == "10.00"
    assert shop.kept(found["order_id"], done["exchange"]["order_id"]) == 3000


def test_a_claim_can_be_replaced_before_its_goods_come(shop: Shop, desk: Desk) -> None:
    found = claimed(shop, goods="return")
    desk.step(found, "approve")

    done = shop.confirm(found, advance=True)

    assert done["exchange"]["return_by"]
    assert shop.clock() == 1
    shop.carry_out(found["order_id"])
    assert shop.kept(found["order_id"], done["exchange"]["order_id"]) == 4000


def test_steps_of_a_claim_are_refused_with_what_is_allowed(shop: Shop, desk: Desk) -> None:
    found = claimed(shop, want="refund")

    def refused(step: str, body: object = None) -> tuple[str, list[str]]:
        status, answer = desk.try_to(found, step, body)
        assert status == 409
        return answer["code"], answer["allowed"]

    assert refused("resolve") == ("illegal_transition", ["approve", "cancel", "draft", "reject"])
    desk.step(found, "approve")
    body = {"receipt_id": "r", "node": "rj-store"}
    expected = ["cancel", "draft", "exchange", "resolve"]
    assert refused("receive", body) == ("illegal_transition", expected)
    desk.step(found, "resolve")
    assert refused("cancel") == ("illegal_transition", [])
    assert shop.try_to_confirm(found)[1]["code"] == "illegal_transition"


def test_a_claim_is_not_made_too_late_nor_of_nothing(shop: Shop, desk: Desk) -> None:
    desk.policy(claim_days=10, non_returnable_skus=["MUG"])
    late = desk.delivered(days_ago=11)
    assert claim(shop, late.order_id)[1]["code"] == "outside_window"
    assert claim(shop, late.order_id, units={"NOTHING": 1})[1]["code"] == "unknown_line"
    found = claim(shop, desk.delivered().order_id)
    assert found[0] == 201
    desk.step(found[1], "cancel")


def test_a_replacement_that_is_cancelled_is_paid_back(shop: Shop, desk: Desk) -> None:
    found = claimed(shop)
    desk.step(found, "approve")
    new = shop.confirm(found)["exchange"]["order_id"]

    shop.cancel(new)
    shop.carry_out(found["order_id"])

    assert shop.kept(found["order_id"], new) == 2000


def test_what_cost_nothing_is_replaced_for_nothing(shop: Shop) -> None:
    """A present that came broken."""
    made = content(line("MUG", 1), line("TEE", 1, price=0), number="present")
    order = shop.desk.delivered(made=made)
    found = claim(shop, order.order_id, units={"TEE": 1})[1]
    shop.desk.step(found, "approve")

    exchange = shop.confirm(found)["exchange"]
    new = shop.deliver(exchange["order_id"])

    assert (exchange["total"], exchange["collected"]) == ("0.00", "0.00")
    assert new.state is State.COMPLETED
    assert shop.order(order.order_id).progress.refunds == ()


def test_a_bundle_that_came_damaged_is_claimed_with_all_its_parts(shop: Shop) -> None:
    shop.oms.catalog.put_item(
        Item("SET", "A set", components=(Component("MUG", 2), Component("TEE", 1)))
    )
    parts = tuple(
        replace(line(sku, many, price=700, line_id=f"SET:{sku}"), bundle="SET", bundles=1)
        for sku, many in (("MUG", 2), ("TEE", 1))
    )
    order = shop.desk.delivered(made=content(*parts, number="set"))
    found = claim(shop, order.order_id, units={"SET": 1})[1]
    shop.desk.step(found, "approve")

    exchange = shop.confirm(found)["exchange"]

    assert [(each["line_id"], each["requested"]) for each in found["lines"]] == [
        ("SET:MUG", 2),
        ("SET:TEE", 1),
    ]
    assert (exchange["total"], exchange["paid"], exchange["refunded"]) == ("21.00", "21.00", "0.00")
