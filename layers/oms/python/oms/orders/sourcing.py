"""Source and reserve: choose the nodes, take the stock, give it back when the order turns round.

All lines or none. An order that fits one transaction is reserved and recorded in it. A larger one
writes its plan down first; its stock is then taken chunk by chunk, each known by the plan, so that
a run which dies in between is taken up where it stopped.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import islice

from oms.catalog.store import Catalog
from oms.inventory.model import Need
from oms.inventory.store import Stock
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Backordered, Conflict, OutOfStock, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.events import Event
from oms.orders.model import Order, OutOfStockPolicy, State
from oms.orders.needs import needs_of
from oms.orders.store import Orders
from oms.routing.model import Available, Sourced, SourcingRule, Unsourced

# A transaction holds 100 writes: the commit, two for each need (balance and ledger entry), and for
# an order that was backordered one for each SKU that it stops waiting for.
NEEDS_IN_ONE = 33
SKUS_WAITED_FOR = 45
_PLANS = 4


def reserve(
    order_id: str,
    orders: Orders,
    stock: Stock,
    catalog: Catalog,
    rule: SourcingRule,
    cause: Cause,
) -> Order:
    """Raises ``Backordered`` or ``OutOfStock`` when no plan is possible, ``OrderCancelRequested``,
    and ``StockContended`` when stock went elsewhere as often as it was planned."""
    for _ in range(_PLANS):
        order = orders.load(order_id)
        if decisions.has_reached(order, State.SOURCED):
            return order
        if order.progress.reserving_since:
            return _reserve_in_chunks(order, orders, stock, cause)
        decisions.turn_round_if_cancelling(order)
        plan = _plan(order, stock, catalog, rule)
        if isinstance(plan, Unsourced):
            _record_shortage(order, plan, orders, stock, cause)
        elif len(needs_of(plan.allocations)) > NEEDS_IN_ONE:
            events = decisions.plan_sourcing(
                order, plan.allocations, plan.rule, plan.reason, cause.at
            )
            return _reserve_in_chunks(orders.commit(order, events, cause), orders, stock, cause)
        elif sourced := _reserve_at_once(order, plan, orders, stock, cause):
            return sourced
    raise StockContended("stock went elsewhere each time it was planned")


def unreserve(order_id: str, orders: Orders, stock: Stock, cause: Cause) -> Order:
    """Give back all that the order holds. Safe to call when it holds nothing."""
    order = orders.load(order_id)
    if waiting := _stop_waiting(order, stock):
        stock.transact(waiting)
    needs = needs_of(order.progress.allocations)
    if order.progress.reserving_since:
        return _give_up_plan(order, orders, stock, cause)
    if len(needs) > NEEDS_IN_ONE:
        return _unreserve_in_chunks(order, needs, orders, stock, cause)
    return execute(
        orders,
        order_id,
        decisions.release_reservation,
        cause,
        also=lambda found: stock.unreserve(needs_of(found.progress.allocations), order_id, cause),
    )


def what_can_ship(skus: Set[str], stock: Stock, catalog: Catalog) -> list[Available]:
    """What is available of ``skus``, at each node that ships now and has any record of them."""
    units: dict[str, dict[str, int]] = {}
    for sku, balances in stock.balances(skus).items():
        for balance in balances:
            units.setdefault(balance.node, {})[sku] = max(0, balance.available)
    return [
        Available(node, units[node.id])
        for node in catalog.nodes(units.keys())
        if node.active and node.can_ship and node.id in units
    ]


def _plan(order: Order, stock: Stock, catalog: Catalog, rule: SourcingRule) -> Sourced | Unsourced:
    skus = {line.sku for line in order.content.lines}
    candidates = what_can_ship(skus, stock, catalog)
    return rule(order.content.lines, order.content.shipping_address, candidates)


def _reserve_at_once(
    order: Order, plan: Sourced, orders: Orders, stock: Stock, cause: Cause
) -> Order | None:
    """The sourced order, or nothing when the stock was gone by then: plan again."""
    events = decisions.source(order, plan.allocations, plan.rule, plan.reason)
    needs = needs_of(plan.allocations)
    writes = stock.reserve(needs, order.order_id, cause) + _stop_waiting(order, stock)
    try:
        return orders.commit(order, events, cause, writes)
    except StockContended:
        stock.reclaim({need.sku for need in needs}, cause.at)
        return None


def _reserve_in_chunks(order: Order, orders: Orders, stock: Stock, cause: Cause) -> Order:
    planned = _as_planned(order, cause)
    try:
        for chunk in _chunks(needs_of(order.progress.allocations)):
            _once(stock, stock.reserve(chunk, order.order_id, planned))
    except StockContended:
        _give_up_plan(order, orders, stock, cause)
        stock.reclaim({allocation.sku for allocation in order.progress.allocations}, cause.at)
        raise
    progress = order.progress
    events = decisions.source(
        order, progress.allocations, progress.sourcing_rule, progress.sourcing_reason
    )
    return orders.commit(order, events, cause, _stop_waiting(order, stock))


def _give_up_plan(order: Order, orders: Orders, stock: Stock, cause: Cause) -> Order:
    """Give back every chunk of the plan that was taken, and forget the plan."""
    planned = _as_planned(order, cause)
    for chunk in _chunks(needs_of(order.progress.allocations)):
        if stock.has_reserved(chunk[0], order.order_id, planned):
            _once(stock, stock.unreserve(chunk, order.order_id, planned))
    return orders.commit(order, decisions.release_reservation(order), cause)


def _unreserve_in_chunks(
    order: Order, needs: Sequence[Need], orders: Orders, stock: Stock, cause: Cause
) -> Order:
    """The newest commit does not change until the last step, so its time names the entries."""
    same = replace(cause, at=order.content.captured_at)
    for chunk in _chunks(needs):
        _once(stock, stock.unreserve(chunk, order.order_id, same))
    return orders.commit(order, decisions.release_reservation(order), cause)


def _as_planned(order: Order, cause: Cause) -> Cause:
    assert order.progress.reserving_since is not None
    return replace(cause, at=order.progress.reserving_since)


def _once(stock: Stock, writes: Sequence[Write]) -> None:
    try:
        stock.transact(writes)
    except Conflict as refusal:
        if refusal.problem_code != "entry_exists":
            raise


def _chunks(needs: Sequence[Need]) -> Iterable[list[Need]]:
    rest = iter(needs)
    while chunk := list(islice(rest, NEEDS_IN_ONE)):
        yield chunk


def _record_shortage(
    order: Order, plan: Unsourced, orders: Orders, stock: Stock, cause: Cause
) -> None:
    events: Sequence[Event]
    if order.content.on_out_of_stock is OutOfStockPolicy.CANCEL:
        if events := decisions.run_out_of_stock(order, plan.reason):
            orders.commit(order, events, cause)
        raise OutOfStock(plan.reason)
    if events := decisions.backorder(order, plan.line_ids, plan.reason):
        orders.commit(order, events, cause, _wait(order, plan.line_ids, stock))
    raise Backordered(plan.reason)


def _wait(order: Order, line_ids: Iterable[str], stock: Stock) -> list[Write]:
    """Join the queues of the SKUs that are lacking now, leave those of the others."""
    before, now = _waited_for(order, order.backordered_lines), _waited_for(order, line_ids)
    return [
        *stock.wait(order.order_id, _since(order), now - before),
        *stock.stop_waiting(order.order_id, _since(order), before - now),
    ]


def _stop_waiting(order: Order, stock: Stock) -> list[Write]:
    waited_for = _waited_for(order, order.backordered_lines)
    return stock.stop_waiting(order.order_id, _since(order), waited_for)


def _waited_for(order: Order, line_ids: Iterable[str]) -> set[str]:
    """Enough of the SKUs to be woken by; the rest is looked at again then."""
    lacking = {order.content.line(line_id).sku for line_id in line_ids}
    return set(sorted(lacking)[:SKUS_WAITED_FOR])


def _since(order: Order) -> str:
    return rfc3339(order.content.captured_at)
