"""Orders replayed under a policy: units are conserved, and no stock is taken twice."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.model import Node
from oms.inventory.model import Balance
from oms.inventory.position import Position
from oms.orders import decisions
from oms.orders.evolve import evolve_all
from oms.orders.model import Allocation, Order
from oms.orders.replay import Replayed, Scenario, replay, to_route
from oms.routing.policy import (
    BUILT_IN,
    Limits,
    Objective,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
)
from tests.samples import NOW, captured, line

NODES = tuple(Node(f"node-{number}", f"Node {number}", "store", "BR") for number in range(4))
SKUS = ("MUG", "TEE")
WAIT = Otherwise((Step.WAIT,))
POLICIES = (
    BUILT_IN,
    SourcingPolicy("partial", (Rule("partial", partial=True, otherwise=WAIT),)),
    SourcingPolicy("cheapest", (Rule("cheapest", objective=Objective(), otherwise=WAIT),)),
    SourcingPolicy(
        "one",
        (
            Rule(
                "one",
                rankers=(Ranker(RankBy.STOCK_DEPTH, descending=True),),
                limits=Limits(max_nodes=1),
                otherwise=WAIT,
            ),
        ),
    ),
)

shelves = st.dictionaries(
    st.tuples(st.sampled_from(NODES), st.sampled_from(SKUS)), st.integers(0, 5)
)
baskets = st.lists(
    st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1), max_size=5
)


def order_of(number: int, basket: dict[str, int], at: Node | None) -> Order:
    """It comes from that node, or has come from nowhere yet."""
    order = captured(*(line(sku, units) for sku, units in sorted(basket.items())))
    content = replace(
        order.content, order_id=f"ord_{number}", captured_at=NOW + timedelta(minutes=number)
    )
    order = Order(content, order.progress, order.version)
    if at is None:
        return order
    allocations = tuple(
        Allocation(each.line_id, each.sku, at.id, each.quantity) for each in content.lines
    )
    return evolve_all(order, decisions.source(order, allocations, "by_hand", "it was there"))


@given(shelves, baskets, st.sampled_from(POLICIES), st.data())
def test_units_are_conserved_and_no_stock_is_taken_twice(
    there: dict[tuple[Node, str], int],
    wanted: list[dict[str, int]],
    policy: SourcingPolicy,
    data: st.DataObject,
) -> None:
    places = st.none() | st.sampled_from(NODES)
    orders = [order_of(number, basket, data.draw(places)) for number, basket in enumerate(wanted)]
    scenario = Scenario(policy, orders, positions_of(there), {}, NODES, ())
    replayed = replay(scenario, lambda: True)
    assert [one.order for one in replayed] == orders
    held = Counter[tuple[str, str]]()
    for one in replayed:
        for placement in (one.recorded, one.proposed):
            placed = Counter[str](placement.unfilled)
            for (line_id, _), units in placement.units.items():
                placed[line_id] += units
            assert placed == to_route(one.order)
        held.update(units_at(one, proposed=False))
    took = Counter[tuple[str, str]]()
    for one in replayed:
        took.update(units_at(one, proposed=True))
    free = {(node.id, sku): units for (node, sku), units in there.items()}
    assert all(units <= free.get(shelf, 0) + held[shelf] for shelf, units in took.items())
    assert replay(scenario, lambda: True) == replayed


def units_at(replayed: Replayed, *, proposed: bool) -> dict[tuple[str, str], int]:
    """By node and SKU; in these orders a line's id is its SKU."""
    placement = replayed.proposed if proposed else replayed.recorded
    return {(node, line_id): units for (line_id, node), units in placement.units.items()}


def positions_of(there: dict[tuple[Node, str], int]) -> dict[str, Position]:
    return {
        sku: Position(
            sku,
            tuple(
                Balance(sku, node.id, on_hand=units, available=units)
                for (node, of), units in there.items()
                if of == sku
            ),
        )
        for sku in SKUS
    }
