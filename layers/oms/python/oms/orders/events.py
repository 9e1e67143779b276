"""What can happen to an order. An event's type on the bus is its class name in snake case."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from oms.orders.model import Allocation, Content, Fulfillment, PromisedPart


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


@dataclass(frozen=True, slots=True)
class OrderSourced:
    """Stock is reserved. ``reason`` says in words why ``rule`` chose these nodes. ``promised``,
    here and in other events: the order was captured with a promise."""

    allocations: tuple[Allocation, ...]
    rule: str
    reason: str
    promised: bool = False


@dataclass(frozen=True, slots=True)
class OrderBackordered:
    """Nothing was reserved; ``line_ids`` are the lines that no set of nodes could fill."""

    line_ids: tuple[str, ...]
    reason: str
    promised: bool = False


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


@dataclass(frozen=True, slots=True)
class ReservationReleased:
    """What the order held is free again; others may be waiting for these SKUs."""

    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentPending:
    """The customer or the provider has yet to act. ``instructions``: a Pix code, a boleto line."""

    payment_id: str
    amount: int
    reference: str
    key: str
    expires_at: datetime | None = None
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class PaymentAuthorized:
    """``amount`` is in minor units of the order's currency; ``key`` is the provider event's."""

    payment_id: str
    amount: int
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    payment_id: str
    code: str
    key: str


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    payment_id: str
    amount: int
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class VoidRequested:
    """An authorisation arrived, or may have been made, for an order that no longer wants it."""

    payment_id: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    payment_id: str
    amount: int
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class RefundRequested:
    refund_id: str
    payment_id: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    refund_id: str
    payment_id: str
    amount: int
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class RefundFailed:
    refund_id: str
    payment_id: str
    amount: int
    code: str
    key: str


@dataclass(frozen=True, slots=True)
class OrderReleased:
    fulfillments: tuple[Fulfillment, ...]


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
    fulfillment_id: str
    carrier: str
    tracking_number: str
    promised: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentDelivered:
    fulfillment_id: str


@dataclass(frozen=True, slots=True)
class FulfillmentWithdrawn:
    fulfillment_id: str


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
    | PaymentPending
    | PaymentAuthorized
    | PaymentDeclined
    | PaymentCaptured
    | VoidRequested
    | PaymentVoided
    | RefundRequested
    | PaymentRefunded
    | RefundFailed
    | OrderReleased
    | FulfillmentAccepted
    | FulfillmentPicked
    | FulfillmentPacked
    | FulfillmentShipped
    | FulfillmentDelivered
    | FulfillmentWithdrawn
    | FulfillmentOverdue
    | CancelRequested
    | OrderCancelled
    | OrderCompleted
    | ExceptionRaised
    | LifecycleResumed
    | PromiseInJeopardy
    | PromiseRestored
    | PromiseMoved
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
