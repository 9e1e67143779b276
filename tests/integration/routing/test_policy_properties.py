"""Whatever the policies and the orders: no unit is reserved twice or waited for twice, and what is
given back leaves nothing behind."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.aws.stock_audit import audit
from oms.kernel.errors import Backordered, OutOfStock
from oms.orders import sourcing
from oms.orders.model import Content, Order, OutOfStockPolicy
from oms.routing.policy import Limits, Otherwise, Rule, SourcingPolicy, Step, Strategy
from tests.integration.world import RJ, SP, world_in_memory
from tests.samples import CAUSE, content, line

rules = st.builds(
    Rule,
    id=st.just("r"),
    limits=st.builds(Limits, max_nodes=st.sampled_from([None, 1]), whole_lines=st.booleans()),
    strategy=st.sampled_from(Strategy),
    partial=st.booleans(),
    otherwise=st.sampled_from([Otherwise((Step.WAIT,)), Otherwise((Step.EXCEPTION,))]),
)
baskets = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any)
orders = st.lists(st.tuples(baskets, st.sampled_from(OutOfStockPolicy)), min_size=1, max_size=4)


@given(rules, orders, st.lists(st.integers(0, 5), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_stock_and_queues_hold_just_what_orders_have_and_lack(
    rule: Rule, baskets: list[tuple[tuple[int, int], OutOfStockPolicy]], stock: list[int]
) -> None:
    oms = world_in_memory()
    policies = SourcingPolicyStore(oms.client, "catalog")
    policies.put(SourcingPolicy("p", (rule,)), CAUSE)
    places = [(sku, node) for sku in ("MUG", "TEE") for node in (SP, RJ)]
    for (sku, node), units in zip(places, stock, strict=True):
        if units:
            oms.receive(sku, units, node)
    captured = [
        oms.capture(wanted(number, basket, without))
        for number, (basket, without) in enumerate(baskets)
    ]
    for number, order in enumerate(captured):
        cause = replace(CAUSE, at=CAUSE.at + timedelta(minutes=number + 1))
        with suppress(Backordered, OutOfStock):
            sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, cause)
    after = [oms.orders.load(order.order_id) for order in captured]
    for order in after:
        conserved(order)
    for sku in ("MUG", "TEE"):
        reserved = sum(one.reserved for one in oms.stock.balances_of(sku, consistent=True))
        assert reserved == total(after, sku, "reserved")
        position = oms.stock.positions({sku}, CAUSE.at)[sku]
        assert position.owed == total(after, sku, "backordered")
        waiting = [one.lacking[sku] for one in oms.stock.backorders.waiting(sku)]
        assert sum(waiting) == position.owed
    later = replace(CAUSE, at=CAUSE.at + timedelta(hours=1))
    for order in after:
        sourcing.unreserve(order.order_id, oms.orders, oms.stock, later)
    assert audit(oms.client, "inventory")[1] == []
    for (sku, node), units in zip(places, stock, strict=True):
        assert not units or oms.balance(sku, node).available == units
        assert oms.waiting(sku) == []
        assert oms.stock.positions({sku}, CAUSE.at)[sku].owed == 0


def wanted(number: int, basket: tuple[int, int], without: OutOfStockPolicy) -> Content:
    units = zip(("MUG", "TEE"), basket, strict=True)
    lines = [line(sku, count) for sku, count in units if count]
    return content(*lines, number=str(number), on_out_of_stock=without)


def conserved(order: Order) -> None:
    for index, (entry, counts) in enumerate(
        zip(order.content.lines, order.progress.counts, strict=True)
    ):
        assert counts.reserved + counts.backordered + order.open_quantity(index) == entry.quantity
        held = [one for one in order.progress.allocations if one.line_id == entry.line_id]
        assert sum(one.quantity for one in held) == counts.reserved


def total(orders: list[Order], sku: str, count: str) -> int:
    return sum(
        getattr(counts, count)
        for order in orders
        for entry, counts in zip(order.content.lines, order.progress.counts, strict=True)
        if entry.sku == sku
    )
