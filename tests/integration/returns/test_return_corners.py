"""Returns over HTTP that somebody makes hard on purpose."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from oms.aws.policy_store import PolicyStore
from oms.aws.return_policy_store import ReturnPolicyStore
from oms.catalog.model import Item
from oms.fulfillment.staff import WORK_SCOPE
from oms.inventory.policy import SellingPolicy
from oms.kernel.clock import utc_now
from oms.kernel.errors import Conflict
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.returns import receiving
from oms.returns.decisions import AskedReceipt
from oms.returns.store import ReturnDesk
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import RJ, World
from tests.samples import CAUSE, content, line

OVERRIDE = {"origin": "agent", "override": "she was ill"}


def test_nobody_accepts_late_by_saying_that_he_is_an_agent(desk: Desk, call: Gateway) -> None:
    order = desk.delivered(days_ago=60)
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": ["sp-dc"]})[0] == 200
    assert call("catalog", "PUT /v1/staff/gone", {"nodes": []})[0] == 200

    for caller in ("shop", "gone"):
        status, problem = desk.request(order, {"MUG": 1}, caller=caller, **OVERRIDE)
        assert (status, problem["code"]) == (403, "not_staff")
    assert desk.request(order, {"MUG": 1}, caller="rita", **OVERRIDE)[0] == 201
    assert desk.request(order, {"MUG": 1}, scope=WORK_SCOPE, **OVERRIDE)[0] == 201


def test_nor_by_claiming(desk: Desk, call: Gateway) -> None:
    order = desk.delivered(days_ago=200)
    lines = [{"line_id": "MUG", "quantity": 1}]
    body = {"lines": lines, "want": "refund", **OVERRIDE}

    status, problem = call("returns", f"POST /v1/orders/{order.order_id}/claims", body)
    allowed, _ = call("returns", f"POST /v1/orders/{order.order_id}/claims", body, scope=WORK_SCOPE)

    assert (status, problem["code"], allowed) == (403, "not_staff", 201)


def test_of_the_same_receipt_at_two_nodes_at_once_one_counts(desk: Desk, oms: World) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 2})

    at = ReturnDesk(oms.orders, oms.stock, oms.catalog, ReturnPolicyStore(oms.client, "catalog"))

    def receive(node: str) -> str:
        try:
            receiving.receive(asked["id"], AskedReceipt("parcel-7", node), at, CAUSE)
        except Conflict as refused:
            return refused.problem_code
        return "received"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(receive, ("sp-dc", "rj-store")))

    assert answers == ["content_differs", "received"]
    found = oms.orders.load(asked["order_id"]).progress.returns[0]
    assert found.received == {"MUG": 2}


def test_ids_of_senders_may_look_like_ours(desk: Desk, oms: World) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    desk.receive(asked, "a#b/c:d")
    one = [{"line_id": "MUG", "quantity": 1, "dispositions": {"restock": 1}}]
    for name in ("node#rj-store", "node#rj-store:restock"):
        body = {"inspection_id": name, "node": "rj-store", "lines": one}
        desk.step(asked, "inspect", body)

    assert oms.balance("MUG", RJ).on_hand == 2
    entries = oms.stock.entries("MUG", "rj-store", 10, None).entries
    assert [entry.on_hand for entry in entries] == [1, 1]


def test_what_never_runs_out_is_restocked_too(desk: Desk, oms: World) -> None:
    order = desk.delivered(line("MUG", 1))
    PolicyStore(oms.client, "inventory").put("MUG", SellingPolicy(tracked=False), CAUSE)

    asked = desk.ask(order, {"MUG": 1})
    desk.receive(asked)

    assert desk.inspect(asked, {"MUG": {"restock": 1}})["state"] == "resolved"


@pytest.mark.parametrize("many", [40, 100])
def test_an_order_of_many_lines_comes_back_whole(desk: Desk, oms: World, many: int) -> None:
    """Asked for and received at once; looked at in parts that fit into a transaction."""
    skus = [f"SKU-{number}" for number in range(many)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
    order = desk.delivered(*(line(sku) for sku in skus))

    asked = desk.ask(order, dict.fromkeys(skus, 1))
    desk.receive(asked)
    for start in range(0, many, 20):
        part = skus[start : start + 20]
        done = desk.inspect(asked, {sku: {"restock": 1} for sku in part}, f"i{start}")

    assert (done["state"], done["amount"]) == ("resolved", f"{many * 10}.00")


def test_what_a_channel_sent_itself_comes_back_to_a_node_that_is_named(
    desk: Desk, oms: World
) -> None:
    sent = replace(content(), fulfilled_by_channel=True, placed_at=utc_now())
    order = oms.capture(sent)
    desk.commit(order.order_id, _paid)
    asked = desk.ask(order, {"MUG": 2})

    status, problem = desk.try_to(asked, "label")
    desk.receive(asked)
    done = desk.inspect(asked, {"MUG": {"restock": 2}})

    assert (status, problem["code"]) == (422, "unknown_node")
    assert (done["state"], done["amount"]) == ("resolved", "20.00")
    assert oms.orders.load(asked["order_id"]).progress.refunds[0].amount == 2000
    assert oms.balance("MUG", RJ).on_hand == 2


def test_what_was_not_taken_yet_is_never_taken(desk: Desk, oms: World) -> None:
    """On delivery the money is not there yet when the first goods are back."""
    asked = desk.ask(desk.unpaid(), {"MUG": 2})
    desk.receive(asked)
    done = desk.inspect(asked, {"MUG": {"restock": 2}})

    order = oms.orders.load(asked["order_id"])
    assert (done["state"], done["amount"]) == ("resolved", "20.00")
    assert (order.due.minor, [refund.amount for refund in order.progress.refunds]) == (1000, [0])


def _paid(order: Order) -> Events:
    payment, due = order.payments.each[0].id, order.due.minor
    return (
        happened.PaymentAuthorized(payment, due, "auth", "authorized"),
        happened.PaymentCaptured(payment, due, "cap", "captured"),
    )
