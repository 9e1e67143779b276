"""An order: what was captured, and how far it has come.

``Content`` never changes: it is what the channel sent. ``Progress`` is everything that moves; it is
the fold of the order's events and small enough to be written again at every step.

*State* is a rung of the ladder (captured → sourced → authorized → released → shipped → delivered →
completed, or cancelled). *Status* says what is going on within it and is derived, never stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from oms.kernel.money import Money, total
from oms.payments.model import Payment
from oms.payments.several import Payments
from oms.pricing.shares import extended_price
from oms.returns.model import Return


class State(StrEnum):
    CAPTURED = "captured"
    SOURCED = "sourced"
    AUTHORIZED = "authorized"
    RELEASED = "released"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Method(StrEnum):
    """How units reach the customer: carried to the address, handed over by the node they lie at,
    or carried to a store and handed over there."""

    SHIP = "ship"
    PICKUP = "pickup"
    SHIP_TO_STORE = "ship_to_store"


class CaptureOn(StrEnum):
    """When money that is held is taken: with each shipment, or once all of it was delivered."""

    SHIPMENT = "shipment"
    DELIVERY = "delivery"


class OutOfStockPolicy(StrEnum):
    """What the customer agreed to when stock does not suffice."""

    BACKORDER = "backorder"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Address:
    """``country`` is ISO 3166-1 alpha-2. Coordinates are WGS 84 degrees."""

    name: str
    line1: str
    city: str
    country: str
    line2: str = ""
    district: str = ""
    region: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """``locale`` is a BCP 47 tag such as ``pt-BR``; ``tax_id`` holds digits and letters only.
    ``customer_class`` is the retailer's own word for whom it serves how, such as ``gold``."""

    name: str
    id: str = ""
    email: str = ""
    phone: str = ""
    tax_id: str = ""
    locale: str = ""
    customer_class: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """``quantity`` is in units of 10^-scale; ``unit_price`` is for one whole unit. ``bundle`` is
    the id of the line that ordered the bundle which this is a part of, and ``bundles`` how many of
    it. What is not shipped to the customer is handed over at ``pickup_node``. ``tax_rate`` is the
    decimal string that the channel stated, if it did."""

    line_id: str
    sku: str
    name: str
    quantity: int
    unit_price: Money
    discount: Money
    tax: Money
    scale: int = 0
    bundle: str = ""
    method: Method = Method.SHIP
    pickup_node: str = ""
    bundles: int = 0
    tax_rate: str = ""

    @property
    def net(self) -> Money:
        """Price times quantity, less the discount, before tax is added."""
        return extended_price(self.unit_price, self.quantity, self.scale) - self.discount


@dataclass(frozen=True, slots=True)
class Fee:
    """What is charged beside goods and shipping, such as gift wrap. ``amount`` contains the ``tax``
    where the order's prices include tax."""

    id: str
    name: str
    amount: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """One way in which the customer pays, and how much of it: the rest of the order without an
    ``amount``. ``collected`` is what the marketplace has taken already."""

    method: str
    provider: str
    collected: Money
    token: str = ""
    reference: str = ""
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class PromisedPart:
    """Units of a line that were promised from one node and one source; a line may have several.

    ``source`` is ``on_hand``, ``supply:<id>``, ``production:<resource>``, ``infinite`` or
    ``lead_time``. ``ship_by``: when the parcel must have left the node; ``arrive_by``: the day on
    which it is there.
    """

    line_id: str
    node: str
    quantity: int
    source: str
    ship_by: datetime
    arrive_by: date
    service: str = ""


@dataclass(frozen=True, slots=True)
class CommittedPromise:
    """The option of a promise that was accepted with the order. ``components``: of what is made,
    the line and the SKU of each component that is still to be supplied."""

    id: str
    option: str
    lines: tuple[PromisedPart, ...]
    components: tuple[tuple[str, str], ...] = ()

    @property
    def arrive_by(self) -> date:
        """The day on which the last part is there."""
        return max(part.arrive_by for part in self.lines)


@dataclass(frozen=True, slots=True)
class Content:
    """The order as captured; money is in ``currency`` throughout. ``priority`` is 0 to 9: when
    stock is scarce the higher is served first. ``sold_at`` is the node whose till sold it.
    ``exchange_of`` is the return or claim that the order was made for."""

    order_id: str
    channel: str
    channel_order_id: str
    currency: str
    captured_at: datetime
    placed_at: datetime
    customer: Customer
    shipping_address: Address
    lines: tuple[Line, ...]
    shipping: Money
    discount: Money
    total: Money
    payments: tuple[PaymentRequest, ...]
    on_out_of_stock: OutOfStockPolicy = OutOfStockPolicy.BACKORDER
    prices_include_tax: bool = False
    fulfilled_by_channel: bool = False
    correlation_id: str = ""
    channel_order_name: str = ""
    priority: int = 5
    promise: CommittedPromise | None = None
    tags: tuple[str, ...] = ()
    sold_at: str = ""
    capture_on: CaptureOn = CaptureOn.DELIVERY
    shipping_tax: Money | None = None
    fees: tuple[Fee, ...] = ()
    exchange_of: str = ""

    @property
    def collected(self) -> Money:
        """What channels have taken before the order came to us."""
        return total([asked.collected for asked in self.payments], self.currency)

    @property
    def known_as(self) -> str:
        """What to call the order when speaking to its customer."""
        return self.channel_order_name or self.channel_order_id or self.order_id

    def line(self, line_id: str) -> Line:
        return next(line for line in self.lines if line.line_id == line_id)


@dataclass(frozen=True, slots=True)
class Effort:
    """What making something takes of a production resource on one of its days, such as
    ``2026-05-03``."""

    resource: str
    day: str
    units: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """``quantity`` units of a line, to come from a node and there from one of its counters. For
    what is not ``tracked`` no stock is booked. With ``take_back`` an order of higher priority may
    have the units until the node begins with them. With ``drop_ship`` a supplier sends them, with
    ``make`` the node makes them: then a ``component`` is stock that goes into them, and is counted
    in none of the line's counters, and ``effort`` is what the making takes."""

    line_id: str
    sku: str
    node: str
    quantity: int
    counter: int = 0
    tracked: bool = True
    take_back: bool = False
    drop_ship: bool = False
    make: bool = False
    component: bool = False
    effort: tuple[Effort, ...] = ()


@dataclass(frozen=True, slots=True)
class Units:
    """Units of a line, in its scale."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Slot:
    """What a fulfilment takes of a node's capacity: one of ``day`` and, where the node counts
    hours, one of ``hour``; both in the node's own time, such as ``2026-05-03T14``."""

    node: str
    day: str
    hour: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the units of one line are; each unit is in exactly one place, the rest is open."""

    reserved: int = 0
    backordered: int = 0
    released: int = 0
    shipped: int = 0
    delivered: int = 0
    cancelled: int = 0
    returned: int = 0

    @property
    def placed(self) -> int:
        return (
            self.reserved
            + self.backordered
            + self.released
            + self.shipped
            + self.delivered
            + self.cancelled
            + self.returned
        )


class FulfillmentState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    READY = "ready"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    MOVED = "moved"
    MERGED = "merged"
    CANCELLED = "cancelled"
    UNCOLLECTED = "uncollected"
    RETURNED = "returned"


# What counts for nothing any more: its units are elsewhere.
DEAD = frozenset(
    {
        FulfillmentState.REJECTED,
        FulfillmentState.WITHDRAWN,
        FulfillmentState.MOVED,
        FulfillmentState.MERGED,
        FulfillmentState.CANCELLED,
        FulfillmentState.UNCOLLECTED,
        FulfillmentState.RETURNED,
    }
)


@dataclass(frozen=True, slots=True)
class FulfillmentLine:
    """What a node ships of a line; the rest is as in the allocation it was made of. ``sku`` is
    only set where it is not the line's own: that of a component."""

    line_id: str
    quantity: int
    tracked: bool = True
    take_back: bool = False
    counter: int = 0
    component: bool = False
    sku: str = ""
    effort: tuple[Effort, ...] = ()


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """The part of an order that one node ships, or hands over.

    ``hand_over_at``: the node where the customer collects it, until ``pickup_until``. ``slot``:
    what it took of the node's capacity. ``shipment``: it travels with fulfilments of other orders.
    ``undelivered`` says which parcels do not arrive, and why; ``brought_back`` by which receipt it
    is back at a node.
    """

    id: str
    node: str
    lines: tuple[FulfillmentLine, ...]
    state: FulfillmentState = FulfillmentState.OPEN
    carrier: str = ""
    tracking_number: str = ""
    method: Method = Method.SHIP
    hand_over_at: str = ""
    pickup_until: datetime | None = None
    slot: Slot | None = None
    drop_ship: bool = False
    make: bool = False
    shipment: str = ""
    undelivered: str = ""
    brought_back: str = ""

    @property
    def is_live(self) -> bool:
        return self.state not in DEAD

    @property
    def is_lost(self) -> bool:
        """Whether a parcel of it is under way that does not arrive."""
        return bool(self.undelivered) and self.state is FulfillmentState.SHIPPED

    @property
    def has_left(self) -> bool:
        """Whether its units are no longer in the node's stock."""
        if self.state is FulfillmentState.READY:
            return self.method is Method.SHIP_TO_STORE
        return self.state in (FulfillmentState.SHIPPED, FulfillmentState.DELIVERED)

    @property
    def units(self) -> dict[str, int]:
        """Units of each line; components are none."""
        units: dict[str, int] = {}
        for line in self.lines:
            if not line.component:
                units[line.line_id] = units.get(line.line_id, 0) + line.quantity
        return units


@dataclass(frozen=True, slots=True)
class Rejection:
    """A node that said no to a line."""

    line_id: str
    node: str
    reason: str


# Where refunded money goes instead of where it came from: to an account of the customer's own.
STORE_CREDIT = "store_credit"
# A person gave it back, past every provider.
BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What of a refund goes back by one payment. ``attempt`` counts how often that was tried;
    ``state`` is ``requested``, ``refunded`` or ``failed``."""

    payment_id: str
    amount: int
    attempt: int = 1
    state: str = "requested"


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """Units of a line that money goes back for; ``amount`` with tax. ``cancelled`` of them had not
    left, and were cancelled with it."""

    line_id: str
    quantity: int
    amount: int
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back; the fields are those of ``RefundRequested``.

    ``state`` follows its parts': ``failed`` when one failed and none is on its way any more, else
    ``requested`` until all are ``refunded``. ``completed``: all were, once, and the customer was
    told.
    """

    id: str
    amount: int
    reason: str = ""
    parts: tuple[RefundPart, ...] = ()
    granted: int = 0
    lines: tuple[RefundedLine, ...] = ()
    shipping: int = 0
    fees: tuple[tuple[str, int], ...] = ()
    goodwill: int = 0
    to: str = ""
    return_id: str = ""
    key: str = ""
    completed: bool = False

    @property
    def state(self) -> str:
        states = {part.state for part in self.parts}
        for state in ("requested", "failed"):
            if state in states:
                return state
        return "refunded"

    @property
    def is_credit(self) -> bool:
        """Whether it goes to an account: the customer's own store credit, or one that is named."""
        return self.to == STORE_CREDIT or self.to.startswith("acc_")

    @property
    def pays_another_order(self) -> bool:
        return bool(self.to) and not self.is_credit and self.to != BY_HAND

    def part(self, payment_id: str) -> RefundPart | None:
        """The latest part that goes back by a payment."""
        parts = [part for part in self.parts if part.payment_id == payment_id]
        return max(parts, key=lambda part: part.attempt, default=None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a promised line stands that is not as it was promised.

    ``expected``: the day on which all of it is there by now; nobody knows it when there is none.
    ``severity`` is empty while the promised day is kept. ``alternative``: a source that would keep
    it; ``moved``: where the line comes from instead, once it was moved.
    """

    line_id: str
    expected: date | None = None
    days_late: int | None = None
    severity: str = ""
    reason: str = ""
    alternative: tuple[PromisedPart, ...] = ()
    moved: tuple[PromisedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """All that moves. ``counts`` stand in the order of the content's lines.

    ``reserving_since`` is set while a large order's plan is being reserved in several
    transactions; ``allocations`` are then what is planned, not what is held. ``holdups`` counts how
    often the order had to wait for stock, for money or for a person. ``outlooks`` are of the lines
    that are not as they were promised. ``taken_back``: what it held went to an order of higher
    priority, and it holds nothing again yet.

    ``slots`` are taken for what is allocated. ``rejections``: which nodes said no to which lines,
    in how many ``rounds``; ``unroutable`` says why no node is left and a person must decide, and
    ``exceptions`` counts how often one had to.
    ``added`` lines and another ``address`` came after the capture, and are in the order's content;
    minor units that are due for what was added, and no longer for what was cancelled, are not in
    its total, nor what was ``granted`` to be given back of it. ``cancellations``: keys of those
    that were asked for with one. ``unpaid`` says why what is due cannot be taken and a person must
    look."""

    payments: tuple[Payment, ...]
    counts: tuple[Counts, ...]
    state: State = State.CAPTURED
    allocations: tuple[Allocation, ...] = ()
    reserving_since: datetime | None = None
    sourcing_rule: str = ""
    sourcing_reason: str = ""
    fulfillments: tuple[Fulfillment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    cancel_reason: str = ""
    overdue: int = 0
    exception: str = ""
    holdups: int = 0
    outlooks: tuple[Outlook, ...] = ()
    taken_back: bool = False
    slots: tuple[Slot, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    rounds: int = 0
    unroutable: str = ""
    exceptions: int = 0
    added: tuple[Line, ...] = ()
    address: Address | None = None
    added_amount: int = 0
    cancelled_amount: int = 0
    cancellations: tuple[str, ...] = ()
    granted: int = 0
    unpaid: str = ""
    returns: tuple[Return, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """The aggregate. ``version`` counts commits, from 1, without a gap. ``content`` is what was
    captured with what was added and changed since."""

    content: Content
    progress: Progress
    version: int

    @property
    def order_id(self) -> str:
        return self.content.order_id

    @property
    def state(self) -> State:
        return self.progress.state

    @property
    def payments(self) -> Payments:
        return Payments(self.progress.payments, self.content.currency)

    def token_of(self, payment: Payment) -> str:
        """What names the means of payment at the provider."""
        for asked, each in zip(self.content.payments, self.progress.payments, strict=False):
            if each.id == payment.id:
                return asked.token
        return payment.token

    @property
    def cancel_requested(self) -> bool:
        return bool(self.progress.cancel_reason) and self.state is not State.CANCELLED

    @property
    def backordered_lines(self) -> tuple[str, ...]:
        """Ids of the lines that the order waits for stock with."""
        return tuple(
            line.line_id
            for line, counts in zip(self.content.lines, self.progress.counts, strict=True)
            if counts.backordered
        )

    @property
    def live_fulfillments(self) -> tuple[Fulfillment, ...]:
        return tuple(
            fulfillment for fulfillment in self.progress.fulfillments if fulfillment.is_live
        )

    @property
    def due(self) -> Money:
        """What the customer has to pay for what is not cancelled, less what was granted back. Of a
        cancelled order only what was kept on purpose: then less than nothing is granted."""
        if self.state is State.CANCELLED:
            return Money(max(0, -self.progress.granted), self.content.currency)
        progress = self.progress
        changed = progress.added_amount - progress.cancelled_amount - progress.granted
        return Money(self.content.total.minor + changed, self.content.currency)

    @property
    def unrouted(self) -> dict[str, int]:
        """Units by line that no node has yet, though the order was released; none before."""
        if self.state not in (State.RELEASED, State.SHIPPED):
            return {}
        return {
            line.line_id: units
            for index, line in enumerate(self.content.lines)
            if (units := self.to_source(index))
        }

    def to_source(self, index: int) -> int:
        """Units of a line that no node has: open, waited for, or reserved and not released."""
        counts = self.progress.counts[index]
        return self.open_quantity(index) + counts.backordered + counts.reserved

    @property
    def status(self) -> str:
        return _status(self)

    @property
    def promised_parts(self) -> tuple[PromisedPart, ...]:
        """Where the order is to come from by now; nothing without a promise."""
        if self.content.promise is None:
            return ()
        moved = [part for outlook in self.progress.outlooks for part in outlook.moved]
        elsewhere = {part.line_id for part in moved}
        stay = [part for part in self.content.promise.lines if part.line_id not in elsewhere]
        return (*stay, *moved)

    def is_promised_later(self, line_ids: Iterable[str]) -> bool:
        """Whether these lines were promised from what is still to come: waiting for it is what the
        customer agreed to."""
        parts = self.content.promise.lines if self.content.promise else ()
        later = {part.line_id for part in parts if part.source != "on_hand"}
        return later.issuperset(line_ids)

    def promised_day(self, line_id: str) -> date | None:
        """The day on which all of a line was promised to be there."""
        parts = self.content.promise.lines if self.content.promise else ()
        return max((part.arrive_by for part in parts if part.line_id == line_id), default=None)

    @property
    def expected_day(self) -> date | None:
        """The day on which all that was promised is there by now; None without a promise, and when
        nobody knows it."""
        known = {each.line_id: each.expected for each in self.progress.outlooks}
        parts = self.content.promise.lines if self.content.promise else ()
        days = [known.get(part.line_id, part.arrive_by) for part in parts]
        return None if None in days else max((day for day in days if day), default=None)

    def outlook(self, line_id: str) -> Outlook:
        found = (each for each in self.progress.outlooks if each.line_id == line_id)
        return next(found, Outlook(line_id))

    def open_quantity(self, index: int) -> int:
        return self.content.lines[index].quantity - self.progress.counts[index].placed

    def refund(self, refund_id: str) -> Refund | None:
        return next((each for each in self.progress.refunds if each.id == refund_id), None)

    def refund_state(self, refund_id: str) -> str:
        """Empty when the order has no such refund."""
        found = self.refund(refund_id)
        return found.state if found else ""

    def fulfillment(self, fulfillment_id: str) -> Fulfillment | None:
        return next((f for f in self.progress.fulfillments if f.id == fulfillment_id), None)

    def with_progress(self, **changes: object) -> "Order":
        return replace(self, progress=replace(self.progress, **changes))  # type: ignore[arg-type]


# The statuses of released work, from the slowest to the fastest.
_WORK_STATUS = {
    FulfillmentState.OPEN: "waiting_for_node",
    FulfillmentState.ACCEPTED: "picking",
    FulfillmentState.PICKED: "packing",
    FulfillmentState.PACKED: "ready_to_ship",
    FulfillmentState.READY: "ready_for_pickup",
}


# Of a completed order more may be due: what was exchanged in advance and never came.
_UNDER_WAY = (State.RELEASED, State.SHIPPED, State.DELIVERED, State.COMPLETED)


def _status(order: Order) -> str:
    if order.progress.exception:
        return "exception"
    if order.cancel_requested:
        return "cancelling"
    if order.state is State.CAPTURED and order.progress.unroutable:
        return "unroutable"
    if order.state is State.CAPTURED:
        return "backordered" if order.backordered_lines else "new"
    if order.state is State.SOURCED:
        pending = order.payments.pending
        return f"awaiting_{pending[0].method}" if pending else "reserved"
    if order.state is State.AUTHORIZED:
        return "ready_to_release"
    if any(part.is_lost for part in order.live_fulfillments):
        return "undelivered"
    if order.progress.unpaid and order.state in _UNDER_WAY:
        return "payment_failed"
    if order.state is State.RELEASED:
        return _work_status(order)
    if order.state is State.SHIPPED:
        waits = any(part.state is FulfillmentState.READY for part in order.live_fulfillments)
        return "ready_for_pickup" if waits else "in_transit"
    if order.state is State.DELIVERED:
        return "settling"
    return _final_status(order)


def _work_status(order: Order) -> str:
    if order.progress.unroutable:
        return "unroutable"
    if order.progress.overdue:
        return "overdue"
    live = order.live_fulfillments
    if any(fulfillment.has_left for fulfillment in live):
        return "partially_shipped"
    states = {fulfillment.state for fulfillment in live}
    for state, status in _WORK_STATUS.items():
        if state in states:
            return status
    return "partially_backordered" if order.backordered_lines else "routing"


def _final_status(order: Order) -> str:
    states = {refund.state for refund in order.progress.refunds}
    if "failed" in states:
        return "refund_failed"
    if "requested" in states:
        return "refunding"
    if "refunded" in states:
        return "refunded"
    return str(order.state)
