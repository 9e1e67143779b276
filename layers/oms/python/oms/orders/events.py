"""What can happen to an order. An event's type on the bus is its class name in snake case."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from oms.orders.model import (
    Address,
    Allocation,
    Content,
    Fulfillment,
    Line,
    PromisedPart,
    Slot,
    Units,
)
from oms.orders.money_events import AuthorizationAdjusted as AuthorizationAdjusted
from oms.orders.money_events import CaptureFailed as CaptureFailed
from oms.orders.money_events import CaptureRequested as CaptureRequested
from oms.orders.money_events import ChargeBackReversed as ChargeBackReversed
from oms.orders.money_events import ChargedBack as ChargedBack
from oms.orders.money_events import (
    MoneyEvent,
)
from oms.orders.money_events import PaymentAdded as PaymentAdded
from oms.orders.money_events import PaymentAuthorized as PaymentAuthorized
from oms.orders.money_events import PaymentCaptured as PaymentCaptured
from oms.orders.money_events import PaymentCollected as PaymentCollected
from oms.orders.money_events import PaymentDeclined as PaymentDeclined
from oms.orders.money_events import PaymentDeferred as PaymentDeferred
from oms.orders.money_events import PaymentFailed as PaymentFailed
from oms.orders.money_events import PaymentPending as PaymentPending
from oms.orders.money_events import PaymentRefunded as PaymentRefunded
from oms.orders.money_events import PaymentResolved as PaymentResolved
from oms.orders.money_events import PaymentUnknown as PaymentUnknown
from oms.orders.money_events import PaymentVoided as PaymentVoided
from oms.orders.money_events import RefundCompleted as RefundCompleted
from oms.orders.money_events import RefundFailed as RefundFailed
from oms.orders.money_events import RefundRequested as RefundRequested
from oms.orders.money_events import RefundRetried as RefundRetried
from oms.orders.money_events import RefundReversed as RefundReversed
from oms.orders.money_events import VoidFailed as VoidFailed
from oms.orders.money_events import VoidRequested as VoidRequested
from oms.returns.events import ReturnEvent
from oms.routing.evidence import Evidence


@dataclass(frozen=True, slots=True)
class OrderCaptured:
    content: Content


@dataclass(frozen=True, slots=True)
class SourcingPlanned:
    """A large order's plan, written down before its stock is reserved in several transactions."""

    allocations: tuple[Allocation, ...]
    rule: str
    reason: str
    at: datetime
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class OrderSourced:
    """Stock is reserved. ``reason`` says in words why ``rule`` chose these nodes, ``evidence`` what
    it was chosen from. ``slots`` of the nodes' capacity are taken with it. ``promised``, here and
    in other events: the order was captured with a promise."""

    allocations: tuple[Allocation, ...]
    rule: str
    reason: str
    promised: bool = False
    evidence: Evidence | None = None
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderBackordered:
    """Nothing was reserved; ``line_ids`` are the lines that no set of nodes could fill."""

    line_ids: tuple[str, ...]
    reason: str
    promised: bool = False
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class BackorderReleased:
    """The order waits for these SKUs no more without having got them; who waits behind it moves
    up."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReservationTakenBack:
    """An order of higher priority needs what this one held. It holds nothing now, and waits again;
    ``skus`` are all that it held."""

    skus: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class OrderOutOfStock:
    reason: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class ReservationReleased:
    """What the order held is free again; others may be waiting for these SKUs."""

    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderReleased:
    """``drop_ship``, here and in other events: a supplier is concerned, who is to be told."""

    fulfillments: tuple[Fulfillment, ...]
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentAccepted:
    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class FulfillmentPicked:
    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class FulfillmentPacked:
    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class FulfillmentShipped:
    """``quiet``: whoever shipped it asked that the customer is not told."""

    fulfillment_id: str
    carrier: str
    tracking_number: str
    promised: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentDelivered:
    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """A parcel does not arrive: ``outcome`` is ``returned_to_sender`` or ``lost``. A person must
    decide; should it arrive after all, it is delivered."""

    fulfillment_id: str
    tracking_number: str
    outcome: str


@dataclass(frozen=True, slots=True)
class DeliveryRecovered:
    """What was given up arrives after all."""

    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class FulfillmentWithdrawn:
    fulfillment_id: str
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentRejected:
    """The node says no to ``units`` of it, for a reason; they have to come from elsewhere.
    ``skus``: what is free again, where the reason is not that it is missing or unfit."""

    fulfillment_id: str
    units: tuple[Units, ...]
    reason: str
    node: str
    skus: tuple[str, ...]
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentReduced:
    """Units are taken out of it that are wanted from this node no more; they are open then."""

    fulfillment_id: str
    units: tuple[Units, ...]
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentSplit:
    """``part`` was a part of it, and is a fulfilment of its own now, as far along as it was."""

    fulfillment_id: str
    part: Fulfillment
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentsMerged:
    """What was in ``merged`` is in ``fulfillment_id`` now; all were at one node."""

    fulfillment_id: str
    merged: tuple[str, ...]
    drop_ship: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentMoved:
    """All of it is the work of another node now, as ``part``; there is more of ``skus`` where it
    was."""

    fulfillment_id: str
    part: Fulfillment
    reason: str
    drop_ship: bool = False
    promised: bool = False
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FulfillmentReady:
    """The customer may collect it until ``pickup_until``."""

    fulfillment_id: str
    pickup_until: datetime


@dataclass(frozen=True, slots=True)
class FulfillmentHandedOver:
    fulfillment_id: str
    promised: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentUncollected:
    """Nobody came for it, or the customer ``declined`` it at the counter: its units are open, and
    in the stock of the node where they were."""

    fulfillment_id: str
    declined: bool = False
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShipmentJoined:
    """It travels with fulfilments of other orders, as one shipment."""

    fulfillment_id: str
    shipment: str


@dataclass(frozen=True, slots=True)
class UnitsRouted:
    """Units that no node had after the release have ``fulfillments`` now. ``waited``: those of them
    that were backordered; the rest was open."""

    fulfillments: tuple[Fulfillment, ...]
    rule: str
    reason: str
    waited: tuple[Units, ...] = ()
    evidence: Evidence | None = None
    drop_ship: bool = False
    promised: bool = False


@dataclass(frozen=True, slots=True)
class UnitsBackordered:
    """Open units wait for stock while the rest of the order goes on."""

    units: tuple[Units, ...]
    reason: str
    evidence: Evidence | None = None
    promised: bool = False


@dataclass(frozen=True, slots=True)
class RoutingFailed:
    """No node is left for these units; a person must decide."""

    units: tuple[Units, ...]
    reason: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class RoutingResolved:
    """A person has decided. ``forgotten``: what nodes said no to before counts no more."""

    action: str
    note: str
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class ReservationReduced:
    """Reserved units are free again before they were released to a node; they are open then."""

    allocations: tuple[Allocation, ...]
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReservationMoved:
    """What is reserved lies at other nodes, because the order goes to another address;
    ``allocations`` and ``slots`` are all that it holds now."""

    allocations: tuple[Allocation, ...]
    rule: str
    reason: str
    slots: tuple[Slot, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class UnitsCancelled:
    """Units that nobody wants any more: open ones, and of them those that were ``waited`` for;
    ``amount`` minor units are no longer due. ``skus``: of which there may be more for others now.
    ``key``: by which the same cancellation is known again."""

    units: tuple[Units, ...]
    amount: int
    reason: str
    waited: tuple[Units, ...] = ()
    skus: tuple[str, ...] = ()
    key: str = ""
    promised: bool = False


@dataclass(frozen=True, slots=True)
class LinesAdded:
    """Sold in addition; ``amount`` minor units are due for them."""

    lines: tuple[Line, ...]
    amount: int


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """``skus``: of which there is more at some node, because they come from another now."""

    address: Address
    drop_ship: bool = False
    promised: bool = False
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FulfillmentOverdue:
    """The order has waited for its nodes for longer than it may; ``times`` counts the warnings."""

    times: int


@dataclass(frozen=True, slots=True)
class CancelRequested:
    reason: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    reason: str
    promised: bool = False


@dataclass(frozen=True, slots=True)
class OrderCompleted:
    pass


@dataclass(frozen=True, slots=True)
class ExceptionRaised:
    """The lifecycle cannot go on by itself; a person must look."""

    step: str
    error: str


@dataclass(frozen=True, slots=True)
class LifecycleResumed:
    """A person has looked: the lifecycle begins anew and passes over what has been done."""


@dataclass(frozen=True, slots=True)
class PromiseInJeopardy:
    """A line will not be there on the day it was ``promised``. ``expected`` and ``days_late`` are
    missing when nothing is known that would fill it; ``alternative`` would keep the day."""

    line_id: str
    promised: date
    severity: str
    reason: str
    expected: date | None = None
    days_late: int | None = None
    alternative: tuple[PromisedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class PromiseRestored:
    """A line that was in jeopardy will be there in time after all."""

    line_id: str
    promised: date
    expected: date


@dataclass(frozen=True, slots=True)
class PromiseMoved:
    """A line comes from elsewhere, so that its day is kept."""

    line_id: str
    promised: date
    expected: date
    parts: tuple[PromisedPart, ...]
    reason: str


Event = (
    OrderCaptured
    | SourcingPlanned
    | OrderSourced
    | OrderBackordered
    | BackorderReleased
    | ReservationTakenBack
    | OrderOutOfStock
    | ReservationReleased
    | OrderReleased
    | FulfillmentAccepted
    | FulfillmentPicked
    | FulfillmentPacked
    | FulfillmentShipped
    | FulfillmentDelivered
    | DeliveryFailed
    | DeliveryRecovered
    | FulfillmentWithdrawn
    | FulfillmentRejected
    | FulfillmentReduced
    | FulfillmentSplit
    | FulfillmentsMerged
    | FulfillmentMoved
    | FulfillmentReady
    | FulfillmentHandedOver
    | FulfillmentUncollected
    | ShipmentJoined
    | UnitsRouted
    | UnitsBackordered
    | RoutingFailed
    | RoutingResolved
    | ReservationReduced
    | ReservationMoved
    | UnitsCancelled
    | LinesAdded
    | AddressChanged
    | FulfillmentOverdue
    | CancelRequested
    | OrderCancelled
    | OrderCompleted
    | ExceptionRaised
    | LifecycleResumed
    | PromiseInJeopardy
    | PromiseRestored
    | PromiseMoved
    | MoneyEvent
    | ReturnEvent
)


def type_of(event_class: type[Event]) -> str:
    """``FulfillmentShipped`` → ``fulfillment_shipped``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_class.__name__).lower()


CLASS_BY_TYPE: dict[str, type[Event]] = {
    type_of(event_class): event_class for event_class in Event.__args__
}
TYPE_BY_CLASS: dict[type[Event], str] = {
    event_class: name for name, event_class in CLASS_BY_TYPE.items()
}
