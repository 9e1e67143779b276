"""What can happen to a return. They are events of its order."""

from dataclasses import dataclass
from datetime import datetime

from oms.returns.model import (
    ChargeMeans,
    Inspection,
    Receipt,
    Return,
    ReturnLabel,
    ReturnUnits,
    Settlement,
)


@dataclass(frozen=True, slots=True)
class ReturnRequested:
    """``requested`` is as it was asked for; ``value``: what its units are worth."""

    return_id: str
    requested: Return
    value: int = 0


@dataclass(frozen=True, slots=True)
class ReturnApproved:
    """``by_policy``: nobody had to."""

    return_id: str
    by_policy: bool = False


@dataclass(frozen=True, slots=True)
class ReturnRejected:
    return_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnCancelled:
    return_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReturnLabelRequested:
    """The service is chosen, and the carrier about to be asked."""

    return_id: str
    label: ReturnLabel


@dataclass(frozen=True, slots=True)
class ReturnLabelled:
    """The customer has a label to send it back with."""

    return_id: str
    tracking_number: str
    reference: str
    cost: int


@dataclass(frozen=True, slots=True)
class ReturnTracked:
    """A carrier reported on the parcel, ``at`` its own time."""

    return_id: str
    tracking_number: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnReceived:
    """Some of it, or the rest, is at a node."""

    return_id: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ReturnInspected:
    """``restocked``: the SKUs of which there is more to sell now."""

    return_id: str
    inspection: Inspection
    restocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnResolved:
    """What the customer gets for units that came back. With ``closes`` no more is expected."""

    return_id: str
    settlement: Settlement
    closes: bool = False


@dataclass(frozen=True, slots=True)
class FulfillmentCameBack:
    """A parcel that did not reach its customer is at ``node``: its units are open, to be sent
    again, unless they are cancelled with it. ``undelivered`` is why it came back, if a carrier said
    so, ``receipt`` what it is known by again."""

    fulfillment_id: str
    node: str
    units: tuple[ReturnUnits, ...]
    send_again: bool = False
    undelivered: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeDrafted:
    """``wanted``, the JSON of what was asked for, comes to ``total``, and what comes back to
    ``returned``."""

    return_id: str
    wanted: str
    returned: int
    total: int


@dataclass(frozen=True, slots=True)
class ExchangeConfirmed:
    """There is an order for what comes back; the amounts are those of ``Exchange``."""

    return_id: str
    order_id: str
    returned: int
    total: int
    paid: int
    collected: int = 0
    repaid: int = 0
    return_by: datetime | None = None
    charge: ChargeMeans | None = None


@dataclass(frozen=True, slots=True)
class ExchangeCharged:
    """Of what was exchanged in advance and did not come ``amount`` is due again: it is charged, or
    what the new order gave back is kept for it."""

    return_id: str
    amount: int
    payment_id: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeCredited:
    """It came after all: ``amount`` of what was charged is due no more."""

    return_id: str
    amount: int


ReturnEvent = (
    ReturnRequested
    | ReturnApproved
    | ReturnRejected
    | ReturnCancelled
    | ReturnLabelRequested
    | ReturnLabelled
    | ReturnTracked
    | ReturnReceived
    | ReturnInspected
    | ReturnResolved
    | ExchangeDrafted
    | ExchangeConfirmed
    | ExchangeCharged
    | ExchangeCredited
    | FulfillmentCameBack
)
