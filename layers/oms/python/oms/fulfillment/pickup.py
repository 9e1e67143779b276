"""Picked up: ready, handed over against a code, or put back when nobody came."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.fulfillment.pickup_code import is_code
from oms.fulfillment.pickup_store import Done, Overdue, Pickups
from oms.inventory.model import Entry
from oms.inventory.store import Stock
from oms.kernel.clock import whole_milliseconds
from oms.kernel.errors import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    TooLarge,
    TooManyAttempts,
    VersionConflict,
)
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import counter, slots, taking, work
from oms.orders import events as happened
from oms.orders.command import ATTEMPTS, execute, execute_on
from oms.orders.counter import TillPayment
from oms.orders.decisions import Events, find_fulfillment
from oms.orders.freeing import freed
from oms.orders.model import Fulfillment, FulfillmentLine, FulfillmentState, Method, Order
from oms.orders.needs import needs_of
from oms.orders.parts import divide
from oms.orders.store import Orders
from oms.orders.units import allocations_of

# What lies ready is kept for its customer so long at most: requests are remembered for longer.
_LONGEST = timedelta(days=365)

NOT_COLLECTED = "not_collected"
DECLINED = "declined"

# What goes back into stock at once: of so many lines the writes mostly fit one transaction.
_LINES_AT_ONCE = 25
_WRITES_BESIDE = 99


@dataclass(frozen=True, slots=True)
class Counter:
    """What the use cases of a store's counter work on."""

    orders: Orders
    stock: Stock
    pickups: Pickups


@dataclass(frozen=True, slots=True)
class HandOver:
    """``units`` by line id; None: all that is ready. What is asked for in part has a ``key`` of its
    own, so that it happens once."""

    code: str
    units: Mapping[str, int] | None = None
    key: str = ""
    decline_rest: bool = False
    payment: TillPayment | None = None

    @property
    def asked(self) -> str:
        """The same text for the same request."""
        parts = (sorted((self.units or {}).items()), self.decline_rest, self.payment)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class HandedOver:
    """``handed_over`` is the fulfilment that the customer has; empty when it took nothing."""

    order: Order
    handed_over: str


def make_ready(
    fulfillment_id: str,
    step: str,
    until: datetime | None,
    orders: Orders,
    pickups: Pickups,
    catalog: Catalog,
    cause: Cause,
) -> Order:
    """``step`` is ``ready`` or ``arrive``. It is kept ``until`` then, or as long as its node keeps
    what is ready. Raises ``Invalid`` (``in_the_past``, ``too_far``)."""
    _check_until(until, cause.at)
    order = orders.load(order_of(fulfillment_id))
    node = node_of(find_fulfillment(order, fulfillment_id), catalog)
    last = whole_milliseconds(until or cause.at + timedelta(days=node.pickup_days if node else 7))
    return execute(
        orders,
        order.order_id,
        lambda found: work.make_ready(found, fulfillment_id, last, step),
        cause,
        also=lambda _: [pickups.expect(Overdue(fulfillment_id, last))],
    )


def _check_until(until: datetime | None, now: datetime) -> None:
    if until is None or now <= until <= now + _LONGEST:
        return
    fault = Fault("until", "in_the_past", "nobody can come in the past")
    if until > now:
        fault = Fault("until", "too_far", f"at most {_LONGEST.days} days from now")
    raise Invalid(fault.message, code=fault.code, faults=(fault,))


def node_of(fulfillment: Fulfillment, catalog: Catalog) -> Node | None:
    """Where it is handed over."""
    place = place_of(fulfillment)
    return next((node for node in catalog.nodes({place}) if node.id == place), None)


def place_of(fulfillment: Fulfillment) -> str:
    return fulfillment.hand_over_at or fulfillment.node


def check_code(
    fulfillment_id: str, code: str, secret: Callable[[], str], pickups: Pickups, now: datetime
) -> None:
    """Raises ``Forbidden`` (``wrong_pickup_code``), and ``TooManyAttempts`` once there were too
    many, for the right code too: a code is counted before it is looked at."""
    if not pickups.count_code(fulfillment_id, now):
        raise TooManyAttempts()
    if not is_code(code, secret(), fulfillment_id):
        raise Forbidden("this is not the customer's code", code="wrong_pickup_code")
    pickups.forget_codes(fulfillment_id)


def hand_over(
    fulfillment_id: str, asked: HandOver, at: Counter, secret: Callable[[], str], cause: Cause
) -> HandedOver:
    """Raises as ``check_code`` and ``oms.orders.counter.hand_over``; ``Conflict``
    (``content_differs``) when the key was used for something else."""
    check_code(fulfillment_id, asked.code, secret, at.pickups, cause.at)
    done = _hand_over(fulfillment_id, asked, at, cause)
    if not asked.decline_rest or asked.units is None:
        return done
    # A commit of its own: goods that leave and goods that stay move the same balances.
    rest = find_fulfillment(done.order, fulfillment_id)
    if asked.units and rest.state is not FulfillmentState.READY:
        return done
    return replace(done, order=put_back(fulfillment_id, DECLINED, at, cause))


def _hand_over(fulfillment_id: str, asked: HandOver, at: Counter, cause: Cause) -> HandedOver:
    for attempt in range(1, ATTEMPTS + 1):
        order = at.orders.load(order_of(fulfillment_id))
        if before := done_before(fulfillment_id, asked.key, asked.asked, at.pickups):
            return HandedOver(order, before.handed_over)
        events = _handing_over(order, fulfillment_id, asked)
        if not events:
            return HandedOver(order, "" if asked.units == {} else fulfillment_id)
        handed_over = _handed_over(events)
        writes = [
            *_goods_leave(order, fulfillment_id, asked.units or {}, at.stock, cause),
            *_settled(order, fulfillment_id, events, at.pickups),
            *_remembered(fulfillment_id, asked, handed_over, at.pickups, cause),
        ]
        try:
            return HandedOver(at.orders.commit(order, events, cause, writes), handed_over)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _handing_over(order: Order, fulfillment_id: str, asked: HandOver) -> Events:
    if asked.units == {}:
        return ()
    handed = counter.hand_over(order, fulfillment_id, asked.units or {}, asked.payment)
    return taking.with_captures(order, handed)


def done_before(fulfillment_id: str, key: str, asked: str, pickups: Pickups) -> Done | None:
    """What came of the request with this key, if it has one. Raises ``Conflict``
    (``content_differs``) when something else was asked under it."""
    before = pickups.done(fulfillment_id, key) if key else None
    if before and before.asked != asked:
        raise Conflict(
            f"{key} was used at the counter with another content", code="content_differs"
        )
    return before


def _handed_over(events: Events) -> str:
    return next(
        event.fulfillment_id
        for event in events
        if isinstance(event, happened.FulfillmentHandedOver)
    )


def _goods_leave(
    order: Order, fulfillment_id: str, units: Mapping[str, int], stock: Stock, cause: Cause
) -> list[Write]:
    """What was shipped to the store has left its node's stock before."""
    found = find_fulfillment(order, fulfillment_id)
    if found.has_left:
        return []
    _, taken = divide(found.lines, units or found.units)
    needs = needs_of(allocations_of(order, found, taken))
    return stock.ship(needs, order.order_id, cause)


def _settled(order: Order, fulfillment_id: str, events: Events, pickups: Pickups) -> list[Write]:
    """Nobody is waited for any more, unless a part stays."""
    if any(isinstance(event, happened.FulfillmentSplit) for event in events):
        return []
    return _no_longer_due(find_fulfillment(order, fulfillment_id), pickups)


def _no_longer_due(found: Fulfillment, pickups: Pickups) -> list[Write]:
    until = found.pickup_until
    return [pickups.settle(Overdue(found.id, until))] if until else []


def _remembered(
    fulfillment_id: str, asked: HandOver, handed_over: str, pickups: Pickups, cause: Cause
) -> list[Write]:
    if not asked.key:
        return []
    return [pickups.once(fulfillment_id, asked.key, Done(asked.asked, handed_over), cause.at)]


# --- back into stock ------------------------------------------------------------------------


def expire_overdue(at: Counter, cause: Cause, limit: int) -> int:
    """Put back what nobody collected by ``cause.at``, at most ``limit`` of it: how much it was.
    What fails is tried again the next time and holds up no other; the last failure is raised."""
    failure: Exception | None = None
    expired = 0
    for pickup in at.pickups.overdue(cause.at, limit):
        try:
            # It may have been handed over, or taken back, when it was not due yet.
            if _is_waited_for(pickup, at):
                put_back(pickup.fulfillment_id, NOT_COLLECTED, at, cause)
                expired += 1
            at.pickups.forget(pickup)
        except Exception as error:
            failure = error
    if failure:
        raise failure
    return expired


def _is_waited_for(pickup: Overdue, at: Counter) -> bool:
    order = at.orders.load(order_of(pickup.fulfillment_id))
    found = find_fulfillment(order, pickup.fulfillment_id)
    return found.state is FulfillmentState.READY and not order.cancel_requested


def put_back(fulfillment_id: str, reason: str, at: Counter, cause: Cause) -> Order:
    """All that lies ready goes into the stock of the store where it lies, and is cancelled; of many
    lines some in each of several commits."""
    order = at.orders.load(order_of(fulfillment_id))
    at_once = _LINES_AT_ONCE
    while True:
        try:
            order = _put_back(order, fulfillment_id, at_once, reason, at, cause)
        except TooLarge:
            if at_once == 1:
                raise
            at_once //= 2
            continue
        if find_fulfillment(order, fulfillment_id).state is not FulfillmentState.READY:
            return order


def _put_back(
    order: Order, fulfillment_id: str, at_once: int, reason: str, at: Counter, cause: Cause
) -> Order:
    """So many of its lines. Who takes a part at the same moment leaves the rest of these."""

    def some(now: Order) -> Mapping[str, int]:
        return dict(islice(find_fulfillment(now, fulfillment_id).units.items(), at_once))

    def decide(now: Order) -> Events:
        declined = reason == DECLINED
        return work.expire_some(now, fulfillment_id, some(now), reason, declined=declined)

    def back(now: Order) -> list[Write]:
        found, events = find_fulfillment(now, fulfillment_id), decide(now)
        writes = [
            *units_back(now, events, found, some(now), at.stock, cause),
            *_settled(now, fulfillment_id, events, at.pickups),
        ]
        if len(writes) > _WRITES_BESIDE:
            raise TooLarge("too many lines are put back at once", code="too_many_lines")
        return writes

    return execute_on(at.orders, order, decide, cause, also=back)


def units_back(
    order: Order,
    events: Events,
    found: Fulfillment,
    units: Mapping[str, int],
    stock: Stock,
    cause: Cause,
) -> list[Write]:
    """Writes that put ``units`` (by line id) into the stock of the store, to be committed with
    ``events``: they were reserved there, or were brought there. What was made there has used up
    its components, and is nobody's stock."""
    _, taken = divide(found.lines, units)
    allocations = allocations_of(order, found, taken)
    if found.method is not Method.SHIP_TO_STORE and found.make:
        used_up = stock.ship(needs_of(allocations), order.order_id, cause)
        return [*used_up, *slots.given_back(order, events, stock.capacity)]
    if found.method is not Method.SHIP_TO_STORE:
        return freed(order, events, allocations, stock, cause)
    entries = _receipts(order, found, taken, cause)
    refusal = VersionConflict("the store's stock moved at the same moment")
    return [*stock.book(entries, refusal), *stock.shares.follow(entries, cause.at)]


def _receipts(
    order: Order, found: Fulfillment, lines: tuple[FulfillmentLine, ...], cause: Cause
) -> list[Entry]:
    by_sku: dict[str, int] = {}
    for line in lines:
        if line.tracked and not line.component:
            sku = order.content.line(line.line_id).sku
            by_sku[sku] = by_sku.get(sku, 0) + line.quantity
    return [
        Entry(
            id=f"{found.id}:back:{order.version}",
            kind="receipt",
            sku=sku,
            node=place_of(found),
            at=cause.at,
            by=cause.by,
            on_hand=units,
            reason=NOT_COLLECTED,
        )
        for sku, units in sorted(by_sku.items())
    ]
