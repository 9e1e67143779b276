"""A return: what of an order is to come back, what came, what became of it, and the money for it.

It is a part of its order: its events are the order's, its id names the order. Quantities are in
units of the line's scale, amounts in minor units of the order's currency.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReturnState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    PARTIALLY_RECEIVED = "partially_received"
    RECEIVED = "received"
    INSPECTED = "inspected"
    RESOLVED = "resolved"


class Origin(StrEnum):
    """Who asks for it."""

    CUSTOMER = "customer"
    STORE = "store"
    AGENT = "agent"


class Disposition(StrEnum):
    """What becomes of a unit that came back."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    DAMAGED = "damaged"
    WRITE_OFF = "write_off"
    BACK_TO_SUPPLIER = "back_to_supplier"


class Resolution(StrEnum):
    """What the customer gets for it; ``none``: nothing."""

    REFUND = "refund"
    STORE_CREDIT = "store_credit"
    EXCHANGE = "exchange"
    NONE = "none"


class Payer(StrEnum):
    """Who pays the return's label."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


class ReturnKind(StrEnum):
    """A claim says that what came was not what should have come: damaged, wrong, or nothing."""

    RETURN = "return"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class ReturnUnits:
    """Units of an order's line."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """``reason`` is a word of the policy's. ``proof``: where what proves it can be seen."""

    line_id: str
    quantity: int
    reason: str = ""
    note: str = ""
    proof: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parcel, or what was handed in at a counter. ``id`` is its sender's, so that it is counted
    once. ``refused`` was in it and was not asked for: it goes back to the customer."""

    id: str
    node: str
    at: datetime
    units: tuple[ReturnUnits, ...]
    refused: tuple[ReturnUnits, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspected:
    line_id: str
    disposition: Disposition
    quantity: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found at the node that had received it; ``id`` as of a receipt."""

    id: str
    node: str
    at: datetime
    units: tuple[Inspected, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Valued:
    """What units of a line come to, and what of it is kept as a restocking fee."""

    line_id: str
    quantity: int
    worth: int
    fee: int = 0

    @property
    def amount(self) -> int:
        return self.worth - self.fee


@dataclass(frozen=True, slots=True)
class Settlement:
    """The money for units that came back: ``amount`` is what the lines come to less their fees,
    plus ``shipping``, less the ``label`` that the customer pays, or less than that when a person
    decided so. ``refund_id``: how it is paid, where it is. ``account``: the store credit's."""

    resolution: Resolution
    lines: tuple[Valued, ...]
    amount: int
    shipping: int = 0
    label: int = 0
    refund_id: str = ""
    account: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReturnLabel:
    """A parcel's label from the customer to ``node``. Until it is bought it has no
    ``tracking_number``. ``status`` is what the carrier last reported, at ``reported_at``."""

    key: str
    node: str
    service: str
    carrier: str
    labels_by: str
    paid_by: Payer = Payer.MERCHANT
    weight_grams: int = 0
    tracking_number: str = ""
    reference: str = ""
    cost: int = 0
    status: str = ""
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargeMeans:
    """What is charged if goods that were exchanged in advance never come."""

    method: str
    provider: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An order that stands for what comes back, and the one settlement between the two.

    ``wanted`` is the JSON of what was asked for last, after so many ``edits``; it comes to
    ``total``, what comes back to ``returned``. Once it is confirmed the order says what was wanted,
    and there is ``order_id``: what came back has ``paid`` so much of it, ``collected`` the customer
    pays, ``repaid`` she gets back.
    In advance: the goods are to come by ``return_by``; ``charged`` of their worth is due again.
    """

    wanted: str = ""
    edits: int = 0
    returned: int = 0
    total: int = 0
    order_id: str = ""
    paid: int = 0
    collected: int = 0
    repaid: int = 0
    return_by: datetime | None = None
    charge: ChargeMeans | None = None
    charged: int = 0


# What counts for nothing any more: its units are as if nobody had asked for them.
DEAD = frozenset({ReturnState.REJECTED, ReturnState.CANCELLED})
# A person or the policy has yet to say yes.
BEFORE_APPROVAL = frozenset({ReturnState.REQUESTED, *DEAD})


@dataclass(frozen=True, slots=True)
class Return:
    """``key`` is what the request is known by again. ``policy`` in its ``policy_version`` is the
    one that it is under for good. ``needs_approval`` says why a person must approve it,
    ``overridden`` why somebody accepted it after its window, ``ended_because`` why it was rejected
    or cancelled. When it is ``closed`` no more of it is expected. With ``keeps_goods`` the
    customer need not send them."""

    id: str
    lines: tuple[ReturnLine, ...]
    requested_at: datetime
    state: ReturnState = ReturnState.REQUESTED
    origin: Origin = Origin.CUSTOMER
    resolution: Resolution = Resolution.REFUND
    account: str = ""
    policy: str = ""
    policy_version: int = 0
    key: str = ""
    needs_approval: str = ""
    overridden: str = ""
    ended_because: str = ""
    receipts: tuple[Receipt, ...] = ()
    inspections: tuple[Inspection, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    label: ReturnLabel | None = None
    closed: bool = False
    kind: ReturnKind = ReturnKind.RETURN
    keeps_goods: bool = False
    exchange: Exchange | None = None

    @property
    def is_live(self) -> bool:
        return self.state not in DEAD

    def line(self, line_id: str) -> ReturnLine | None:
        return next((line for line in self.lines if line.line_id == line_id), None)

    @property
    def asked(self) -> dict[str, int]:
        """Units by line that were asked to come back."""
        return {line.line_id: line.quantity for line in self.lines}

    @property
    def received(self) -> dict[str, int]:
        return _summed(one for receipt in self.receipts for one in receipt.units)

    @property
    def refused(self) -> dict[str, int]:
        return _summed(one for receipt in self.receipts for one in receipt.refused)

    @property
    def inspected(self) -> dict[str, int]:
        return _summed(one for inspection in self.inspections for one in inspection.units)

    @property
    def settled(self) -> dict[str, int]:
        return _summed(one for settlement in self.settlements for one in settlement.lines)

    @property
    def expected(self) -> dict[str, int]:
        """Units by line that are still to come."""
        if self.closed or self.keeps_goods or not self.is_live:
            return {}
        return left_of(self.asked, self.received)

    @property
    def uninspected(self) -> dict[str, int]:
        return left_of(self.received, self.inspected)

    def uninspected_at(self, node: str) -> dict[str, int]:
        received = _summed(
            one for receipt in self.receipts if receipt.node == node for one in receipt.units
        )
        inspected = _summed(
            one
            for inspection in self.inspections
            if inspection.node == node
            for one in inspection.units
        )
        return left_of(received, inspected)

    @property
    def unsettled(self) -> dict[str, int]:
        return left_of(self.asked if self.keeps_goods else self.received, self.settled)

    @property
    def dispositions(self) -> dict[tuple[str, Disposition], int]:
        """Units by line and by what became of them."""
        found: dict[tuple[str, Disposition], int] = {}
        for one in (one for inspection in self.inspections for one in inspection.units):
            key = (one.line_id, one.disposition)
            found[key] = found.get(key, 0) + one.quantity
        return found

    @property
    def amount(self) -> int:
        """What the customer got for it so far."""
        return sum(settlement.amount for settlement in self.settlements)

    @property
    def exchanged_for(self) -> str:
        """The order that was made for it, once it was."""
        return self.exchange.order_id if self.exchange else ""


def state_by_units(found: Return) -> ReturnState:
    """Where an approved return stands, by what has come, was looked at, and is paid for."""
    if found.keeps_goods:
        return ReturnState.APPROVED if found.unsettled else ReturnState.RESOLVED
    if found.expected:
        return ReturnState.PARTIALLY_RECEIVED if found.received else ReturnState.APPROVED
    if found.uninspected:
        return ReturnState.RECEIVED
    return ReturnState.INSPECTED if found.unsettled else ReturnState.RESOLVED


def _summed(units: Iterable[ReturnUnits | Inspected | Valued]) -> dict[str, int]:
    by_line: dict[str, int] = {}
    for one in units:
        by_line[one.line_id] = by_line.get(one.line_id, 0) + one.quantity
    return by_line


def left_of(units: dict[str, int], without: dict[str, int]) -> dict[str, int]:
    """What is left; what came in advance may be more than there is."""
    left = {line_id: quantity - without.get(line_id, 0) for line_id, quantity in units.items()}
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}
