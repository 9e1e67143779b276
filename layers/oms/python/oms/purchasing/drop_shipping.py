"""Drop-shipping: a supplier sends its own goods to our customer.

The work of a supplier that an order was given is a purchase order of the same id, created and sent
at once, with the customer's address. What the supplier says of it is what happens to the work:
confirmed is accepted, rejected is rejected and routed again without it, a shipping notice with its
carrier and tracking number is packed and shipped. Both are written in one transaction, so neither
is ever without the other. What happens on our side, an order cancelled, a part of it, a new
address, is told to the supplier by ``follow``, which looks at the order as it is: messages may come
twice, late or out of order.

No stock of ours moves, and nothing of it is on its way to us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from oms.inventory.store import Stock
from oms.kernel.clock import whole_milliseconds
from oms.kernel.errors import Conflict, Faults, Invalid, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.quantity import parse_quantity
from oms.kernel.writes import Write
from oms.orders import decisions as order_decisions
from oms.orders import slots, taking, work
from oms.orders.decisions import find_fulfillment
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.model import Fulfillment, FulfillmentState, Order
from oms.orders.store import Orders
from oms.purchasing import decisions
from oms.purchasing.decisions import Decision
from oms.purchasing.model import (
    FINAL,
    Line,
    LineConfirmation,
    NoticeLine,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
)
from oms.purchasing.purchasing import check_named, confirmation_of, read
from oms.purchasing.store import Purchases

if TYPE_CHECKING:
    from oms.purchasing.contract import (
        ConfirmationDocument,
        RejectionDocument,
        ShippingNoticeDocument,
    )

# What nobody promised for a day is asked for by then.
_SENT_WITHIN = timedelta(days=2)
_ATTEMPTS = 5
# What confirms less says no to the rest.
_LESS_CONFIRMED = "not_in_stock"


@dataclass(frozen=True, slots=True)
class Desk:
    """What drop-shipping has to do with."""

    orders: Orders
    stock: Stock
    purchases: Purchases


# --- from us to the supplier ----------------------------------------------------------------


def follow(order_id: str, desk: Desk, cause: Cause) -> tuple[str, ...]:
    """Bring the purchase orders of an order's drop-shipped work up to date: the ids of those that
    were written. Raises ``VersionConflict`` when the order does not hold still."""
    changed: list[str] = []
    for attempt in range(1, _ATTEMPTS + 1):
        order = desk.orders.load(order_id)
        try:
            changed.extend(
                part.id
                for part in order.progress.fulfillments
                if part.drop_ship and _follow(order, part, desk, cause)
            )
        except VersionConflict:
            if attempt == _ATTEMPTS:
                raise
            continue
        return tuple(changed)
    raise AssertionError("unreachable")


def _follow(order: Order, part: Fulfillment, desk: Desk, cause: Cause) -> bool:
    known = desk.purchases.find(part.id)
    decision = _due(order, part, known, cause.at)
    if decision is None:
        return False
    # An order that turns round meanwhile would leave the supplier with what nobody wants.
    writes = [desk.orders.unchanged(order), *desk.purchases.prepare(known, decision, cause)]
    desk.stock.transact(writes)
    return True


def _due(
    order: Order, part: Fulfillment, known: PurchaseOrder | None, at: datetime
) -> Decision | None:
    if known is None:
        waits = part.state is FulfillmentState.OPEN and not order.cancel_requested
        return decisions.create_sent(_purchase_order(order, part, at)) if waits else None
    if known.state in FINAL:
        return None
    if part.is_live:
        wanted = _by_sku(order, part) if not part.has_left else {}
        return decisions.amend(known, wanted, order.content.shipping_address, at)
    if any(line.received for line in known.lines):
        return decisions.close(known, at)
    return decisions.cancel(known, at)


def _purchase_order(order: Order, part: Fulfillment, at: datetime) -> PurchaseOrder:
    lines: dict[str, Line] = {}
    for line_id, units in part.units.items():
        line = order.content.line(line_id)
        due = _due_of(order, line_id, at)
        known = lines.get(line.sku, Line(len(lines) + 1, line.sku, 0, due, line.scale))
        ordered = known.ordered + units
        lines[line.sku] = replace(known, ordered=ordered, due=min(due, known.due))
    return PurchaseOrder(
        part.id,
        part.node,
        "",
        PurchaseState.SENT,
        at,
        at,
        tuple(lines.values()),
        fingerprint=f"drop_ship:{part.id}",
        drop_ship=True,
        ship_to=order.content.shipping_address,
        reference=order.content.known_as,
    )


def _due_of(order: Order, line_id: str, at: datetime) -> datetime:
    promised = order.promised_day(line_id)
    if promised is None:
        return whole_milliseconds(at + _SENT_WITHIN)
    return max(datetime.combine(promised, time(), UTC), whole_milliseconds(at))


def _by_sku(order: Order, part: Fulfillment) -> dict[str, int]:
    units: dict[str, int] = {}
    for line_id, quantity in part.units.items():
        sku = order.content.line(line_id).sku
        units[sku] = units.get(sku, 0) + quantity
    return units


# --- from the supplier to us ----------------------------------------------------------------


def confirm(
    order_id: str, document: ConfirmationDocument, desk: Desk, cause: Cause
) -> PurchaseOrder:
    """Accepts the work; units that are not confirmed are rejected. Raises as
    ``purchasing.confirm``, and ``Conflict`` (``illegal_transition``, ``cancelling``)."""

    def decide(known: PurchaseOrder, order: Order) -> _Said | None:
        confirmation = confirmation_of(known, document)
        decision = decisions.confirm(known, confirmation, cause.at)
        if decision is None:
            return None
        short = _missing(known, confirmation)
        refused = _reject(order, known, short, _LESS_CONFIRMED) if short else ()
        after = evolve_all(order, refused)
        if not find_fulfillment(after, known.id).is_live:
            return _Said(decision, refused)
        return _Said(decision, (*refused, *order_decisions.accept(after, known.id)))

    return _execute(order_id, decide, desk, cause)


def reject(order_id: str, document: RejectionDocument, desk: Desk, cause: Cause) -> PurchaseOrder:
    """The supplier will not send it, or some of it: somebody else is to. Raises ``Invalid``
    (``unknown_line``, ``line_twice``) and ``Conflict`` (``above_ordered``, ``illegal_transition``,
    ``cancelling``)."""

    def decide(known: PurchaseOrder, order: Order) -> _Said | None:
        decision = decisions.reject(known, rejected_units(known, document), _reason(document), at)
        if decision is None:
            return None
        short = {
            line.sku: line.short - before.short
            for before, line in zip(known.lines, decision.order.lines, strict=True)
            if line.short > before.short
        }
        return _Said(decision, _reject(order, known, short, document.reason))

    at = cause.at
    return _execute(order_id, decide, desk, cause)


def _reason(document: RejectionDocument) -> str:
    return str(document.reason)


def rejected_units(known: PurchaseOrder, document: RejectionDocument) -> dict[str, int]:
    """By SKU; none for everything. Raises ``Invalid``."""
    faults, lines = Faults(), document.lines or []
    check_named([line.sku for line in lines], known, faults)
    faults.refuse("the rejection breaks a rule")
    units: dict[str, int] = {}
    for line in lines:
        ordered = known.line(line.sku)
        assert ordered is not None
        units[line.sku] = parse_quantity(line.quantity, ordered.scale)
    return units


def dispatch(
    order_id: str, document: ShippingNoticeDocument, desk: Desk, cause: Cause
) -> PurchaseOrder:
    """What the notice names has left the supplier: packed and shipped; the rest stays its work.
    Raises ``Invalid`` (``required``) without a carrier and a tracking number, and as
    ``purchasing.announce``."""

    def decide(known: PurchaseOrder, order: Order) -> _Said | None:
        faults = Faults()
        check_named([line.sku for line in document.lines], known, faults)
        for name in ("carrier", "tracking_number"):
            if not getattr(document, name):
                faults.add(name, "required", "the customer is told how to follow the parcel")
        faults.refuse("the shipping notice breaks a rule")
        notice = notice_of(known, document)
        decision = decisions.dispatch(known, notice, cause.at)
        if decision is None:
            return None
        units = {part.sku: part.quantity for part in notice.lines}
        return _Said(decision, _ship(order, known, units, notice))

    return _execute(order_id, decide, desk, cause)


def notice_of(known: PurchaseOrder, document: ShippingNoticeDocument) -> ShippingNotice:
    lines: list[NoticeLine] = []
    for each in document.lines:
        ordered = known.line(each.sku)
        assert ordered is not None
        lines.append(NoticeLine(each.sku, parse_quantity(each.quantity, ordered.scale)))
    return ShippingNotice(
        document.id,
        document.expected_at,
        tuple(lines),
        carrier=document.carrier,
        tracking_number=document.tracking_number,
    )


def refuse_by_hand(known: PurchaseOrder) -> None:
    """Raises ``Conflict`` (``drop_shipped``) for what is done to its customer's order instead."""
    if known.drop_ship:
        raise Conflict(
            "a customer's order waits for it: cancel its lines, or have the supplier reject it",
            code="drop_shipped",
        )


@dataclass(frozen=True, slots=True)
class _Said:
    """What the supplier said, for the purchase order and for the customer's."""

    decision: Decision
    events: Sequence[Event]


_Decide = Callable[[PurchaseOrder, Order], _Said | None]


def _execute(order_id: str, decide: _Decide, desk: Desk, cause: Cause) -> PurchaseOrder:
    """The purchase order after it. Whoever loses a race decides again on what it left."""
    for attempt in range(1, _ATTEMPTS + 1):
        known = read(order_id, desk.purchases)
        order = desk.orders.load(order_of(known.id))
        said = decide(known, order)
        if said is None:
            return known
        writes: list[Write] = [
            *desk.purchases.prepare(known, said.decision, cause),
            *slots.given_back(order, said.events, desk.stock.capacity),
        ]
        try:
            if said.events:
                desk.orders.commit(order, said.events, cause, writes)
            else:
                # The work knows it already.
                desk.stock.transact([desk.orders.unchanged(order), *writes])
        except VersionConflict:
            if attempt == _ATTEMPTS:
                raise
            continue
        return said.decision.order
    raise AssertionError("unreachable")


def _missing(known: PurchaseOrder, confirmation: Sequence[LineConfirmation]) -> dict[str, int]:
    said = {one.sku: one.quantity for one in confirmation}
    return {
        line.sku: line.ordered - said[line.sku]
        for line in known.lines
        if line.sku in said and said[line.sku] < line.ordered
    }


def _reject(
    order: Order, known: PurchaseOrder, units: Mapping[str, int], reason: str
) -> Sequence[Event]:
    return work.reject(order, known.id, _by_line(order, known.id, units), reason)


def _ship(
    order: Order, known: PurchaseOrder, units: Mapping[str, int], notice: ShippingNotice
) -> Sequence[Event]:
    """Up to shipped in one go; of a part of it as a fulfilment of its own."""
    left = _by_line(order, known.id, units)
    events: list[Event] = []
    part_id = known.id
    if left != find_fulfillment(order, known.id).units:
        part_id = work.next_id(order)
        events += work.split(order, known.id, left)
    for step in (order_decisions.accept, order_decisions.pick, order_decisions.pack):
        now = evolve_all(order, events)
        if _is_before(find_fulfillment(now, part_id), step.__name__):
            events += step(now, part_id)
    now = evolve_all(order, events)
    events += order_decisions.ship(now, part_id, notice.carrier, notice.tracking_number)
    return taking.with_captures(order, events)


_STEPS = (
    ("accept", FulfillmentState.OPEN),
    ("pick", FulfillmentState.ACCEPTED),
    ("pack", FulfillmentState.PICKED),
)


def _is_before(part: Fulfillment, step: str) -> bool:
    """Whether the step is its next one; a dead one is asked, and says no."""
    return not part.is_live or (step, part.state) in _STEPS


def _by_line(order: Order, fulfillment: str, units: Mapping[str, int]) -> dict[str, int]:
    """Units by SKU as units by line, the last lines first. Raises ``Invalid``
    (``quantities_do_not_add_up``) when the work has fewer by now."""
    left, lines = dict(units), dict[str, int]()
    of_lines = list(find_fulfillment(order, fulfillment).units.items())
    for line_id, there in reversed(of_lines):
        sku = order.content.line(line_id).sku
        out = min(there, left.get(sku, 0))
        if out:
            lines[line_id] = out
            left[sku] -= out
    if any(left.values()):
        raise Invalid("so many are not wanted any more", code="quantities_do_not_add_up")
    return {line_id: lines[line_id] for line_id, _ in of_lines if line_id in lines}
