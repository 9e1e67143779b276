"""Cancelling units of an order's lines, while the rest goes on.

Units that nobody has touched go first: those that have no node, those that wait for stock, those
that are reserved, then those of fulfilments, from the least far along. What is packed, what a
supplier has confirmed, and what has left is not cancelled. Nothing else of the order is routed
again. When nothing is left the order is cancelled as a whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, Faults, StockContended, TooLarge
from oms.kernel.events import Cause
from oms.kernel.quantity import positive_quantity
from oms.kernel.writes import Write
from oms.orders import events as happened
from oms.orders import work
from oms.orders.asked_once import named
from oms.orders.command import execute
from oms.orders.decisions import NOTHING, Events
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.freeing import freed
from oms.orders.model import Allocation, Fulfillment, FulfillmentState, Line, Order, State
from oms.orders.parts import divide
from oms.orders.store import Orders
from oms.orders.units import allocations_of

# From the least far along.
_CANCELLABLE = (FulfillmentState.OPEN, FulfillmentState.ACCEPTED, FulfillmentState.PICKED)
CLOSED = (State.DELIVERED, State.COMPLETED, State.CANCELLED)
_WRITES_BESIDE = 99


@dataclass(frozen=True, slots=True)
class Asked:
    """A line, or a bundle that was ordered, and how many whole units of it are not wanted; all that
    is left of it without a ``quantity``."""

    line_id: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What happens, and what is free again with it."""

    events: Events = NOTHING
    allocations: tuple[Allocation, ...] = ()


@dataclass(slots=True)
class _Taking:
    """``left``: units by line that are still to be found."""

    left: dict[str, int]
    waited: dict[str, int] = field(default_factory=dict)
    reserved: list[Allocation] = field(default_factory=list)
    parts: list[tuple[Fulfillment, dict[str, int]]] = field(default_factory=list)

    def take(self, line_id: str, there: int) -> int:
        units = min(self.left.get(line_id, 0), there)
        if units:
            self.left[line_id] -= units
        return units


def cancel_lines(
    order_id: str,
    asked: Sequence[Asked],
    reason: str,
    key: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Order:
    """The same again, by its ``key``, changes nothing. Raises ``NotFound``, ``Invalid`` with every
    fault (``unknown_line``, ``line_twice``, ``quantity_not_positive``, ``part_of_a_bundle``, and
    those of a quantity), ``Conflict`` (``not_cancellable``, ``cancelling``, ``content_differs``)
    and ``TooLarge`` (``too_many_lines``)."""

    def decide(order: Order) -> Events:
        return _decided(order, asked, reason, key).events

    def also(order: Order) -> list[Write]:
        return writes_of(order, _decided(order, asked, reason, key), stock, cause)

    return execute(orders, order_id, decide, cause, also)


def writes_of(order: Order, decided: Cancellation, stock: Stock, cause: Cause) -> list[Write]:
    """What gives back what is free again, beside the events. Raises ``TooLarge``
    (``too_many_lines``)."""
    writes = freed(order, decided.events, decided.allocations, stock, cause)
    if len(writes) > _WRITES_BESIDE:
        raise TooLarge("cancel fewer lines at once", code="too_many_lines")
    return writes


def _decided(order: Order, asked: Sequence[Asked], reason: str, key: str) -> Cancellation:
    name = named(key, _content(asked)) if key else ""
    if name and name in order.progress.cancellations:
        return Cancellation()
    if key and any(one.rpartition(":")[0] == key for one in order.progress.cancellations):
        raise Conflict("this key was used for another cancellation", code="content_differs")
    _refuse_too_late(order)
    return cancel_units(order, _units(order, asked), reason, name)


def _content(asked: Sequence[Asked]) -> object:
    return [(one.line_id, one.quantity and str(one.quantity.normalize())) for one in asked]


def cancel_units(
    order: Order, units: Mapping[str, int], reason: str, key: str = ""
) -> Cancellation:
    """``take_out``, and what follows: the refund of what was paid for them, and the way down of an
    order of which nothing is left."""
    taken = take_out(order, units, reason, key)
    rest = work.balance(evolve_all(order, taken.events), reason)
    return replace(taken, events=(*taken.events, *rest))


def take_out(order: Order, units: Mapping[str, int], reason: str, key: str = "") -> Cancellation:
    """``units`` by line. Raises ``Conflict`` (``not_cancellable``) when there are not so many that
    can be cancelled, ``StockContended`` while they are being reserved."""
    if order.progress.reserving_since:
        raise StockContended("the order is being reserved at this moment")
    taking = _found(order, units)
    if short := {line_id: left for line_id, left in taking.left.items() if left}:
        raise _not_so_many(order, units, short)
    reduced: list[Event] = [
        *_reduced_reservation(taking),
        *(
            happened.FulfillmentReduced(part.id, work.as_units(taken), part.drop_ship)
            for part, taken in taking.parts
        ),
    ]
    free = (
        *taking.reserved,
        *(
            allocation
            for part, taken in taking.parts
            for allocation in allocations_of(order, part, divide(part.lines, taken)[1])
        ),
    )
    skus = {one.sku for one in free if one.tracked}
    skus |= {order.content.line(line_id).sku for line_id in taking.waited}
    after = evolve_all(order, reduced)
    cancelled = replace(
        work.units_cancelled(after, units, reason, waited=taking.waited),
        skus=tuple(sorted(skus)),
        key=key,
    )
    return Cancellation((*reduced, cancelled), free)


def cancellable(order: Order, line_id: str) -> int:
    """How many units of a line could be cancelled now."""
    line = order.content.line(line_id)
    taking = _found(order, {line_id: line.quantity})
    return line.quantity - taking.left[line_id]


def _found(order: Order, units: Mapping[str, int]) -> _Taking:
    taking = _Taking({line_id: quantity for line_id, quantity in units.items() if quantity})
    for index, line in enumerate(order.content.lines):
        taking.take(line.line_id, order.open_quantity(index))
        if waits := taking.take(line.line_id, order.progress.counts[index].backordered):
            taking.waited[line.line_id] = waits
    _take_reserved(order, taking)
    for part in sorted(_cancellable_parts(order), key=lambda one: _CANCELLABLE.index(one.state)):
        whole = {line.line_id for line in part.lines if line.component or line.effort}
        taken = {
            line_id: out
            for line_id, there in part.units.items()
            if (line_id not in whole or taking.left.get(line_id, 0) >= there)
            and (out := taking.take(line_id, there))
        }
        if taken:
            taking.parts.append((part, taken))
    return taking


def _take_reserved(order: Order, taking: _Taking) -> None:
    """The last allocations first: a plan begins with the node that it likes best."""
    held = order.progress.allocations
    for one in reversed(held):
        if one.component or (one.make and taking.left.get(one.line_id, 0) < one.quantity):
            continue
        units = taking.take(one.line_id, one.quantity)
        if not units:
            continue
        taking.reserved.append(replace(one, quantity=units))
        if one.make:
            key = (one.line_id, one.node)
            taking.reserved += [
                other for other in held if other.component and (other.line_id, other.node) == key
            ]


def _cancellable_parts(order: Order) -> Iterator[Fulfillment]:
    for part in order.live_fulfillments:
        confirmed = part.drop_ship and part.state is not FulfillmentState.OPEN
        if part.state in _CANCELLABLE and not confirmed:
            yield part


def _reduced_reservation(taking: _Taking) -> list[happened.ReservationReduced]:
    if not taking.reserved:
        return []
    skus = sorted({one.sku for one in taking.reserved if one.tracked})
    return [happened.ReservationReduced(tuple(taking.reserved), tuple(skus))]


# --- what is refused ------------------------------------------------------------------------


def _refuse_too_late(order: Order) -> None:
    if order.content.fulfilled_by_channel:
        raise Conflict("the channel fulfilled this order itself", code="not_cancellable")
    if order.state in CLOSED:
        raise Conflict(
            f"the order is {order.state}",
            code="not_cancellable",
            context={"state": order.state, "allowed": ["return"]},
        )
    if order.cancel_requested:
        raise Conflict("the order is being cancelled", code="cancelling")


def _not_so_many(order: Order, units: Mapping[str, int], short: Mapping[str, int]) -> Conflict:
    """Of the first line: how many of its units could be cancelled."""
    line_id = next(iter(short))
    line = order.content.line(line_id)
    most = Decimal(units[line_id] - short[line_id]).scaleb(-line.scale)
    return Conflict(
        f"of line {line_id} no more than {most} can be cancelled",
        code="not_cancellable",
        context={"line_id": line_id, "cancellable": str(most)},
    )


def _units(order: Order, asked: Sequence[Asked]) -> dict[str, int]:
    """Units by line; what is asked of a bundle is asked of its parts."""
    faults, units = Faults(), dict[str, int]()
    lines = {line.line_id: line for line in order.content.lines}
    for index, one in enumerate(asked):
        path = f"lines.{index}"
        named = named_units(order, one.line_id, one.quantity, f"{path}.quantity", faults, _left)
        if named is None:
            faults.add(f"{path}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
            continue
        for line_id, quantity in named.items():
            if line_id in units:
                faults.add(f"{path}.line_id", "line_twice", f"{line_id} is named already")
            units[line_id] = quantity
    _check_bundles(lines, units, faults)
    faults.refuse("the cancellation breaks a rule")
    if not any(units.values()):
        raise Conflict("nothing is left to be cancelled", code="not_cancellable")
    return units


def named_units(
    order: Order,
    line_id: str,
    quantity: Decimal | None,
    path: str,
    faults: Faults,
    left: Callable[[Order, str], int],
) -> dict[str, int] | None:
    """Units by line of a line, or of a bundle that was ordered; all that is ``left`` of it without
    a quantity. None when the order has neither."""
    whole = [line for line in order.content.lines if line.line_id == line_id]
    parts = [line for line in order.content.lines if line.bundle == line_id]
    if quantity is None:
        return {line.line_id: left(order, line.line_id) for line in whole or parts} or None
    if whole:
        return {line_id: positive_quantity(quantity, whole[0].scale, path, faults)}
    if not parts:
        return None
    bundles = positive_quantity(quantity, 0, path, faults)
    if any(not line.bundles for line in parts):
        faults.add(path, "part_of_a_bundle", "name the parts of this bundle, or all of it")
        return {}
    return {line.line_id: line.quantity * bundles // line.bundles for line in parts}


def _left(order: Order, line_id: str) -> int:
    index = next(n for n, line in enumerate(order.content.lines) if line.line_id == line_id)
    return order.content.lines[index].quantity - order.progress.counts[index].cancelled


def _check_bundles(lines: Mapping[str, Line], units: Mapping[str, int], faults: Faults) -> None:
    """The parts of a bundle are cancelled together: in proportion."""
    bundles = {lines[line_id].bundle for line_id in units if lines[line_id].bundle}
    for bundle in sorted(bundles):
        parts = [line for line in lines.values() if line.bundle == bundle]
        first = parts[0]
        if any(
            units.get(line.line_id, 0) * first.quantity
            != units.get(first.line_id, 0) * line.quantity
            for line in parts
        ):
            faults.add("lines", "part_of_a_bundle", f"the parts of {bundle} are cancelled together")
