"""An order with nodes' work, as the cases act on it: every change is made by our use cases.

What a peer calls a fulfilment, a parcel or a shipment is a fulfilment of ours. What it calls
*cancelled* is work that a node, or whoever speaks for it, gives back; *resuming* it is routing its
units again from the beginning.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from oms.catalog.model import Item, Node
from oms.fulfillment import labels, packing
from oms.fulfillment.packing import PackedParcel
from oms.kernel.errors import Conflict, Invalid, NotFound, OmsError
from oms.kernel.events import Cause
from oms.notifications.model import notice_of
from oms.orders import (
    decisions,
    exceptions,
    fulfillment,
    moving,
    paying,
    rejecting,
    rerouting,
    sourcing,
)
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.exceptions import RETRY, Resolution
from oms.orders.model import Content, Fulfillment, FulfillmentState, Order, State
from oms.orders.model import Units as LineUnits
from oms.orders.parts import divide
from oms.orders.rerouting import Router
from oms.routing.policies import BuiltIn
from tests.integration.fulfillment.station import CountingCarrier, parcels_of, service, station_of
from tests.integration.world import World
from tests.samples import CAUSE, content, line

HERE, THERE = "A-here", "B-there"
REASON = "too_busy"

Units = Mapping[str, int]


class Shop:
    """``refused`` is the code of the last refusal. SKUs are named as the lines are."""

    def __init__(
        self,
        oms: World,
        ordered: Units,
        stock: Units | None = None,
        of: Content | None = None,
    ) -> None:
        """``of`` is the order with its prices, where these matter."""
        self.oms = oms
        self.ticks = 0
        self.refused = ""
        self.last = ""
        self.carrier_fails = False
        # Why nothing of it is reserved: it waits for stock.
        self.waits = ""
        for node in (HERE, THERE):
            oms.catalog.put_node(Node(node, node, "warehouse", "BR", "SP", "São Paulo"))
        for line_id in ordered:
            oms.catalog.put_item(Item(line_id, line_id))
        for sku, units in (stock if stock is not None else ordered).items():
            if units > 0:
                oms.receive(sku, units, self.node(HERE))
        made = of or content(*(line(name, units) for name, units in ordered.items()))
        self.order_id = oms.capture(made).order_id
        self.router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())

    def node(self, name: str) -> Node:
        return next(node for node in self.oms.catalog.nodes({name}) if node.id == name)

    def cause(self) -> Cause:
        self.ticks += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(minutes=self.ticks))

    @property
    def order(self) -> Order:
        return self.oms.orders.load(self.order_id)

    @property
    def parts(self) -> tuple[Fulfillment, ...]:
        return self.order.live_fulfillments

    @property
    def ended(self) -> tuple[Fulfillment, ...]:
        """What was given back, where nothing else is left."""
        elsewhere = (FulfillmentState.MERGED, FulfillmentState.MOVED)
        parts = self.order.progress.fulfillments
        return tuple(part for part in parts if part.state not in elsewhere)

    @property
    def part(self) -> Fulfillment:
        """The one that was acted on last, else the only one."""
        parts = self.order.progress.fulfillments
        if not parts:
            raise NotFound("no node has any of it")
        return next((part for part in parts if part.id == self.last), parts[0])

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether it was accepted. Of several refusals the first one counts."""
        try:
            act()
        except OmsError as refused:
            faults = [fault.code for fault in refused.faults]
            self.refused = self.refused or next(iter(faults), refused.problem_code)
            return False
        return True

    # --- up to the release ----------------------------------------------------------------------

    def reserve(self) -> None:
        orders, stock, catalog = self.oms.orders, self.oms.stock, self.oms.catalog
        sourcing.reserve(self.order_id, orders, stock, catalog, BuiltIn(), self.cause())

    def pay(self, *, later: bool = False) -> None:
        """Authorised; or ``later``, when the goods are handed over."""
        if later:
            return self.decide(paying.defer_payment)
        due = self.order.due.minor
        return self.decide(lambda order: paying.authorize_payment(order, due, "auth", "a"))

    def release(self) -> None:
        try:
            fulfillment.release(self.order_id, self.oms.orders, self.cause())
        except Conflict as refused:
            raise Conflict(refused.detail, code=self.waits or refused.problem_code) from None
        self.last = self.last or (self.parts[0].id if self.parts else "")

    def cancel_order(self) -> None:
        self.decide(lambda order: decisions.request_cancel(order, "cancelled"))
        fulfillment.withdraw(self.order_id, self.oms.orders, self.oms.stock.capacity, self.cause())
        sourcing.unreserve(self.order_id, self.oms.orders, self.oms.stock, self.cause())
        self.decide(lambda order: paying.close_cancelled(order, "cancelled"))

    def decide(self, decide: Callable[[Order], Events]) -> None:
        execute(self.oms.orders, self.order_id, decide, self.cause())

    # --- parts ----------------------------------------------------------------------------------

    def carve(self, units: Units, among: Iterable[Fulfillment]) -> list[str]:
        """``units`` as parts of their own, of what these have; ids of the parts. Refused when they
        have not so much."""
        left = dict(units)
        found: list[str] = []
        for part in among:
            have = part.units
            taken = {name: min(left.get(name, 0), have[name]) for name in have if left.get(name)}
            if not taken:
                continue
            left = {name: many - taken.get(name, 0) for name, many in left.items()}
            found.append(part.id if taken == have else self.split(part.id, taken))
        if short := {name: many for name, many in left.items() if many or not units[name]}:
            divide((), short)
        return self.merged(found)

    def split(self, part: str, units: Units) -> str:
        moving.split(part, units, self.oms.orders, self.cause())
        return self.order.progress.fulfillments[-1].id

    def merged(self, parts: Sequence[str]) -> list[str]:
        """One, where they go together."""
        first, *others = parts or [""]
        states = {part.state for part in self.parts if part.id in parts}
        if not others or len(states) > 1:
            return [*parts]
        moving.merge(first, others, self.oms.orders, self.oms.stock, self.cause())
        return [first]

    def still_here(self) -> list[Fulfillment]:
        """What has not left yet."""
        return [part for part in self.parts if not part.has_left]

    def open_parts(self) -> list[Fulfillment]:
        """What no node has begun with."""
        return [part for part in self.parts if part.state is FulfillmentState.OPEN]

    # --- the steps ------------------------------------------------------------------------------

    def to(
        self, part: str, state: FulfillmentState, *, number: str = "", quiet: bool = False
    ) -> None:
        """All the steps up to that state."""
        self.last = part
        found = self.order.fulfillment(part)
        assert found is not None
        done = _STEPS_TO.get(found.state, 0)
        # Of what is as far already the last step is asked for again.
        first = min(done, _STEPS_TO[state] - 1)
        for step in _STEPS[max(0, first) : _STEPS_TO[state]]:
            self.step(part, step, number=number, quiet=quiet)

    def step(self, part: str, step: str, *, number: str = "", quiet: bool = False) -> None:
        orders, stock = self.oms.orders, self.oms.stock
        if step == "accept":
            fulfillment.accept(part, orders, stock, self.cause())
        elif step == "ship":
            if self.carrier_fails:
                self.buy_label(part)
                raise AssertionError("a carrier that fails sells no label")
            tracking = number or f"T-{self.ticks}"
            fulfillment.ship(part, "carrier", tracking, orders, stock, self.cause(), quiet=quiet)
        else:
            fulfillment.advance(part, step, orders, self.cause())

    def buy_label(self, part: str) -> str:
        """The tracking number; of a carrier that fails there is none, and the parcel stays."""

        def asked(what: str) -> None:
            if self.carrier_fails:
                raise Invalid(f"no {what} of this parcel", code="carrier_refused")

        self.oms.catalog.put_carrier_service(service("pac", 5, 1000))
        station = station_of(self.oms, CountingCarrier(before=asked))
        return labels.buy_labels(station, part, "", self.cause().at).labels[0].tracking_number

    def pack_in_one(self, part: str, lines: Iterable[tuple[str, int]]) -> None:
        """One parcel with these lines, as whoever packs says them."""
        parcel = PackedParcel(tuple(LineUnits(name, units) for name, units in lines))
        self.to(part, FulfillmentState.PICKED)
        packing.pack(
            part, (parcel,), self.oms.orders, parcels_of(self.oms), self.oms.catalog, self.cause()
        )

    def give_back(self, part: str) -> None:
        self.last = part
        orders, stock = self.oms.orders, self.oms.stock
        rejecting.reject(part, {}, REASON, orders, stock, self.cause())

    def move(self, part: str) -> None:
        """Another node has it."""
        moving.move(part, THERE, "nearer", self.router, self.cause())
        self.last = self.order.progress.fulfillments[-1].id

    def route_rest(self) -> None:
        """What was given back goes to a node again."""
        if any(self.order.unrouted.values()):
            self.resume()

    def resume(self) -> None:
        """Every node may be asked again, also the one that gave it back."""
        rerouting.reroute(self.order_id, self.router, self.cause())
        exceptions.resolve(self.order_id, Resolution(RETRY), self.router, self.cause())
        rerouting.reroute(self.order_id, self.router, self.cause())
        self.last = self.order.progress.fulfillments[-1].id

    def is_told(self) -> bool:
        """Whether the customer hears of the last parcel that left."""
        order, history = self.order, self.oms.orders.history(self.order_id)
        shipped = [event for event in history if event.type == "fulfillment_shipped"]
        return bool(shipped) and notice_of(shipped[-1], order) is not None

    # --- what there is ----------------------------------------------------------------------------

    def balance(self, sku: str, node: str = HERE) -> tuple[int, int]:
        """On hand, and reserved."""
        for each in self.oms.stock.balances_of(sku, consistent=True):
            if each.node == node:
                return each.on_hand, each.reserved
        return 0, 0


_STEPS = ("accept", "pick", "pack", "ship", "deliver")
_STEPS_TO = {
    FulfillmentState.OPEN: 0,
    FulfillmentState.ACCEPTED: 1,
    FulfillmentState.PICKED: 2,
    FulfillmentState.PACKED: 3,
    FulfillmentState.SHIPPED: 4,
    FulfillmentState.DELIVERED: 5,
}

# --- the words of peers ---------------------------------------------------------------------------

STATES_HERE = frozenset(
    {
        FulfillmentState.OPEN,
        FulfillmentState.ACCEPTED,
        FulfillmentState.PICKED,
        FulfillmentState.PACKED,
    }
)
STATES_GONE = frozenset(FulfillmentState) - STATES_HERE
DEAD_STATES = STATES_GONE - {
    FulfillmentState.SHIPPED,
    FulfillmentState.DELIVERED,
    FulfillmentState.READY,
}

# What a peer's state of a fulfilment means here.
MEANS: Mapping[str, frozenset[FulfillmentState]] = {
    **dict.fromkeys(
        ("unfulfilled", "pending", "created", "waiting_for_approval", "ready", "open"), STATES_HERE
    ),
    **dict.fromkeys(("fulfilled", "shipped"), frozenset({FulfillmentState.SHIPPED})),
    **dict.fromkeys(
        ("delivered", "returned", "refunded", "replaced", "refunded_and_returned"),
        frozenset({FulfillmentState.DELIVERED}),
    ),
    **dict.fromkeys(("canceled", "cancelled"), DEAD_STATES),
}


def called(expected: object, state: FulfillmentState) -> str:
    """The peer's word when ours means the same, else our own."""
    return str(expected) if state in MEANS.get(str(expected), ()) else str(state)


def order_called(expected: object, order: Order) -> str:
    words = _ORDER_WORDS.get(_standing(order), ())
    return str(expected) if str(expected) in words else str(order.status)


def _standing(order: Order) -> str:
    if order.state is State.CANCELLED:
        return "canceled"
    if order.state in (State.DELIVERED, State.COMPLETED):
        return "delivered"
    parts = order.live_fulfillments
    arrived = any(part.state is FulfillmentState.DELIVERED for part in parts)
    if order.state is State.SHIPPED:
        return "shipped_and_partly_delivered" if arrived else "shipped"
    if arrived:
        return "partially_delivered"
    return "partially_shipped" if any(part.has_left for part in parts) else "unfulfilled"


_ORDER_WORDS: Mapping[str, tuple[str, ...]] = {
    "canceled": ("canceled", "cancelled"),
    "delivered": ("delivered", "fulfilled"),
    "shipped": ("shipped", "fulfilled"),
    "shipped_and_partly_delivered": ("partially_delivered", "shipped", "fulfilled"),
    "partially_delivered": ("partially_delivered", "partial", "partially_fulfilled"),
    "partially_shipped": ("partially_shipped", "partial", "partially_fulfilled"),
    "unfulfilled": (
        "unfulfilled",
        "payment_settled",
        "payment_authorized",
        "ready",
        "processing",
    ),
}

# What peers call our refusals.
_ADD_UP = {"quantities_do_not_add_up", "illegal_transition", "shipped"}
_UNPAID = {"not_authorized"}
_NO_STOCK = {"backordered", "out_of_stock", "insufficient_stock", "stock_contended"}
_TOO_LATE = {"illegal_transition", "shipped"}
ERRORS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "nothing_specified",
            "zero_quantity",
            "no_items_to_fulfill",
            "invalid_quantity",
            "quantity_exceeded",
        ),
        frozenset({"quantities_do_not_add_up"}),
    ),
    "already_fulfilled": frozenset(_ADD_UP),
    "fulfill_order_line": frozenset(_ADD_UP | _UNPAID | _NO_STOCK),
    "cannot_fulfill_unpaid": frozenset(_UNPAID),
    **dict.fromkeys(("insufficient_stock", "insufficient_stock_on_hand"), frozenset(_NO_STOCK)),
    **dict.fromkeys(
        (
            "cannot_cancel_fulfilment",
            "cannot_cancel",
            "cannot_mark_delivered",
            "invalid_transition",
            "fulfilment_state_transition",
            "invalid_fulfilment_status",
            "required",
        ),
        frozenset({"illegal_transition"}),
    ),
    "cannot_fulfill": frozenset(_TOO_LATE | _UNPAID),
    "invalid": frozenset(_TOO_LATE | {"quantities_do_not_add_up"}),
    "cannot_resume": frozenset({"not_in_exception"}),
    "duplicated_input": frozenset({"line_twice"}),
    **dict.fromkeys(
        ("create_fulfilment", "invalid_handler", "label_failed"), frozenset({"carrier_refused"})
    ),
    "invalid_status": frozenset({"unknown_state"}),
    "invalid_cost": frozenset({"invalid_amount"}),
    **dict.fromkeys(("order_draft", "order_not_completed", "order_state"), frozenset(_UNPAID)),
    "order_canceled": frozenset({"order_cancel_requested", "cancelling", *_TOO_LATE, *_UNPAID}),
}


def error_called(expected: object, code: str) -> str:
    return str(expected) if code in ERRORS.get(str(expected), ()) else code
