"""What comes back: received at any node, in parts, and what becomes of it there.

What is found is booked in the commit that says so, at the node that has it:

====================  ==========  =========================  ==========================
disposition           kind        what moves                 reason
====================  ==========  =========================  ==========================
one that restocks     receipt     on hand, for sale at once  ``return``
``refurbish``         return      in quality hold            ``refurbish``
``damaged``           return      damaged                    ``damaged``
``write_off``         return      nothing: it is thrown away ``write_off``
``back_to_supplier``  return      nothing: it is not ours    ``back_to_supplier``
====================  ==========  =========================  ==========================
"""

from collections.abc import Iterable, Sequence

from oms.inventory.model import Entry
from oms.inventory.store import Stock
from oms.kernel.errors import Invalid, TooLarge, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders.command import execute, execute_plan
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.returns import decisions
from oms.returns.decisions import AskedReceipt, Findings, find
from oms.returns.events import ReturnInspected
from oms.returns.model import Disposition, Inspected
from oms.returns.returning import policy_of
from oms.returns.store import ReturnDesk

RETURN = "return"
_WRITES_BESIDE = 99


def receive(return_id: str, asked: AskedReceipt, desk: ReturnDesk, cause: Cause) -> Order:
    """Raises as ``decisions.receive``; ``Invalid`` (``unknown_node``)."""
    check_place(asked.node, desk)

    def decide(order: Order) -> Events:
        policy = policy_of(find(order, return_id), desk)
        return decisions.receive(order, return_id, asked, policy, cause.at)

    return execute(desk.orders, order_of(return_id), decide, cause)


def inspect(
    return_id: str,
    inspection_id: str,
    node: str,
    findings: Sequence[Findings],
    note: str,
    desk: ReturnDesk,
    cause: Cause,
) -> Order:
    """Raises as ``decisions.inspect``; ``TooLarge`` (``too_many_lines``)."""

    def plan(order: Order) -> tuple[Events, Sequence[Write]]:
        policy = policy_of(find(order, return_id), desk)
        events = decisions.inspect(
            order, return_id, inspection_id, node, findings, policy, cause.at, note
        )
        found = next((event for event in events if isinstance(event, ReturnInspected)), None)
        if found is None:
            return events, ()
        name = f"{return_id}:{inspection_id}"
        entries = entries_of(order, name, node, found.inspection.units, policy.restocks, cause)
        return events, booked(entries, desk.stock, cause)

    return execute_plan(desk.orders, order_of(return_id), plan, cause)


def check_place(node: str, desk: ReturnDesk) -> None:
    if all(one.id != node for one in desk.catalog.nodes({node})):
        raise Invalid(f"{node!r} is not a node", code="unknown_node")


def booked(entries: Sequence[Entry], stock: Stock, cause: Cause) -> list[Write]:
    """Writes of the ledger, and of what channels may sell of it."""
    refusal = VersionConflict("the node's stock moved at the same moment")
    writes = [*stock.book(entries, refusal), *stock.shares.follow(entries, cause.at)]
    if len(writes) > _WRITES_BESIDE:
        raise TooLarge("inspect fewer lines at once", code="too_many_lines")
    return writes


def entries_of(
    order: Order,
    name: str,
    node: str,
    units: Iterable[Inspected],
    restocks: Sequence[Disposition],
    cause: Cause,
) -> list[Entry]:
    """One for each SKU and disposition. ``name`` is part of its id, so that it is booked once."""
    by_fate: dict[tuple[str, Disposition], int] = {}
    for one in units:
        key = (order.content.line(one.line_id).sku, one.disposition)
        by_fate[key] = by_fate.get(key, 0) + one.quantity
    return [
        entry_of(name, sku, node, disposition, quantity, restocks, cause, order_id=order.order_id)
        for (sku, disposition), quantity in sorted(by_fate.items())
    ]


def entry_of(
    name: str,
    sku: str,
    node: str,
    disposition: Disposition,
    quantity: int,
    restocks: Sequence[Disposition],
    cause: Cause,
    *,
    order_id: str = "",
) -> Entry:
    on_hand = disposition in restocks
    held = disposition is Disposition.REFURBISH and not on_hand
    unfit = disposition is Disposition.DAMAGED and not on_hand
    return Entry(
        id=f"{name}:{disposition}",
        kind="receipt" if on_hand else RETURN,
        sku=sku,
        node=node,
        at=cause.at,
        by=cause.by,
        on_hand=quantity if on_hand else 0,
        quality_hold=quantity if held else 0,
        damaged=quantity if unfit else 0,
        reason=RETURN if on_hand else str(disposition),
        order_id=order_id,
    )
