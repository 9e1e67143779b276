"""What a command makes of a purchase order. Pure: each gives the order after it and what is to be
told, or None when it has been done before; raises ``Conflict`` where the order does not allow it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from oms.inventory.model import Entry
from oms.kernel.clock import rfc3339, whole_milliseconds
from oms.kernel.errors import Conflict, NotFound, TooLarge
from oms.kernel.events import Cause
from oms.orders.model import Address
from oms.purchasing.model import (
    FINAL,
    MAX_NOTICES,
    MAX_SUPPLIES,
    NOT_SENT,
    ON_ORDER,
    Line,
    LineConfirmation,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
    notice_supply_id,
    on_order,
    supplies,
)
from oms.purchasing.transitions import PURCHASE_TRANSITIONS

ORDERED = "ordered"  # the kind of the ledger's entries


@dataclass(frozen=True, slots=True)
class Fact:
    """An event without its envelope."""

    type: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Decision:
    """``received``: units by supply id that came, rather than were called off. ``moved``: by the
    supply id that units have gone to, the one that they were of."""

    order: PurchaseOrder
    facts: tuple[Fact, ...]
    received: Mapping[str, int] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)


def create(order: PurchaseOrder) -> Decision:
    suggested = order.state is PurchaseState.SUGGESTED
    event_type = "purchase_order_suggested" if suggested else "purchase_order_created"
    lines = [
        {"sku": line.sku, "quantity": line.ordered, "due": rfc3339(line.due)}
        for line in order.lines
    ]
    return Decision(order, (_told(order, event_type, lines=lines),))


def create_sent(order: PurchaseOrder) -> Decision:
    """Created and with the supplier at once."""
    return Decision(order, (*create(order).facts, _told(order, "purchase_order_sent")))


def amend(
    order: PurchaseOrder, wanted: Mapping[str, int], ship_to: Address, at: datetime
) -> Decision | None:
    """A customer gets ``wanted`` by SKU beside what has left already, or it goes elsewhere."""
    lines = tuple(
        replace(line, ordered=line.received + line.short + wanted.get(line.sku, 0))
        for line in order.lines
    )
    if order.state not in ON_ORDER or (lines, ship_to) == (order.lines, order.ship_to):
        return None
    after = replace(_moved(order, at, lines=lines), ship_to=ship_to)
    return Decision(after, (_told(after, "purchase_order_changed"),))


def reject(
    order: PurchaseOrder, units: Mapping[str, int], reason: str, at: datetime
) -> Decision | None:
    """The supplier will not send ``units`` of each SKU in all, those it said no to before
    included; everything that is open when there are none."""
    if order.state is PurchaseState.CANCELLED:
        return None
    lines = tuple(_refused(order, line, units) for line in order.lines)
    if lines == order.lines:
        return None
    if order.state not in ON_ORDER:
        raise _illegal(order, "rejected")
    after = _moved(order, at, lines=lines)
    if not any(line.open for line in lines):
        came = any(line.received for line in lines)
        state = PurchaseState.CLOSED_SHORT if came else PurchaseState.CANCELLED
        after = replace(after, state=state)
    refused = [
        {"sku": line.sku, "short": line.short - before.short}
        for before, line in zip(order.lines, lines, strict=True)
        if line.short > before.short
    ]
    told = _told(after, "purchase_order_rejected", lines=refused, reason=reason)
    return Decision(after, (told, *_supply_changes(order, after)))


def _refused(order: PurchaseOrder, line: Line, units: Mapping[str, int]) -> Line:
    if not units:
        return replace(line, short=line.short + line.open)
    short = max(line.short, units.get(line.sku, 0))
    if short > line.ordered:
        raise Conflict(f"{line.sku}: {line.ordered} were ordered", code="above_ordered")
    least = line.received + order.announced(line.sku)
    if line.ordered - short < least:
        raise Conflict(f"{line.sku}: {least} are here or announced already", code="below_announced")
    return replace(line, short=short)


def dispatch(order: PurchaseOrder, notice: ShippingNotice, at: datetime) -> Decision | None:
    """What is announced has left for the customer. Raises as ``announce``."""
    announced = announce(order, notice, at)
    if announced is None:
        return None
    after = announced.order
    left = {part.sku: part.quantity for part in notice.lines}
    lines = tuple(
        replace(line, received=line.received + left.get(line.sku, 0)) for line in after.lines
    )
    gone = replace(
        notice, lines=tuple(replace(part, received=part.quantity) for part in notice.lines)
    )
    state = after.state if any(line.open for line in lines) else PurchaseState.RECEIVED
    after = replace(after, lines=lines, notices=_with_notice(after, gone), state=state)
    told = _told(
        after,
        "purchase_order_announced",
        shipping_notice=notice.id,
        expected_at=rfc3339(notice.expected_at),
    )
    return Decision(after, (told,))


def approve(order: PurchaseOrder, at: datetime) -> Decision | None:
    if order.state is PurchaseState.CANCELLED:
        raise _illegal(order, "approved")
    if order.state is not PurchaseState.SUGGESTED:
        return None
    after = _moved(order, at, state=PurchaseState.CREATED)
    return Decision(after, (_told(after, "purchase_order_created"),))


def send(order: PurchaseOrder, at: datetime) -> Decision | None:
    if order.state is PurchaseState.CANCELLED:
        raise _illegal(order, "sent")
    if order.state not in NOT_SENT:
        return None
    # A suggestion reckoned with its lead time from then on; it begins now.
    waited = at - order.created_at if order.suggested else timedelta(0)
    lines = tuple(replace(line, due=whole_milliseconds(line.due + waited)) for line in order.lines)
    after = _moved(order, at, state=PurchaseState.SENT, lines=lines)
    return Decision(after, (_told(after, "purchase_order_sent"),))


def confirm(
    order: PurchaseOrder, confirmation: Sequence[LineConfirmation], at: datetime
) -> Decision | None:
    """A line that is not named comes as it was ordered. Fewer may be confirmed, and later."""
    said = tuple(sorted(confirmation, key=lambda one: one.sku))
    if order.confirmation is not None and order.confirmation == said:
        return None
    if order.state is not PurchaseState.SENT:
        raise _illegal(order, "confirmed")
    by_sku = {one.sku: one for one in said}
    lines = tuple(
        _confirmed(order, line, by_sku[line.sku]) if line.sku in by_sku else line
        for line in order.lines
    )
    after = _moved(order, at, state=PurchaseState.CONFIRMED, lines=lines, confirmation=said)
    if not any(line.open for line in lines):
        came = any(line.received for line in lines)
        after = replace(after, state=PurchaseState.RECEIVED if came else PurchaseState.CLOSED_SHORT)
    facts = [_told(after, "purchase_order_confirmed"), *_shortage(order, after)]
    return Decision(after, (*facts, *_supply_changes(order, after)))


def reschedule(order: PurchaseOrder, sku: str, due: datetime, at: datetime) -> Decision | None:
    """The line's own units, that no shipping notice speaks of, come at another time."""
    line = _line(order, sku)
    if line.due == due:
        return None
    if order.state in FINAL:
        raise _illegal(order, "rescheduled")
    after = _moved(order, at, lines=_with(order, replace(line, due=due, late=False)))
    return Decision(after, _supply_changes(order, after))


def announce(order: PurchaseOrder, notice: ShippingNotice, at: datetime) -> Decision | None:
    """A part of what is open gets the date of its delivery. Raises ``TooLarge`` beyond
    ``MAX_SUPPLIES`` dates, and beyond ``MAX_NOTICES``, those that are over included."""
    known = order.notice(notice.id)
    if known is not None:
        if _content(known) != _content(notice):
            raise Conflict(
                f"shipping notice {notice.id} has another content", code="content_differs"
            )
        return None
    if order.state not in ON_ORDER:
        raise _illegal(order, "announced")
    if len(order.notices) == MAX_NOTICES:
        raise _too_many("notices", MAX_NOTICES, MAX_NOTICES + 1)
    for part in notice.lines:
        line = _line(order, part.sku)
        left = line.open - order.announced(part.sku)
        if part.quantity > left:
            raise Conflict(
                f"{part.sku}: no more than {left} are open, and in no other notice",
                code="over_announced",
                context={"sku": part.sku, "open": left},
            )
    after = _moved(order, at, notices=(*order.notices, notice))
    if (number := len(supplies(after))) > MAX_SUPPLIES:
        raise _too_many("supplies", MAX_SUPPLIES, number)
    told = _told(
        after,
        "purchase_order_announced",
        shipping_notice=notice.id,
        expected_at=rfc3339(notice.expected_at),
    )
    if order.drop_ship:
        return Decision(after, (told,))
    moved = {
        notice_supply_id(order, notice.id, part.sku): f"{order.id}:{_line(order, part.sku).number}"
        for part in notice.lines
    }
    return Decision(after, (told, *_announced(order, after, notice)), moved=moved)


def reschedule_notice(
    order: PurchaseOrder, notice_id: str, due: datetime, at: datetime
) -> Decision | None:
    """The delivery comes at another time."""
    notice = _notice(order, notice_id)
    if notice.expected_at == due:
        return None
    if order.state not in ON_ORDER:
        raise _illegal(order, "rescheduled")
    moved = replace(notice, expected_at=due, late=False)
    after = _moved(order, at, notices=_with_notice(order, moved))
    return Decision(after, _supply_changes(order, after))


def end_notice(order: PurchaseOrder, notice_id: str, at: datetime) -> Decision | None:
    """The delivery came short: what is missing of it is open as before it was announced, under the
    lines' own dates."""
    notice = _notice(order, notice_id)
    missing = [line for line in notice.lines if line.open]
    if not missing or order.state in FINAL:
        return None
    ended = tuple(replace(line, quantity=line.received) for line in notice.lines)
    after = _moved(order, at, notices=_with_notice(order, replace(notice, lines=ended)))
    is_now = supplies(after)
    facts, moved = [], {}
    for part in missing:
        line = _line(order, part.sku)
        own = f"{order.id}:{line.number}"
        supply_id = notice_supply_id(order, notice_id, part.sku)
        moved[own] = supply_id
        facts.append(_supply_changed(order, supply_id, 0, is_now[own].due, "short", moved_to=own))
    return Decision(after, tuple(facts), moved=moved)


def receive(
    order: PurchaseOrder, sku: str, node: str, units: int, notice_id: str, at: datetime
) -> Decision:
    """``units`` have come: those of the notice first, then the line's own, then the other notices'
    by date."""
    if order.state not in ON_ORDER | {PurchaseState.RECEIVED}:
        raise _illegal(order, "received")
    line = order.line(sku)
    if line is None:
        raise Conflict(f"the order has no {sku}", code="not_ordered")
    if node != order.node:
        raise Conflict(f"the order goes to {order.node}", code="wrong_node")
    if notice_id:
        _notice(order, notice_id)
    most = order.receivable(line)
    if most is not None and units > most:
        raise Conflict(
            f"{line.open} are open, {units} were received",
            code="over_receipt",
            context={"open": line.open, "receivable": most},
        )
    came = _taken(order, line, min(units, line.open), notice_id)
    lines = _with(order, replace(line, received=line.received + units))
    notices = tuple(_received_of(order, notice, sku, came) for notice in order.notices)
    state = order.state if any(each.open for each in lines) else PurchaseState.RECEIVED
    after = _moved(order, at, state=state, lines=lines, notices=notices)
    told = _told(
        after,
        "purchase_order_received",
        sku=sku,
        quantity=units,
        open=lines[line.number - 1].open,
        complete=state is PurchaseState.RECEIVED,
    )
    return Decision(after, (told,), came)


def close(order: PurchaseOrder, at: datetime) -> Decision | None:
    """What has not come will not."""
    if order.state in (PurchaseState.CLOSED_SHORT, PurchaseState.RECEIVED):
        return None
    if order.state not in ON_ORDER:
        raise _illegal(order, "closed")
    lines = tuple(replace(line, short=line.short + line.open) for line in order.lines)
    after = _moved(order, at, state=PurchaseState.CLOSED_SHORT, lines=lines)
    facts = [*_shortage(order, after), _told(after, "purchase_order_closed")]
    return Decision(after, (*facts, *_supply_changes(order, after)))


def cancel(order: PurchaseOrder, at: datetime) -> Decision | None:
    """Raises ``Conflict`` (``already_received``) once something has come: close it instead."""
    if order.state is PurchaseState.CANCELLED:
        return None
    if any(line.received for line in order.lines):
        raise Conflict("a part has been received: close the order", code="already_received")
    if order.state in FINAL:
        raise _illegal(order, "cancelled")
    after = _moved(order, at, state=PurchaseState.CANCELLED)
    told = _told(after, "purchase_order_cancelled", was_sent=order.state in ON_ORDER)
    return Decision(after, (told, *_supply_changes(order, after, "cancelled")))


def tell_late(order: PurchaseOrder, at: datetime) -> Decision | None:
    """What was due before ``at`` and has not come is told to be late, once for each date."""
    if order.state not in ON_ORDER:
        return None
    lines = tuple(
        replace(line, late=True)
        if line.due < at and line.open > order.announced(line.sku)
        else line
        for line in order.lines
    )
    notices = tuple(
        replace(notice, late=True)
        if notice.expected_at < at and any(line.open for line in notice.lines)
        else notice
        for notice in order.notices
    )
    if (lines, notices) == (order.lines, order.notices):
        return None
    newly = [
        f"{order.id}:{after.number}"
        for before, after in zip(order.lines, lines, strict=True)
        if after.late and not before.late
    ]
    newly += [
        notice_supply_id(order, after.id, part.sku)
        for before, after in zip(order.notices, notices, strict=True)
        if after.late and not before.late
        for part in after.lines
    ]
    brings = supplies(order)
    facts = tuple(
        _supply_changed(order, supply_id, brings[supply_id].open, None, "late")
        for supply_id in newly
        if supply_id in brings
    )
    return Decision(_moved(order, at, lines=lines, notices=notices), facts)


def incoming_entries(
    before: PurchaseOrder | None, after: PurchaseOrder, cause: Cause
) -> tuple[Entry, ...]:
    """How the ledger's ``incoming`` follows from what the order brings before and after."""
    was, is_now = on_order(before), on_order(after)
    return tuple(
        Entry(
            id=f"{after.id}:{after.version}",
            kind=ORDERED,
            sku=sku,
            node=after.node,
            at=cause.at,
            by=cause.by,
            incoming=change,
            reason=cause.reason or f"purchase order {after.id}",
        )
        for sku in sorted({**was, **is_now})
        if (change := is_now.get(sku, 0) - was.get(sku, 0))
    )


def _moved(
    order: PurchaseOrder,
    at: datetime,
    *,
    state: PurchaseState | None = None,
    lines: tuple[Line, ...] | None = None,
    notices: tuple[ShippingNotice, ...] | None = None,
    confirmation: tuple[LineConfirmation, ...] | None = None,
) -> PurchaseOrder:
    return replace(
        order,
        state=state or order.state,
        lines=lines or order.lines,
        notices=order.notices if notices is None else notices,
        confirmation=order.confirmation if confirmation is None else confirmation,
        updated_at=at,
        version=order.version + 1,
    )


def _confirmed(order: PurchaseOrder, line: Line, said: LineConfirmation) -> Line:
    if said.quantity > line.ordered:
        raise Conflict(f"{line.sku}: {line.ordered} were ordered", code="above_ordered")
    least = line.received + order.announced(line.sku)
    if said.quantity < least:
        raise Conflict(f"{line.sku}: {least} are here or announced already", code="below_announced")
    late = line.late and said.due == line.due
    return replace(line, short=line.ordered - said.quantity, due=said.due, late=late)


def _taken(order: PurchaseOrder, line: Line, units: int, notice_id: str) -> dict[str, int]:
    """From which supply ids the units come."""
    own = f"{order.id}:{line.number}"
    brings = {key: one for key, one in supplies(order).items() if one.sku == line.sku}
    first = notice_supply_id(order, notice_id, line.sku) if notice_id else own
    in_turn = sorted(
        brings.values(), key=lambda one: (one.id != first, one.id != own, one.due, one.id)
    )
    came: dict[str, int] = {}
    for supply in in_turn:
        part = min(units, supply.open)
        if part:
            came[supply.id] = part
        units -= part
    return came


def _received_of(
    order: PurchaseOrder, notice: ShippingNotice, sku: str, came: Mapping[str, int]
) -> ShippingNotice:
    part = came.get(notice_supply_id(order, notice.id, sku), 0)
    if not part:
        return notice
    lines = tuple(
        replace(line, received=line.received + part) if line.sku == sku else line
        for line in notice.lines
    )
    return replace(notice, lines=lines)


def _supply_changes(
    before: PurchaseOrder, after: PurchaseOrder, reason: str = ""
) -> tuple[Fact, ...]:
    was, is_now = supplies(before), supplies(after)
    facts = []
    for supply_id, supply in was.items():
        now = is_now.get(supply_id)
        left = now.open if now else 0
        due = now.due if now else supply.due
        if left < supply.open:
            facts.append(_supply_changed(before, supply_id, left, due, reason or "short"))
        elif due != supply.due:
            why = "slip" if due > supply.due else "earlier"
            facts.append(_supply_changed(before, supply_id, left, due, reason or why))
    return tuple(facts)


def _announced(
    before: PurchaseOrder, after: PurchaseOrder, notice: ShippingNotice
) -> tuple[Fact, ...]:
    is_now = supplies(after)
    facts = []
    for part in notice.lines:
        line = _line(before, part.sku)
        own = f"{before.id}:{line.number}"
        left = is_now[own].open if own in is_now else 0
        to = notice_supply_id(before, notice.id, part.sku)
        facts.append(
            _supply_changed(before, own, left, notice.expected_at, "announced", moved_to=to)
        )
    return tuple(facts)


def _supply_changed(
    before: PurchaseOrder,
    supply_id: str,
    left: int,
    due: datetime | None,
    reason: str,
    **more: str,
) -> Fact:
    supply = supplies(before)[supply_id]
    return Fact(
        "supply_changed",
        {
            "sku": supply.sku,
            "node": supply.node,
            "supply": supply.id,
            "from": rfc3339(supply.due),
            "to": None if due is None else rfc3339(due),
            "open_before": supply.open,
            "open": left,
            "reason": reason,
            **more,
        },
    )


def _shortage(before: PurchaseOrder, after: PurchaseOrder) -> list[Fact]:
    missing = [
        {"sku": line.sku, "short": line.short - earlier.short}
        for earlier, line in zip(before.lines, after.lines, strict=True)
        if line.short > earlier.short
    ]
    return [_told(after, "purchase_order_short", lines=missing)] if missing else []


def _told(order: PurchaseOrder, event_type: str, **data: object) -> Fact:
    about = {"supplier": order.supplier, "node": order.node, "state": order.state.value}
    return Fact(event_type, {**about, **data})


def _content(notice: ShippingNotice) -> object:
    lines = sorted((line.sku, line.quantity) for line in notice.lines)
    return notice.expected_at, lines, notice.carrier, notice.tracking_number


def _with(order: PurchaseOrder, changed: Line) -> tuple[Line, ...]:
    return tuple(changed if line.number == changed.number else line for line in order.lines)


def _with_notice(order: PurchaseOrder, changed: ShippingNotice) -> tuple[ShippingNotice, ...]:
    return tuple(changed if notice.id == changed.id else notice for notice in order.notices)


def _notice(order: PurchaseOrder, notice_id: str) -> ShippingNotice:
    notice = order.notice(notice_id)
    if notice is None:
        raise NotFound(f"the order has no notice {notice_id}", code="unknown_shipping_notice")
    return notice


def _line(order: PurchaseOrder, sku: str) -> Line:
    line = order.line(sku)
    if line is None:
        raise NotFound(f"the order has no line of {sku}", code="unknown_line")
    return line


def _too_many(limit: str, maximum: int, actual: int) -> TooLarge:
    return TooLarge(
        f"an order has at most {maximum} {limit}",
        code="too_many_notices",
        context={"limit": limit, "maximum": maximum, "actual": actual},
    )


def _illegal(order: PurchaseOrder, what: str) -> Conflict:
    return Conflict(
        f"an order that is {order.state} cannot be {what}",
        code="illegal_transition",
        context={
            "state": order.state.value,
            "allowed": sorted(PURCHASE_TRANSITIONS[order.state]),
        },
    )
