"""Taking back: an order that waits gets what one of lower priority holds, where the policy says so.

Two steps, each safe by itself. First the loser's units are given back, in the transaction that puts
it into the queue, behind the order that needs them; then that order is sourced like any other. A
run that dies in between leaves free units and an order at the head of their queue.

Only those are taken from whose customers agreed to wait and whose nodes have not begun, and only
when all that is lacking can be had, where the order may have it. Whoever reserved in several
transactions keeps what it has.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from oms.inventory.backorders import HIGHEST_PRIORITY, Holder, take_from
from oms.inventory.store import Stock
from oms.kernel.clock import rfc3339
from oms.kernel.errors import StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, slots
from oms.orders.backordering import requeue
from oms.orders.command import execute
from oms.orders.evolve import evolve_all
from oms.orders.model import Allocation, Order
from oms.orders.needs import needs_of
from oms.orders.prospects import Prospect, units_of
from oms.orders.shares import by_sku
from oms.orders.store import Orders
from oms.routing.evidence import listed

_WRITES_IN_ONE = 99


# Units by node and SKU.
Freed = Mapping[tuple[str, str], int]


def take_back(
    order: Order,
    prospect: Prospect,
    orders: Orders,
    stock: Stock,
    cause: Cause,
    would_do: Callable[[Freed], bool],
) -> bool:
    """Whether orders of lower priority gave back what this one waits for: plan again then.
    ``would_do``: whether the order could go ahead if these units were free."""
    lacking = units_of(order, order.backordered_lines)
    short = {sku: units - prospect.left.get(sku, 0) for sku, units in lacking.items()}
    short = {sku: units for sku, units in short.items() if units > 0}
    if not all(prospect.positions[sku].policy.take_back for sku in short):
        return False
    held = {sku: _holders(order, sku, prospect, stock) for sku in sorted(short)}
    losers = _losers(short, held, orders)
    if not losers or not would_do(_freed(held, losers)):
        return False
    given = [_give_back(loser, skus, order, orders, stock, cause) for loser, skus in losers.items()]
    return any(given)


def given_back(
    order: Order, allocations: Sequence[Allocation], stock: Stock, cause: Cause
) -> list[Write]:
    """Writes that free what the order holds, capacity of production included."""
    needs = needs_of(allocations)
    return [
        *stock.unreserve(needs, order.order_id, cause),
        *stock.shares.give_back(by_sku(needs), order.order_id, cause.at),
        *let_go(order, allocations, stock),
        *stock.production.give_back(effort for one in allocations for effort in one.effort),
    ]


def hold(order: Order, allocations: Sequence[Allocation], stock: Stock) -> list[Write]:
    """Let those of higher priority know what may be taken back."""
    held = _held(order, allocations)
    return [write for sku, holder in held for write in stock.backorders.hold(sku, holder)]


def let_go(order: Order, allocations: Sequence[Allocation], stock: Stock) -> list[Write]:
    held = _held(order, allocations)
    return [write for sku, holder in held for write in stock.backorders.let_go(sku, holder)]


def _held(order: Order, allocations: Sequence[Allocation]) -> Iterator[tuple[str, Holder]]:
    """By SKU and node, whatever counter it comes from. There is nobody above the highest."""
    if order.content.priority == HIGHEST_PRIORITY:
        return
    units: dict[tuple[str, str], int] = {}
    for allocation in allocations:
        if allocation.take_back:
            key = (allocation.sku, allocation.node)
            units[key] = units.get(key, 0) + allocation.quantity
    since = rfc3339(order.content.captured_at)
    for (sku, node), quantity in sorted(units.items()):
        yield sku, Holder(order.order_id, order.content.priority, since, node, quantity)


def _holders(order: Order, sku: str, prospect: Prospect, stock: Stock) -> list[Holder]:
    nodes = {one.node.id for one in prospect.candidates if sku in one.units}
    held = stock.backorders.held(sku, order.content.priority)
    return [holder for holder in held if holder.node in nodes]


def _freed(held: Mapping[str, Sequence[Holder]], losers: Container[str]) -> Freed:
    freed = Counter[tuple[str, str]]()
    for sku, holders in held.items():
        for holder in holders:
            if holder.order_id in losers:
                freed[holder.node, sku] += holder.quantity
    return freed


def _losers(
    short: Mapping[str, int], held: Mapping[str, Sequence[Holder]], orders: Orders
) -> Mapping[str, set[str]]:
    """Order ids, each with the SKUs that are taken from it; nobody when there is not enough."""
    losers: dict[str, set[str]] = {}
    for sku, units in sorted(short.items()):
        holders = _by_order(held[sku])
        freed = sum(holders[loser].quantity for loser in losers if loser in holders)
        for loser in losers.keys() & holders.keys():
            losers[loser].add(sku)
        others = [holder for holder in holders.values() if holder.order_id not in losers]
        chosen = _choose(units - freed, others, orders)
        if chosen is None:
            return {}
        losers |= {holder.order_id: {sku} for holder in chosen}
    return losers


def _by_order(held: Iterable[Holder]) -> dict[str, Holder]:
    holders: dict[str, Holder] = {}
    for holder in held:
        before = holders.get(holder.order_id, replace(holder, quantity=0))
        holders[holder.order_id] = replace(before, quantity=before.quantity + holder.quantity)
    return holders


def _choose(units: int, holders: Sequence[Holder], orders: Orders) -> tuple[Holder, ...] | None:
    """Those to take from, of whom each may be taken from; None when they do not hold enough."""
    while units > 0:
        chosen = take_from(units, holders)
        if not chosen:
            return None
        keep = {holder.order_id for holder in chosen if not _may_lose(holder, orders)}
        if not keep:
            return chosen
        holders = [holder for holder in holders if holder.order_id not in keep]
    return ()


def _may_lose(holder: Holder, orders: Orders) -> bool:
    return decisions.may_be_taken_back(orders.load(holder.order_id))


def _give_back(
    loser: str, skus: set[str], winner: Order, orders: Orders, stock: Stock, cause: Cause
) -> bool:
    """False when the loser went on meanwhile, and keeps what it has."""
    priority = winner.content.priority
    reason = f"{winner.order_id} of priority {priority} needs {listed(sorted(skus))}"

    def freed(found: Order) -> list[Write]:
        allocations = evolve_all(found, decisions.withdraw(found)).progress.allocations
        events = decisions.take_back(found, skus, reason)
        writes = [
            *given_back(found, allocations, stock, cause),
            *requeue(found, evolve_all(found, events), stock),
            *slots.given_back(found, events, stock.capacity),
        ]
        if len(writes) > _WRITES_IN_ONE:
            raise StockContended("more would be given back than one transaction holds")
        return writes

    try:
        order = execute(
            orders, loser, lambda found: decisions.take_back(found, skus, reason), cause, freed
        )
    except (StockContended, VersionConflict):
        return False
    return order.progress.taken_back
