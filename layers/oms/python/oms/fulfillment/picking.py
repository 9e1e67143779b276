"""Collecting a node's work into picklists, and carrying out what was found.

A fulfilment is on one live list at most. What was reported is stored first, then each fulfilment
whose items are all reported goes on: what is short is rejected, the rest is picked. Both go by what
the fulfilment has left, so that they are made good by sending the report again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from oms.fulfillment.picklists import (
    NOT_IN_STOCK,
    Batching,
    PickItem,
    Picklist,
    PicklistState,
    Reported,
    assign,
    cancel,
    gone_on,
    lies_in,
    report,
    walk,
)
from oms.fulfillment.worklist import Work, find
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, Invalid, NotFound, Unavailable, VersionConflict
from oms.kernel.events import Cause
from oms.orders import fulfillment
from oms.orders.decisions import may_step
from oms.orders.model import Fulfillment, FulfillmentState, Order
from oms.orders.rejecting import reject
from oms.orders.store import Orders
from oms.reporting.waiting import Views, work_of

LARGEST = 40
# So that a list fits into what is stored of it.
MOST_ITEMS = 500
_ATTEMPTS = 3
# One for each reason, and some for what others do meanwhile.
_REJECTS = 12
_PAGE = 50
# How much of a node's open work is looked at for one list.
_LOOKED_AT = 400
_TO_PICK = (FulfillmentState.OPEN, FulfillmentState.ACCEPTED)
_BEING_PICKED = (FulfillmentState.ACCEPTED, FulfillmentState.PICKED)


@dataclass(frozen=True, slots=True)
class Collecting:
    """What a list is to be made of: up to ``limit`` fulfilments."""

    id: str
    node: str
    by: Batching = Batching.WAVE
    zone: str = ""
    limit: int = 20
    assigned_to: str = ""


@dataclass(frozen=True, slots=True)
class PicklistPage:
    """Newest first."""

    picklists: tuple[Picklist, ...]
    cursor: str | None


class Picklists(Protocol):
    """``oms.aws.picklist_store`` implements it."""

    def find(self, picklist_id: str) -> Picklist | None: ...

    def add(self, picklist: Picklist) -> bool:
        """Store a new list and claim its fulfilments. False when one of them is on another list by
        now, or the id is taken: nothing has been written."""

    def store(self, picklist: Picklist) -> Picklist:
        """Replace the list whose version it has; one that has ended claims nothing any more.
        Raises ``VersionConflict``."""

    def claimed(self, fulfillments: Sequence[str]) -> set[str]:
        """Those that are on a live list."""

    def of_node(self, node: str, limit: int, cursor: str | None) -> PicklistPage: ...


def create(
    asked: Collecting,
    picklists: Picklists,
    orders: Orders,
    views: Views,
    stock: Stock,
    cause: Cause,
) -> Picklist:
    """The list; one that was made under this id is found again. Raises ``Conflict``
    (``nothing_to_pick``, ``content_differs``), ``Invalid`` (``zone_needed``) and ``Unavailable``
    when others collected the same work each time."""
    if (asked.by is Batching.ZONE) != bool(asked.zone):
        raise Invalid("a zone is for a list by zone, and needed there", code="zone_needed")
    for _ in range(_ATTEMPTS):
        if made := picklists.find(asked.id):
            return _the_same(made, asked)
        items = _collect(asked, picklists, orders, views, stock, cause)
        if not items:
            raise Conflict("there is no such work at the node", code="nothing_to_pick")
        picklist = Picklist(
            asked.id, asked.node, asked.by, cause.at, walk(items, asked.by), zone=asked.zone
        )
        if asked.assigned_to:
            picklist = assign(picklist, asked.assigned_to)
        if picklists.add(picklist):
            return replace(picklist, version=1)
    raise Unavailable("others collected the same work each time")


def read(picklist_id: str, picklists: Picklists) -> Picklist:
    """Raises ``NotFound``."""
    found = picklists.find(picklist_id)
    if found is None:
        raise NotFound(f"there is no picklist {picklist_id}")
    return found


def give_to(picklist_id: str, to: str, picklists: Picklists) -> Picklist:
    found = read(picklist_id, picklists)
    return _stored(found, assign(found, to), picklists)


def call_off(picklist_id: str, picklists: Picklists) -> Picklist:
    """Its fulfilments stay accepted, and can be collected again."""
    found = read(picklist_id, picklists)
    return _stored(found, cancel(found), picklists)


def picked(
    picklist_id: str,
    lines: Sequence[Reported],
    picklists: Picklists,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Picklist:
    """Raises as ``report`` does, and what carrying it out raises: the same report again goes on
    from there."""
    for attempt in range(1, _ATTEMPTS + 1):
        found = read(picklist_id, picklists)
        try:
            picklist = _stored(found, report(found, lines), picklists)
            return _go_on(picklist, picklists, orders, stock, cause)
        except VersionConflict:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def pick_what_is_there(
    fulfillment_id: str,
    found: Mapping[str, int],
    reasons: Mapping[str, str],
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Order:
    """The fulfilment is picked with the units that were ``found``, by line; what is short of them
    is rejected, each line for its reason (``not_in_stock`` without one), and routed again. Lines
    that are not named were found whole. Made again it changes nothing. Raises ``NotFound`` and
    ``Conflict`` (``illegal_transition``, ``cancelling``)."""
    for _ in range(_REJECTS):
        work = find(fulfillment_id, orders)
        if work.fulfillment.state is FulfillmentState.REJECTED:
            return work.order
        may_step(work.order, work.fulfillment, "pick")
        short = _short(work.fulfillment, found, reasons)
        if not short:
            return fulfillment.advance(fulfillment_id, "pick", orders, cause)
        reason, units = next(iter(short.items()))
        _reject_once(work, units, reason, orders, stock, cause)
    raise Unavailable("the fulfilment was changed each time")


def _reject_once(
    work: Work,
    units: Mapping[str, int],
    reason: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> None:
    """What two who report the same at once both find short is rejected by one of them: they look
    at the same version of the order."""
    part = work.fulfillment.id
    once = orders.once(f"{part}#short#{work.order.version}")
    try:
        reject(part, units, reason, orders, stock, cause, [once])
    except Conflict as refusal:
        if refusal.problem_code != "entry_exists":
            raise


def _the_same(made: Picklist, asked: Collecting) -> Picklist:
    if (made.node, made.by, made.zone) != (asked.node, asked.by, asked.zone):
        raise Conflict("the id was used for another picklist", code="content_differs")
    return made


def _stored(before: Picklist, after: Picklist, picklists: Picklists) -> Picklist:
    return before if after == before else picklists.store(after)


def _go_on(
    picklist: Picklist, picklists: Picklists, orders: Orders, stock: Stock, cause: Cause
) -> Picklist:
    ready = picklist.to_go_on
    for fulfillment_id in ready:
        work = find(fulfillment_id, orders)
        # What the node lost meanwhile, or has taken further, is not to be picked any more.
        if work.fulfillment.state in _BEING_PICKED and not work.order.cancel_requested:
            left = work.fulfillment.units
            counted = picklist.picked_of(fulfillment_id)
            pick_what_is_there(
                fulfillment_id,
                {line: min(units, left[line]) for line, units in counted.items() if line in left},
                picklist.reasons_of(fulfillment_id),
                orders,
                stock,
                cause,
            )
    return _stored(picklist, gone_on(picklist, ready), picklists)


def _short(
    part: Fulfillment, found: Mapping[str, int], reasons: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Units by reason and line that are not there."""
    short: dict[str, dict[str, int]] = {}
    for line_id, units in part.units.items():
        lacking = units - found.get(line_id, units)
        if lacking > 0:
            reason = reasons.get(line_id) or NOT_IN_STOCK
            short.setdefault(reason, {})[line_id] = lacking
    return short


def _collect(
    asked: Collecting,
    picklists: Picklists,
    orders: Orders,
    views: Views,
    stock: Stock,
    cause: Cause,
) -> list[PickItem]:
    items: list[PickItem] = []
    taken = 0
    for page in _open_work(asked.node, picklists, orders, views):
        skus = {sku for work in page for sku in _skus(work)}
        bins = stock.bins(asked.node, skus) if skus else {}
        for work in page:
            found = _items(work, bins)
            if asked.zone and not lies_in(asked.zone, found):
                continue
            if items and len(items) + len(found) > MOST_ITEMS:
                return items
            if _accepted(work, orders, stock, cause):
                items += found
                taken += 1
            if taken == asked.limit:
                return items
    return items


def _open_work(
    node: str, picklists: Picklists, orders: Orders, views: Views
) -> Iterator[list[Work]]:
    """What can be picked, oldest first, page by page."""
    cursor: str | None = None
    for _ in range(_LOOKED_AT // _PAGE):
        page = views.waiting(work_of(node), _PAGE, cursor)
        listed = [view.id for view in page.waiting if view.state in _TO_PICK]
        claimed = picklists.claimed(listed) if listed else set()
        works = (find(one, orders) for one in listed if one not in claimed)
        yield [work for work in works if _is_to_pick(work, node)]
        cursor = page.cursor
        if cursor is None:
            return


def _is_to_pick(work: Work, node: str) -> bool:
    """What a supplier sends or the node makes is not picked from a shelf."""
    part = work.fulfillment
    goes_on = part.state in _TO_PICK and not work.order.cancel_requested
    return goes_on and part.node == node and not part.drop_ship and not part.make


def _accepted(work: Work, orders: Orders, stock: Stock, cause: Cause) -> bool:
    """False when it has become another's meanwhile."""
    try:
        fulfillment.accept(work.fulfillment.id, orders, stock, cause)
    except Conflict:
        return False
    return True


def _skus(work: Work) -> Iterable[str]:
    return (work.order.content.line(line_id).sku for line_id in work.fulfillment.units)


def _items(work: Work, bins: Mapping[str, str]) -> list[PickItem]:
    items: list[PickItem] = []
    for line_id, quantity in work.fulfillment.units.items():
        line = work.order.content.line(line_id)
        place = bins.get(line.sku, "")
        items.append(
            PickItem(
                work.fulfillment.id, line_id, line.sku, line.name, quantity, line.scale, bin=place
            )
        )
    return items


def is_live(picklist: Picklist) -> bool:
    return picklist.state not in (PicklistState.COMPLETED, PicklistState.CANCELLED)
