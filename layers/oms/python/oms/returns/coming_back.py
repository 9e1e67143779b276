"""Parcels that never reached their customer and are back at a node, any node.

What is found is booked as it is for a return. Then the units are sent again, from wherever they
are, or they are wanted no more: then they are cancelled, and what was paid for them goes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oms.kernel.errors import Faults
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.quantity import quantity_number
from oms.kernel.writes import Write
from oms.orders import events as orders_events
from oms.orders import work
from oms.orders.command import execute_plan
from oms.orders.decisions import NOTHING, Events, find_fulfillment, may_step
from oms.orders.evolve import evolve_all
from oms.orders.model import Fulfillment, Order
from oms.orders.parts import divide
from oms.returns.decisions import Findings
from oms.returns.events import FulfillmentCameBack
from oms.returns.model import Disposition, Inspected, ReturnUnits
from oms.returns.receiving import booked, check_place, entries_of
from oms.returns.store import ReturnDesk

CAME_BACK = "came_back"


@dataclass(frozen=True, slots=True)
class AskedBack:
    """``id`` is the sender's: the same again changes nothing. Without ``findings`` all of it came
    back as it left. ``send_again``: its customer still wants it."""

    id: str
    node: str
    findings: tuple[Findings, ...] = ()
    send_again: bool = True


def bring_back(fulfillment_id: str, asked: AskedBack, desk: ReturnDesk, cause: Cause) -> Order:
    """Raises ``NotFound``, ``Conflict`` (``illegal_transition`` unless it has left), ``Invalid``
    with every fault (``unknown_line``, ``line_twice``, ``quantities_do_not_add_up``,
    ``unknown_node``) and ``TooLarge`` (``too_many_lines``)."""
    check_place(asked.node, desk)

    name = f"{fulfillment_id}:{asked.id}"

    def plan(order: Order) -> tuple[Events, Sequence[Write]]:
        found = find_fulfillment(order, fulfillment_id)
        if any(part.brought_back == name for part in order.progress.fulfillments):
            return NOTHING, ()
        units = _came(order, found, asked)
        events = decide(order, found, units, asked)
        if not events:
            return NOTHING, ()
        restocks = desk.policies.for_channel(order.content.channel).restocks
        entries = entries_of(order, name, asked.node, units, restocks, cause)
        return events, booked(entries, desk.stock, cause)

    return execute_plan(desk.orders, order_of(fulfillment_id), plan, cause)


def _came(order: Order, found: Fulfillment, asked: AskedBack) -> tuple[Inspected, ...]:
    if not asked.findings:
        return tuple(
            Inspected(line_id, Disposition.RESTOCK, units) for line_id, units in found.units.items()
        )
    faults, seen = Faults(), set[str]()
    there = found.units
    for index, one in enumerate(asked.findings):
        path = f"lines.{index}"
        if one.line_id not in there:
            faults.add(f"{path}.line_id", "unknown_line", f"it holds no {one.line_id!r}")
            continue
        if one.line_id in seen:
            faults.add(f"{path}.line_id", "line_twice", f"{one.line_id} is named already")
        seen.add(one.line_id)
        told, most = sum(one.dispositions.values()), there[one.line_id]
        if told > most or one.quantity not in (None, told):
            most_shown = quantity_number(most, order.content.line(one.line_id).scale)
            text = f"{most_shown} of it were in the parcel"
            faults.add(f"{path}.dispositions", "quantities_do_not_add_up", text)
    faults.refuse("what came back does not add up")
    return tuple(
        Inspected(one.line_id, disposition, quantity)
        for one in asked.findings
        for disposition, quantity in one.dispositions.items()
    )


def decide(order: Order, found: Fulfillment, came: Sequence[Inspected], asked: AskedBack) -> Events:
    """What of it did not come back becomes a fulfilment of its own, still under way."""
    if not may_step(order, found, "bring_back"):
        return NOTHING
    units: dict[str, int] = {}
    for one in came:
        units[one.line_id] = units.get(one.line_id, 0) + one.quantity
    parted, part = _parted(order, found, units)
    back = FulfillmentCameBack(
        part.id,
        asked.node,
        tuple(ReturnUnits(line_id, quantity) for line_id, quantity in units.items()),
        asked.send_again,
        found.undelivered,
        f"{found.id}:{asked.id}",
    )
    events: Events = (*parted, back)
    if asked.send_again:
        return events
    return (*events, *work.cancel_open(evolve_all(order, events), units, CAME_BACK))


def _parted(
    order: Order, found: Fulfillment, units: Mapping[str, int]
) -> tuple[Events, Fulfillment]:
    rest, taken = divide(found.lines, units)
    if all(line.component for line in rest):
        return NOTHING, found
    part = replace(found, id=work.next_id(order), lines=taken, slot=None)
    return (orders_events.FulfillmentSplit(found.id, part),), part
