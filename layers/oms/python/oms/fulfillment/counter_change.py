"""Changing an order at the counter: more, or less, and the difference paid or given back.

All of it is one transaction: what is added leaves the store's stock, what is removed goes back into
it, and the money that was taken is in the order's history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.fulfillment.pickup import Counter, done_before, place_of, units_back
from oms.fulfillment.pickup_store import Done, Overdue
from oms.inventory.model import Entry
from oms.kernel.errors import Conflict, Faults, Invalid, TooLarge, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.money import Money
from oms.kernel.quantity import positive_quantity
from oms.kernel.writes import Write
from oms.orders import counter
from oms.orders import events as happened
from oms.orders.command import ATTEMPTS
from oms.orders.counter import Change, TillPayment
from oms.orders.decisions import Events, find_fulfillment
from oms.orders.evolve import evolve_all
from oms.orders.model import Fulfillment, FulfillmentState, Line, Method, Order

if TYPE_CHECKING:
    from oms.fulfillment.pickup_contract import AddedLine

# An added line's id is made of the change's id and its place.
_NUMBERED = "{change}-{number}"
# A transaction holds 100 writes: the commit, and that the change was made.
_WRITES_BESIDE = 98


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for at the counter; ``removed`` are units by line id."""

    key: str
    added: Sequence[AddedLine]
    removed: Mapping[str, int]
    payment: TillPayment | None

    @property
    def same(self) -> str:
        """The same text for the same request."""
        added = [line.model_dump_json() for line in self.added]
        parts = (added, sorted(self.removed.items()), self.payment)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Changed:
    """``refund`` is what was asked to be given back because of the change."""

    order: Order
    added: tuple[str, ...]
    refund: Money


def change(
    fulfillment_id: str, asked: Asked, at: Counter, catalog: Catalog, cause: Cause
) -> Changed:
    """Raises ``Invalid`` with every fault of the lines and as ``oms.orders.counter.change``,
    ``Conflict`` (``not_in_stock``, ``content_differs``, ``illegal_transition``) and ``TooLarge``
    (``too_many_lines``)."""
    if not asked.added and not asked.removed:
        raise Invalid("nothing is added, and nothing removed", code="nothing_asked")
    for attempt in range(1, ATTEMPTS + 1):
        order = at.orders.load(order_of(fulfillment_id))
        found = find_fulfillment(order, fulfillment_id)
        if done_before(fulfillment_id, asked.key, asked.same, at.pickups):
            return Changed(order, _ids(asked), _nothing(order))
        decided = _decide(order, found, asked, at, catalog, cause)
        try:
            after = at.orders.commit(
                order, decided.events, cause, _writes(order, found, asked, decided, at, cause)
            )
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        return Changed(after, _ids(asked), _refund(order, decided.events))
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Decided:
    change: Change
    events: Events


def _decide(
    order: Order, found: Fulfillment, asked: Asked, at: Counter, catalog: Catalog, cause: Cause
) -> _Decided:
    lines = _lines(order, found, asked, catalog)
    skus = {line.sku for line in lines}
    positions = at.stock.positions(skus, cause.at) if skus else {}
    tracked = {sku for sku in skus if positions[sku].policy.tracked}
    wanted = Change(lines, tracked, asked.removed)
    return _Decided(wanted, counter.change(order, found.id, wanted, asked.payment))


def _writes(
    order: Order, found: Fulfillment, asked: Asked, decided: _Decided, at: Counter, cause: Cause
) -> list[Write]:
    writes = _sold(order, found, decided.change, at, cause)
    if asked.removed:
        writes += units_back(order, decided.events, found, asked.removed, at.stock, cause)
    until = found.pickup_until
    if until and _is_empty(evolve_all(order, decided.events), found.id):
        writes.append(at.pickups.settle(Overdue(found.id, until)))
    if len(writes) > _WRITES_BESIDE:
        raise TooLarge("change fewer lines at once", code="too_many_lines")
    done = Done(asked.same, found.id)
    return [*writes, at.pickups.once(found.id, asked.key, done, cause.at)]


def _is_empty(after: Order, fulfillment_id: str) -> bool:
    return find_fulfillment(after, fulfillment_id).state is not FulfillmentState.READY


def _sold(
    order: Order, found: Fulfillment, wanted: Change, at: Counter, cause: Cause
) -> list[Write]:
    """What is added leaves the store's stock, of what nobody else has a claim to."""
    writes: list[Write] = []
    by_sku: dict[str, list[Entry]] = {}
    for line in wanted.added:
        if line.sku in wanted.tracked:
            entry = Entry(
                id=f"{order.order_id}:{line.line_id}",
                kind="ship",
                sku=line.sku,
                node=place_of(found),
                at=cause.at,
                by=cause.by,
                on_hand=-line.quantity,
                order_id=order.order_id,
            )
            by_sku.setdefault(line.sku, []).append(entry)
    for sku, entries in sorted(by_sku.items()):
        lacking = Conflict(f"{place_of(found)} has not so much of {sku}", code="not_in_stock")
        writes += at.stock.book(entries, lacking)
        writes += at.stock.shares.follow(entries, cause.at)
    return writes


def _lines(order: Order, found: Fulfillment, asked: Asked, catalog: Catalog) -> tuple[Line, ...]:
    """Raises ``Invalid`` with every fault."""
    if not asked.added:
        return ()
    faults = Faults()
    items = catalog.items({line.sku for line in asked.added})
    back = {order.content.line(line_id).sku for line_id in asked.removed}
    if {line.line_id for line in order.content.lines} & {*_ids(asked)}:
        faults.add("change_id", "line_twice", f"the order has lines of {asked.key} already")
    lines = []
    for index, document in enumerate(asked.added):
        path, item = f"add.{index}", items.get(document.sku)
        if item is None or not item.active:
            faults.add(f"{path}.sku", "unknown_sku", f"{document.sku!r} is not sold")
        elif item.components:
            faults.add(f"{path}.sku", "bundle_has_no_stock", f"{item.sku!r} is a bundle")
        elif item.sku in back:
            faults.add(f"{path}.sku", "added_and_removed", f"{item.sku!r} is removed as well")
        else:
            lines.append(_line(path, document, item, asked.key, index, order, found, faults))
    faults.refuse("what is added breaks a rule")
    return tuple(lines)


def _line(
    path: str,
    document: AddedLine,
    item: Item,
    key: str,
    index: int,
    order: Order,
    found: Fulfillment,
    faults: Faults,
) -> Line:
    currency = order.content.currency
    return Line(
        line_id=_NUMBERED.format(change=key, number=index + 1),
        sku=item.sku,
        name=document.name or item.name,
        quantity=positive_quantity(document.quantity, item.scale, f"{path}.quantity", faults),
        unit_price=_money(f"{path}.unit_price", document.unit_price, currency, faults),
        discount=Money.zero(currency),
        tax=_money(f"{path}.tax", document.tax, currency, faults),
        scale=item.scale,
        method=Method.PICKUP,
        pickup_node=place_of(found),
    )


def _money(path: str, text: str, currency: str, faults: Faults) -> Money:
    try:
        return Money.parse(text, currency)
    except Invalid as fault:
        faults.add(path, fault.problem_code, fault.detail)
        return Money.zero(currency)


def _ids(asked: Asked) -> tuple[str, ...]:
    numbers = range(1, len(asked.added) + 1)
    return tuple(_NUMBERED.format(change=asked.key, number=number) for number in numbers)


def _refund(order: Order, events: Events) -> Money:
    """Of an order of which nothing is left, all that was paid goes back on its way down."""
    if any(isinstance(event, happened.CancelRequested) for event in events):
        return order.payments.refundable
    minor = sum(event.amount for event in events if isinstance(event, happened.RefundRequested))
    return Money(minor, order.content.currency)


def _nothing(order: Order) -> Money:
    return Money.zero(order.content.currency)
