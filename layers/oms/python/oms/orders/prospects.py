"""What an order could have now: what lies at nodes that ship, less what is for orders ahead of it.

Nobody overtakes. Where a SKU is owed to orders that wait, whoever comes later, or stands further
behind, may only have what they leave; ``oms.inventory.backorders`` says what that is. An order for
what nobody waits for reads no queue.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from oms.catalog.store import Catalog
from oms.inventory import backorders
from oms.inventory.backorders import Handout, Shelf, Waiter, hand_out
from oms.inventory.position import Position
from oms.inventory.shares import available_to
from oms.inventory.store import Stock
from oms.kernel.clock import rfc3339
from oms.kernel.quantity import LARGEST
from oms.orders.model import Method, Order, State
from oms.orders.shares import within_shares
from oms.routing.capacity import Load, slot_for
from oms.routing.model import Available

# How far queues are looked into: what is not seen of a queue claims all there is, what is not seen
# of another SKU is taken as not there, so that it holds nobody up.
ROWS_LOOKED_AT = 1000
_LAST = "~"
SKUS_LOOKED_AT = 20

# An order that lacks more SKUs stands in the queues of these; the rest is looked at when it is
# woken. Joining one queue and leaving another takes four writes of a transaction's 100.
SKUS_WAITED_FOR = 24

_NOWHERE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Closed:
    """A node that has some of it and takes no work at the moment: it is ``switched_off``, or has
    ``no_capacity`` left."""

    available: Available
    why: str


@dataclass(frozen=True, slots=True)
class Shipping:
    """The nodes that ship, those that do not at the moment, and of those that count their work how
    much is taken."""

    open: list[Available]
    closed: tuple[Closed, ...] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prospect:
    """``left``: units of each SKU that are there and that nobody ahead claims; below zero where
    those ahead claim more than there is. ``closed`` and ``loads``: as in ``Shipping``."""

    positions: Mapping[str, Position]
    candidates: list[Available]
    left: Mapping[str, int]
    closed: tuple[Closed, ...] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)

    def waits_for_nodes(self, wanted: Mapping[str, int]) -> bool:
        """Whether there is enough, at nodes that take no work at the moment."""
        nodes = [*self.candidates, *(one.available for one in self.closed)]
        there = _totals(nodes, wanted)
        return bool(self.closed) and all(there[sku] >= units for sku, units in wanted.items())

    def suffices_for(self, wanted: Mapping[str, int]) -> bool:
        return all(self.left[sku] >= units for sku, units in wanted.items())

    def suffices_for_some(self, wanted: Mapping[str, int]) -> bool:
        """Whether there is all that is wanted of at least one of the SKUs."""
        return any(self.left[sku] >= units for sku, units in wanted.items())

    def claimed(self, wanted: Mapping[str, int]) -> set[str]:
        """The SKUs of which there is enough, but not for this order."""
        there = _totals(self.candidates, wanted)
        return {sku for sku, units in wanted.items() if self.left[sku] < units <= there[sku]}

    def without(self, skus: set[str]) -> list[Available]:
        if not skus:
            return self.candidates
        return [
            Available(one.node, {sku: units for sku, units in one.units.items() if sku not in skus})
            for one in self.candidates
        ]


@dataclass(frozen=True, slots=True)
class LineUp:
    """Who waits, who gets what, and the positions that this was worked out from."""

    handed: Handout
    positions: Mapping[str, Position]


def prospect_of(
    order: Order,
    wanted: Mapping[str, int],
    positions: Mapping[str, Position],
    stock: Stock,
    catalog: Catalog,
    now: datetime,
    *,
    beyond_capacity: bool = False,
) -> Prospect:
    """``wanted``: units by SKU; ``positions``: of the same. With ``beyond_capacity`` nodes may have
    more work than they take in a day."""
    channel = order.content.channel
    tracked = {sku: one for sku, one in positions.items() if one.policy.tracked}
    handing_over = {
        line.pickup_node for line in order.content.lines if line.method is Method.PICKUP
    }
    shipping = what_can_ship(
        positions, stock, catalog, now, handing_over, beyond_capacity=beyond_capacity
    )
    candidates = within_shares(shipping.open, channel, wanted, tracked)
    left = _totals(candidates, wanted)
    may = {sku: min(left[sku], available_to(channel, one)) for sku, one in tracked.items()}
    at = _collected_at(order)
    contested = {
        sku
        for sku, position in tracked.items()
        if position.owed and (sku in at or may[sku] - position.owed < wanted[sku])
    }
    if contested:
        handed = line_up(contested, rank_of(order), stock, catalog, now, at).handed
        left |= {
            sku: min(left[sku], handed.left_for(channel, sku, at.get(sku, ""))) for sku in contested
        }
    return Prospect(positions, candidates, left, shipping.closed, shipping.loads)


def line_up(
    skus: Iterable[str],
    before: str,
    stock: Stock,
    catalog: Catalog,
    now: datetime,
    at: Mapping[str, str] = _NOWHERE,
) -> LineUp:
    """Those who wait for ``skus`` ahead of a rank (all of them when it is empty), and for what else
    they lack those who wait for that. ``at``: by SKU the node where whoever asks collects it."""
    positions: dict[str, Position] = {}
    there: dict[str, int] = {}
    parts: dict[tuple[str, str], int] = {}
    nodes_with: dict[str, dict[str, int]] = {}
    waiting: dict[tuple[str, ...], Waiter] = {}
    to_look_at = sorted(skus)
    most = SKUS_LOOKED_AT + len(to_look_at)
    while to_look_at and len(there) < most:
        sku = to_look_at.pop(0)
        if sku in there:
            continue
        positions |= stock.positions({sku}, now, consistent=True)
        balances = {balance.node for balance in positions[sku].balances}
        found = what_can_ship({sku: positions[sku]}, stock, catalog, now, balances).open
        there |= _totals((one for one in found if one.node.can_ship), [sku])
        nodes_with[sku] = {one.node.id: one.units.get(sku, 0) for one in found}
        more = sum(nodes_with[sku].values()) > there[sku]
        for waiter in _queue(sku, before, there[sku], positions[sku], stock, to_the_end=more):
            waiting[waiter.rank, *sorted(waiter.lacking)] = waiter
            part = (waiter.channel, sku)
            if waiter.channel and positions[sku].policy.tracked and part not in parts:
                parts[part] = available_to(waiter.channel, positions[sku])
            to_look_at += sorted(waiter.lacking.keys() - there.keys())
    collected = {*at.items(), *(each for one in waiting.values() for each in one.at.items())}
    shelves = _shelves(collected, nodes_with, catalog) if collected else {}
    return LineUp(hand_out(there, waiting.values(), parts, shelves), positions)


def _shelves(
    collected: Iterable[tuple[str, str]],
    nodes_with: Mapping[str, Mapping[str, int]],
    catalog: Catalog,
) -> dict[tuple[str, str], Shelf]:
    """By SKU and node what is there to be collected; what is not looked at is not there."""
    collected = set(collected)
    nodes = {node.id: node for node in catalog.nodes({node for _, node in collected})}
    return {
        (sku, node): Shelf(
            nodes_with.get(sku, {}).get(node, 0),
            nodes[node].can_ship,
            nodes[node].pickup == "any",
        )
        for sku, node in collected
        if node in nodes
    }


def what_can_ship(
    positions: Mapping[str, Position],
    stock: Stock,
    catalog: Catalog,
    now: datetime,
    handing_over: Set[str] = frozenset(),
    *,
    beyond_capacity: bool = False,
) -> Shipping:
    """What is available of each SKU, at each node that ships now and has any record of them; or
    that is one of those to be ``handing_over``, whether it ships or not. What is not tracked is at
    every node, in any quantity. What is taken of a node is read only where it has a limit, and
    something to ship."""
    nodes = _what_is_there(positions, catalog, handing_over)
    having = (one.node for one in nodes if any(one.units.values()))
    loads = {} if beyond_capacity else stock.capacity.loads(having, now)
    found: list[Available] = []
    closed: list[Closed] = []
    for one in nodes:
        if not one.node.is_on(now):
            closed.append(Closed(one, "switched_off"))
        elif one.node.id in loads and slot_for(one.node, now, loads[one.node.id]) is None:
            closed.append(Closed(one, "no_capacity"))
        else:
            found.append(one)
    having_closed = (one for one in closed if any(one.available.units.values()))
    return Shipping(found, tuple(having_closed), loads)


def _what_is_there(
    positions: Mapping[str, Position], catalog: Catalog, handing_over: Set[str]
) -> list[Available]:
    endless = {sku: LARGEST for sku, position in positions.items() if not position.policy.tracked}
    units: dict[str, dict[str, int]] = {}
    for sku, position in positions.items():
        for balance in position.balances:
            if sku not in endless and balance.node not in position.policy.not_sold_at:
                units.setdefault(balance.node, {})[sku] = max(0, balance.available)
    return [
        Available(node, units.get(node.id, {}) | endless)
        for node in catalog.nodes(units.keys() | handing_over)
        if node.active
        and (node.can_ship or node.id in handing_over)
        and (endless or node.id in units)
    ]


def units_of(order: Order, line_ids: Iterable[str]) -> dict[str, int]:
    """Units by SKU that some of the lines still need from a node."""
    wanted, units = set(line_ids), dict[str, int]()
    for index, line in enumerate(order.content.lines):
        if line.line_id in wanted and (quantity := order.to_source(index)):
            units[line.sku] = units.get(line.sku, 0) + quantity
    return units


def waiter_of(order: Order, line_ids: Iterable[str], *, apart: bool = False) -> Waiter:
    """The order as it stands in the queues when it lacks these lines; ``apart`` when a part of it
    may go ahead of the others."""
    return _waiter(order, units_of(order, line_ids), apart=apart)


def waiting_as(order: Order) -> Waiter:
    """The order as it stands in the queues now: with the units that are backordered."""
    return _waiter(order, backordered_units(order))


def backordered_units(order: Order) -> dict[str, int]:
    """By SKU."""
    units: dict[str, int] = {}
    for line, counts in zip(order.content.lines, order.progress.counts, strict=True):
        if counts.backordered:
            units[line.sku] = units.get(line.sku, 0) + counts.backordered
    return units


def _waiter(order: Order, lacking: Mapping[str, int], *, apart: bool = False) -> Waiter:
    """Once a part of it is under way each of the others goes on as soon as it is there."""
    first = dict(sorted(lacking.items())[:SKUS_WAITED_FOR])
    at = {sku: node for sku, node in _collected_at(order).items() if sku in first}
    apart = len(first) > 1 and (apart or order.state is not State.CAPTURED)
    return Waiter(rank_of(order), first, order.content.channel, at, apart)


def _collected_at(order: Order) -> dict[str, str]:
    """By SKU the node where the customer collects all that was ordered of it."""
    places: dict[str, set[str]] = {}
    for line in order.content.lines:
        node = line.pickup_node if line.method is Method.PICKUP else ""
        places.setdefault(line.sku, set()).add(node)
    return {sku: node for sku, (node, *others) in places.items() if node and not others}


def rank_of(order: Order) -> str:
    """Of what was captured, which never changes: whoever comes back finds its place again."""
    content = order.content
    promised = content.promise.arrive_by if content.promise else None
    since = rfc3339(content.captured_at)
    return backorders.rank(content.priority, promised, since, order.order_id)


def _queue(
    sku: str,
    before: str,
    there: int,
    position: Position,
    stock: Stock,
    *,
    to_the_end: bool,
) -> Iterator[Waiter]:
    """As far as anything is left for whoever stands behind, if not ``to_the_end``. It is read on
    where units may be taken back, because all that is claimed has to be taken then, and where
    channels have parts, because a channel that has used up its own holds up no other."""
    policy = position.policy
    to_the_end = bool(to_the_end or policy.take_back or policy.held_back or position.shares)
    if not position.owed:
        return
    claimed = 0
    for number, waiter in enumerate(stock.backorders.waiting(sku, before)):
        if number == ROWS_LOOKED_AT:
            yield Waiter(before or _LAST, {sku: LARGEST})
            return
        yield waiter
        if len(waiter.lacking) == 1 and not waiter.at:
            claimed += waiter.lacking[sku]
        if claimed > there and not to_the_end:
            return


def _totals(candidates: Iterable[Available], skus: Iterable[str]) -> dict[str, int]:
    totals = dict.fromkeys(skus, 0)
    for candidate in candidates:
        for sku in totals:
            totals[sku] += candidate.units.get(sku, 0)
    return totals
