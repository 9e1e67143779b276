"""Orders are sourced by the policy that was put, and say why."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.aws.catalog_store import CatalogStore
from oms.aws.outbox import publication_of
from oms.aws.policy_store import PolicyStore
from oms.aws.replenishment_store import ReplenishmentStore
from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.aws.stock_audit import audit
from oms.catalog.delivery import Component, Production, Promising, PromisingMode
from oms.catalog.model import Item, Node
from oms.inventory.model import Need
from oms.inventory.policy import SellingPolicy
from oms.kernel.errors import Backordered, OutOfStock
from oms.orders import sourcing, supervision
from oms.orders.model import Content, Line, Method, Order, OutOfStockPolicy, State
from oms.orders.store import AwaitedToken
from oms.purchasing.reorder import DaySold
from oms.routing.policy import (
    Limits,
    NodeFilter,
    OrderFilter,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
    Strategy,
)
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW, content, line

LATER = replace(CAUSE, at=CAUSE.at + timedelta(minutes=5))
WAIT, DECIDE = Otherwise((Step.WAIT,)), Otherwise((Step.EXCEPTION,))
STORES = NodeFilter(kinds=("store",))


def policies(oms: World) -> SourcingPolicyStore:
    return SourcingPolicyStore(oms.client, "catalog")


def put(oms: World, *rules: Rule) -> None:
    policies(oms).put(SourcingPolicy("web", rules, channels=("web",)), CAUSE)


def reserve(oms: World, order: Order, minutes: int = 5) -> Order:
    cause = replace(CAUSE, at=CAUSE.at + timedelta(minutes=minutes))
    return sourcing.reserve(
        order.order_id, oms.orders, oms.stock, oms.catalog, policies(oms), cause
    )


def ordered(oms: World, wanted: Content | None = None, minutes: int = 5) -> Order:
    return reserve(oms, oms.capture(wanted or content()), minutes)


def units(order: Order) -> list[tuple[str, str, int]]:
    return [(one.line_id, one.node, one.quantity) for one in order.progress.allocations]


def counts(order: Order) -> dict[str, tuple[int, int]]:
    """Reserved and backordered units by line."""
    return {
        line.line_id: (counts.reserved, counts.backordered)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }


def collected(entry: Line, node: Node, method: Method = Method.PICKUP) -> Line:
    return replace(entry, method=method, pickup_node=node.id)


@pytest.fixture
def stocked(oms: World) -> World:
    for sku in ("MUG", "TEE"):
        oms.receive(sku, 5)
        oms.receive(sku, 5, RJ)
    return oms


def test_the_policy_of_the_channel_decides(stocked: World) -> None:
    put(stocked, Rule("stores", nodes=STORES, otherwise=WAIT))
    order = ordered(stocked)
    assert units(order) == [("MUG", "rj-store", 2), ("TEE", "rj-store", 1)]
    assert order.progress.sourcing_rule == "stores"


def test_without_a_policy_the_nearest_node_ships(stocked: World) -> None:
    order = ordered(stocked)
    assert units(order) == [("MUG", "sp-dc", 2), ("TEE", "sp-dc", 1)]
    assert order.progress.sourcing_rule == "nearest_whole_else_fewest_nodes"


def test_what_is_there_goes_ahead_and_the_rest_waits_in_the_same_commit(oms: World) -> None:
    oms.receive("MUG", 3)
    put(oms, Rule("some", partial=True, otherwise=WAIT))
    order = oms.capture(content(line("MUG", 5), line("TEE", 1)))
    sourced = reserve(oms, order)
    assert sourced.version == order.version + 1
    assert sourced.state is State.SOURCED
    assert counts(sourced) == {"MUG": (3, 2), "TEE": (0, 1)}
    assert oms.waiting("MUG") == oms.waiting("TEE") == [order.order_id]
    assert oms.stock.positions({"MUG"}, LATER.at)["MUG"].owed == 2
    types = [envelope.type for envelope in oms.orders.history(order.order_id)]
    assert types == ["order_captured", "order_sourced", "units_backordered"]


def test_a_part_that_waits_leaves_the_queue_with_just_what_it_waited_for(oms: World) -> None:
    oms.receive("MUG", 3)
    put(oms, Rule("some", partial=True, otherwise=WAIT))
    order = ordered(oms, content(line("MUG", 5)))
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, LATER)
    assert oms.waiting("MUG") == []
    assert oms.stock.positions({"MUG"}, LATER.at)["MUG"].owed == 0
    assert oms.balance("MUG").available == 3
    assert audit(oms.client, "inventory")[1] == []


def test_whoever_would_rather_be_cancelled_gets_no_part(oms: World) -> None:
    oms.receive("MUG", 3)
    put(oms, Rule("some", partial=True, otherwise=WAIT))
    with pytest.raises(OutOfStock):
        ordered(oms, content(line("MUG", 5), on_out_of_stock=OutOfStockPolicy.CANCEL))
    assert oms.balance("MUG").reserved == 0


def test_no_part_goes_ahead_of_what_may_not_be_backordered(oms: World) -> None:
    oms.receive("MUG", 3)
    PolicyStore(oms.client, "inventory").put("MUG", SellingPolicy(backorder=None), CAUSE)
    put(oms, Rule("some", partial=True, otherwise=WAIT))
    with pytest.raises(OutOfStock):
        ordered(oms, content(line("MUG", 5)))
    assert oms.balance("MUG").reserved == 0


@pytest.mark.parametrize("otherwise", [WAIT, DECIDE])
def test_a_large_order_goes_ahead_in_part_too(oms: World, otherwise: Otherwise) -> None:
    skus = [f"SKU-{number:03}" for number in range(40)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
        oms.receive(sku, 1)
    put(oms, Rule("some", partial=True, otherwise=otherwise))
    order = ordered(oms, content(*(line(sku, 1) for sku in skus), line("MUG", 2)))
    waits = otherwise == WAIT
    assert order.state is State.SOURCED
    assert counts(order)["MUG"] == (0, 2 if waits else 0)
    assert oms.waiting("MUG") == ([order.order_id] if waits else [])
    assert bool(order.progress.unroutable) != waits
    assert len(order.progress.allocations) == 40


def test_what_no_rule_has_a_node_for_is_for_a_person(stocked: World) -> None:
    put(stocked, Rule("none", nodes=NodeFilter(within_km=1), otherwise=DECIDE))
    order = stocked.capture(content())
    for minutes in (5, 6):
        with pytest.raises(Backordered):
            reserve(stocked, order, minutes)
    after = stocked.orders.load(order.order_id)
    assert (after.state, after.version) == (State.CAPTURED, order.version + 1)
    assert after.progress.unroutable == "no set of nodes has enough of MUG, TEE"
    assert stocked.waiting("MUG") == []


def test_an_order_that_waited_leaves_the_queues_when_a_person_is_to_decide(oms: World) -> None:
    order = oms.capture(content())
    with pytest.raises(Backordered):
        reserve(oms, order)
    assert oms.waiting("MUG") == [order.order_id]
    put(oms, Rule("none", otherwise=DECIDE))
    with pytest.raises(Backordered):
        reserve(oms, order, 6)
    assert oms.waiting("MUG") == []
    assert oms.orders.load(order.order_id).backordered_lines == ()


def test_the_rest_of_a_part_may_be_for_a_person(oms: World) -> None:
    oms.receive("MUG", 3)
    put(oms, Rule("some", partial=True, otherwise=DECIDE))
    order = ordered(oms, content(line("MUG", 5)))
    assert (order.state, counts(order)) == (State.SOURCED, {"MUG": (3, 0)})
    assert order.progress.unroutable
    assert oms.waiting("MUG") == []


@pytest.mark.parametrize("otherwise", [WAIT, DECIDE])
def test_stock_that_the_policy_does_not_take_wakes_nobody(
    stocked: World, otherwise: Otherwise
) -> None:
    """Woken, the order would find the same, wait again and be woken again."""
    put(stocked, Rule("none", nodes=NodeFilter(within_km=1), otherwise=otherwise))
    order = stocked.capture(content())
    with pytest.raises(Backordered):
        reserve(stocked, order)
    supervision.wait(
        order.order_id,
        AwaitedToken("token", "stock"),
        stocked.orders,
        stocked.orders,
        stocked.stock,
        stocked.catalog,
        policies(stocked),
        stocked.lifecycle,
        LATER.at,
    )
    assert stocked.lifecycle.resumed == []


def test_an_order_that_lacks_lines_of_several_ways_waits_once(oms: World) -> None:
    """Its lines are routed in another order than they stand in."""
    oms.catalog.put_node(replace(RJ, pickup="local"))
    order = oms.capture(content(line("MUG", 1), collected(line("TEE", 1), RJ)))
    for minutes in (5, 6, 7):
        with pytest.raises(Backordered):
            reserve(oms, order, minutes)
    after = oms.orders.load(order.order_id)
    assert (after.version, after.backordered_lines) == (order.version + 1, ("MUG", "TEE"))


def test_what_is_collected_comes_from_where_it_is_collected(stocked: World) -> None:
    """The nearest node has it too, and the policy takes nothing from stores."""
    counter = replace(RJ, id="counter", can_ship=False, pickup="local")
    stocked.catalog.put_node(counter)
    stocked.receive("MUG", 2, counter)
    put(stocked, Rule("warehouses", nodes=NodeFilter(kinds=("warehouse",)), otherwise=WAIT))
    order = ordered(stocked, content(collected(line("MUG", 2), counter), line("TEE", 1)))
    assert units(order) == [("MUG", "counter", 2), ("TEE", "sp-dc", 1)]
    assert "counter has all of it, where it is collected" in order.progress.sourcing_reason


def test_what_is_not_where_it_is_collected_waits(stocked: World) -> None:
    counter = replace(RJ, id="counter", pickup="local")
    stocked.catalog.put_node(counter)
    with pytest.raises(Backordered):
        ordered(stocked, content(collected(line("MUG", 2), counter)))


def test_a_node_that_only_hands_over_ships_nothing(oms: World) -> None:
    counter = replace(RJ, id="counter", can_ship=False, pickup="local")
    oms.catalog.put_node(counter)
    oms.receive("MUG", 5, counter)
    with pytest.raises(Backordered):
        ordered(oms, content(collected(line("MUG", 1), counter), line("MUG", 1, line_id="sent")))


def test_what_is_brought_to_a_store_comes_from_near_the_store(stocked: World) -> None:
    ipanema = replace(RJ, id="ipanema", pickup="any", can_ship=False)
    stocked.catalog.put_node(ipanema)
    order = ordered(stocked, content(collected(line("MUG", 2), ipanema, Method.SHIP_TO_STORE)))
    assert units(order) == [("MUG", "rj-store", 2)]


def test_a_rule_may_be_for_what_is_collected_alone(stocked: World) -> None:
    store = replace(RJ, pickup="local")
    stocked.catalog.put_node(store)
    rule = Rule("counter", OrderFilter(methods=("pickup",)), NodeFilter(safety_stock=4))
    put(stocked, replace(rule, otherwise=DECIDE), Rule("all", otherwise=WAIT))
    order = stocked.capture(content(collected(line("MUG", 2), store)))
    with pytest.raises(Backordered):
        reserve(stocked, order)
    assert stocked.orders.load(order.order_id).progress.unroutable


def test_what_is_lacking_is_drop_shipped(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.catalog.put_node(Node("maker", "Maker", "supplier", "BR", drop_ship=True))
    oms.catalog.put_node(Node("gone", "Gone", "supplier", "BR", drop_ship=True, active=False))
    oms.catalog.put_item(Item("TEE", "Tee", suppliers=("gone", "rj-store", "maker")))
    put(oms, Rule("r", otherwise=Otherwise((Step.DROP_SHIP, Step.WAIT))))
    order = ordered(oms)
    assert units(order) == [("TEE", "maker", 1), ("MUG", "sp-dc", 2)]
    assert [one.drop_ship for one in order.progress.allocations] == [True, False]
    assert counts(order) == {"MUG": (2, 0), "TEE": (1, 0)}
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, LATER)
    assert audit(oms.client, "inventory")[1] == []


def test_what_is_made_reserves_its_components(oms: World) -> None:
    made = Promising(
        PromisingMode.CTP,
        production=Production("oven", ("sp-dc",), effort=0, components=(Component("MUG", 2),)),
    )
    oms.catalog.put_node(replace(SP, makes=True))
    oms.catalog.put_item(Item("CAKE", "Cake", promising=made))
    oms.receive("MUG", 4)
    put(oms, Rule("r", otherwise=Otherwise((Step.MAKE, Step.WAIT))))
    order = ordered(oms, content(line("CAKE", 2)))
    assert [(one.sku, one.quantity, one.component) for one in order.progress.allocations] == [
        ("CAKE", 2, False),
        ("MUG", 4, True),
    ]
    assert counts(order) == {"CAKE": (2, 0)}
    assert oms.balance("MUG").available == 0
    with pytest.raises(Backordered):
        ordered(oms, content(line("CAKE", 1), number="2"))


def test_items_that_go_together_come_from_one_node(oms: World) -> None:
    for sku, near, far in (("MUG", 1, 5), ("TEE", 0, 5)):
        oms.catalog.put_item(Item(sku, sku, keep_together="set"))
        oms.receive(sku, near) if near else None
        oms.receive(sku, far, RJ)
    wanted = content(line("MUG", 1), line("TEE", 1), line("MUG", 5, line_id="more"))
    apart = Rule("apart", rankers=(Ranker(RankBy.DISTANCE),), strategy=Strategy.IN_ORDER)
    put(oms, replace(apart, limits=Limits(keep_together=True), partial=True, otherwise=WAIT))
    order = ordered(oms, content(line("MUG", 1), line("TEE", 1), number="2"))
    assert units(order) == [("MUG", "rj-store", 1), ("TEE", "rj-store", 1)]
    with pytest.raises(Backordered):
        ordered(oms, wanted)


def test_a_node_whose_stock_lasts_longest_goes_first(stocked: World) -> None:
    """Where sales are kept; of a node without them nobody knows."""
    sales = ReplenishmentStore(stocked.client, "inventory")
    sales.keep_day("MUG", "rj-store", DaySold(NOW.date() - timedelta(days=7), 0))
    sold = replace(CAUSE, at=NOW + timedelta(minutes=1))
    need = Need("MUG", "rj-store", 1)
    for write in (stocked.stock.reserve, stocked.stock.ship):
        stocked.stock.transact(write([need], "ord_1", sold))
    rankers = (Ranker(RankBy.WEEKS_OF_SUPPLY, descending=True), Ranker(RankBy.DISTANCE))
    put(stocked, Rule("slow", rankers=rankers, otherwise=WAIT))
    assert units(ordered(stocked, content(line("MUG", 1)))) == [("MUG", "rj-store", 1)]
    assert units(ordered(stocked, content(line("TEE", 1), number="2"))) == [("TEE", "sp-dc", 1)]


def test_a_policy_is_one_query_and_items_are_read_only_for_one_that_asks(stocked: World) -> None:
    class Counted:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def __getattr__(self, name: str) -> Any:
            self.asked.append(name)
            return getattr(stocked.client, name)

    policy_reads, catalog_reads = Counted(), Counted()
    of_policies: Any = policy_reads
    of_catalog: Any = catalog_reads
    put(stocked, Rule("all", otherwise=WAIT))
    order = stocked.capture(content())
    store = SourcingPolicyStore(of_policies, "catalog")
    catalog = CatalogStore(of_catalog, "catalog")
    sourcing.reserve(order.order_id, stocked.orders, stocked.stock, catalog, store, LATER)
    assert policy_reads.asked == ["get_paginator"]
    assert set(catalog_reads.asked) == {"get_paginator"}


# --- what is said of it ---------------------------------------------------------------------


@pytest.fixture
def api(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as call:
        yield call


@pytest.fixture
def routing(api: Gateway) -> Callable[[Order], Any]:
    def read(order: Order) -> Any:
        status, answer = api("orders", f"GET /v1/orders/{order.order_id}/routing")
        assert status == 200, answer
        return answer

    return read


def test_an_order_says_where_its_lines_come_from_and_why(
    stocked: World, routing: Callable[[Order], Any]
) -> None:
    stocked.catalog.put_node(replace(SP, id="off", active=False))
    put(
        stocked,
        Rule("gifts", OrderFilter(tags=("gift",))),
        Rule("near", nodes=NodeFilter(within_km=1)),
        Rule("stores", nodes=STORES, otherwise=WAIT),
    )
    (decision,) = routing(ordered(stocked))["decisions"]
    (evidence,) = decision.pop("evidence")
    assert (decision["decided"], decision["rule"]) == ("order_sourced", "stores")
    assert decision["units"] == [
        {"line_id": "MUG", "sku": "MUG", "quantity": 2, "node": "rj-store", "how": "stock"},
        {"line_id": "TEE", "sku": "TEE", "quantity": 1, "node": "rj-store", "how": "stock"},
    ]
    assert decision["without_node"] == []
    assert evidence == {
        "policy": "web",
        "version": 1,
        "rule": "stores",
        "tried": [
            {"rule": "gifts", "why": "the order does not fit tags"},
            {"rule": "near", "why": "no set of nodes has enough of MUG, TEE"},
        ],
        "rankers": ["distance"],
        "candidates": [{"node": "rj-store", "chosen": True, "ranks": {"distance": 1}}],
        "others": {"kind": 1},
    }


def test_every_decision_is_told_also_those_that_there_is_no_node(
    oms: World, routing: Callable[[Order], Any]
) -> None:
    oms.receive("MUG", 1)
    order = oms.capture(content(line("MUG", 2)))
    with pytest.raises(Backordered):
        reserve(oms, order)
    oms.receive("MUG", 5)
    reserve(oms, order, 9)
    first, second = routing(order)["decisions"]
    assert first["decided"] == "order_backordered"
    assert [(one["line_id"], one["quantity"]) for one in first["without_node"]] == [("MUG", 2)]
    assert first["evidence"][0]["policy"] == "built_in"
    assert first["evidence"][0]["candidates"][0] == {
        "node": "sp-dc",
        "chosen": False,
        "ranks": {"distance": 1},
    }
    assert second["units"][0]["node"] == "sp-dc"


def test_lines_that_go_different_ways_have_their_own_evidence(
    stocked: World, routing: Callable[[Order], Any]
) -> None:
    stocked.catalog.put_node(replace(RJ, pickup="local"))
    order = ordered(stocked, content(collected(line("MUG", 2), RJ), line("TEE", 1)))
    (decision,) = routing(order)["decisions"]
    assert [[node["node"] for node in one["candidates"]] for one in decision["evidence"]] == [
        ["rj-store"],
        ["sp-dc", "rj-store"],
    ]


def test_an_order_that_is_not_there_has_no_routing(api: Gateway) -> None:
    status, _ = api("orders", f"GET /v1/orders/ord_{'a' * 26}/routing")
    assert status == 404


def test_the_evidence_is_nobody_elses_business(stocked: World) -> None:
    order = ordered(stocked)
    sourced = stocked.orders.history(order.order_id)[-1]
    assert "evidence" in sourced.data
    assert "evidence" not in publication_of(sourced).envelope.data
