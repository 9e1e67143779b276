"""Simulating a sourcing policy over orders that there are. Commits nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.position import Position
from oms.inventory.store import Stock
from oms.kernel.errors import Fault, Faults, Invalid, NotFound
from oms.orders.model import Order, State
from oms.orders.replay import Replayed, Scenario, recorded_allocations, replay, skus_of, to_route
from oms.orders.routing import production_of, weekly_of
from oms.orders.simulation_contract import MOST_REPLAYED, Selection
from oms.orders.store import OrderIndex
from oms.routing.policy import SourcingPolicy
from oms.routing.putting import Places, checked

if TYPE_CHECKING:
    from oms.routing.contract import SourcingPolicyDocument

_FIRST, _LAST = "0000", "9999"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Simulation:
    """``left_out``: orders that nobody routes, cancelled or fulfilled by their channel.
    ``unread``: orders that there was no time for."""

    orders: tuple[Replayed, ...]
    left_out: int
    unread: int


def simulate(
    policy: SourcingPolicy,
    selection: Selection,
    orders: OrderIndex,
    stock: Stock,
    catalog: Catalog,
    now: datetime,
    seconds_left: Callable[[], float],
) -> Simulation:
    """Replay the selected orders under ``policy``. Half of the time goes into reading, the newest
    first; what cannot be read or replayed in time is left out and counted. Raises ``Invalid`` for
    orders that there are not, and unless either a channel or orders are named."""
    if bool(selection.channel) == bool(selection.order_ids):
        faults = Faults()
        faults.add("channel", "filter_needed", "give either a channel or order_ids")
        faults.refuse("the selection breaks a rule")
    half = seconds_left() / 2
    found: list[Order] = []
    positions: dict[str, Position] = {}
    items: dict[str, Item] = {}
    left_out = unread = 0
    for order in _selected(selection, orders, lambda: seconds_left() > half):
        if order is None:
            unread += 1
            continue
        if not _is_routed(order):
            left_out += 1
            continue
        _read(order, stock, catalog, now, positions, items)
        found.append(order)
    found.sort(key=lambda order: (order.content.captured_at, order.order_id))
    nodes = catalog.nodes(
        {one.node for order in found for one in recorded_allocations(order)}
        | {line.pickup_node for order in found for line in order.content.lines if line.pickup_node}
    )
    services = catalog.carrier_services()
    scenario = Scenario(
        policy,
        found,
        positions,
        items,
        nodes,
        services,
        production_of(items, policy, stock, now),
        weekly_of(positions, policy, stock, now),
    )
    replayed = replay(scenario, lambda: seconds_left() > 0)
    return Simulation(replayed, left_out, unread + len(found) - len(replayed))


def policy_to_simulate(document: "SourcingPolicyDocument", catalog: Places) -> SourcingPolicy:
    """The proposed policy, if it can be evaluated. Raises ``Invalid`` with every fault."""
    try:
        return checked("proposed", document, catalog)
    except Invalid as refused:
        faults = tuple(
            Fault(f"policy.{fault.path}", fault.code, fault.message) for fault in refused.faults
        )
        raise Invalid(refused.detail, code=refused.problem_code, faults=faults) from None


def _selected(
    selection: Selection, orders: OrderIndex, may_go_on: Callable[[], bool]
) -> Iterator[Order | None]:
    """The orders, newest first, and nothing for those that there is no time for."""
    ids = tuple(dict.fromkeys(selection.order_ids)) or tuple(_last(selection, orders))
    faults = Faults()
    for index, order_id in enumerate(ids):
        if not may_go_on():
            yield None
            continue
        try:
            yield orders.load(order_id)
        except NotFound:
            faults.add(f"order_ids.{index}", "unknown_order", f"there is no order {order_id}")
    faults.refuse("the selection breaks a rule")


def _last(selection: Selection, orders: OrderIndex) -> Iterator[str]:
    wanted, cursor = min(selection.last, MOST_REPLAYED), None
    while wanted > 0:
        size = min(wanted, _PAGE)
        page = orders.list_by("channel", selection.channel, _FIRST, _LAST, size, cursor)
        yield from page.order_ids[:wanted]
        wanted -= len(page.order_ids)
        cursor = page.cursor
        if cursor is None:
            return


def _is_routed(order: Order) -> bool:
    if order.content.fulfilled_by_channel or order.state is State.CANCELLED:
        return False
    return bool(to_route(order))


def _read(
    order: Order,
    stock: Stock,
    catalog: Catalog,
    now: datetime,
    positions: dict[str, Position],
    items: dict[str, Item],
) -> None:
    """What the order asks for and is not known yet; then what that is made of."""
    lines = to_route(order)
    for _ in range(2):
        skus = skus_of(order, lines, items)
        if unknown := skus - items.keys():
            items |= catalog.items(unknown)
        if unread := skus - positions.keys():
            positions |= stock.positions(unread, now)
