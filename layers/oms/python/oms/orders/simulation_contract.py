"""The JSON of simulated sourcing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Identifier, Quantity, View
from oms.orders.model import Order
from oms.routing.contract import SourcingPolicyDocument

if TYPE_CHECKING:
    from oms.orders.replay import Parcel, Placement, Replayed
    from oms.orders.simulation import Simulation


# Orders that a simulation reads, and routes again, in one call.
MOST_REPLAYED = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """The ``last`` orders of a channel, or those that are named."""

    channel: str = ""
    last: int = 50
    order_ids: tuple[str, ...] = ()


class SimulateSourcingDocument(Document):
    """A policy, and the orders to replay under it: the ``last`` of a channel, or those named."""

    policy: SourcingPolicyDocument
    channel: Identifier | None = None
    last: Annotated[int, Field(ge=1, le=MOST_REPLAYED)] = 50
    order_ids: Annotated[tuple[Identifier, ...], Field(max_length=MOST_REPLAYED)] = ()


class SimulatedUnitsView(View):
    line_id: str
    sku: str
    quantity: Quantity


class SimulatedParcelView(View):
    node: str
    cost: str
    late_days: int
    lines: list[SimulatedUnitsView]


class SimulatedPlacementView(View):
    rule: str
    reason: str
    cost: str = Field(description="Carriage and handling, in the order's currency")
    late_days: int = Field(description="Of its last parcel, against the promise")
    parcels: list[SimulatedParcelView]
    unfilled: list[SimulatedUnitsView]


class SimulatedOrderView(View):
    order_id: str
    channel_order_id: str
    currency: str
    recorded: SimulatedPlacementView
    proposed: SimulatedPlacementView


class SimulatedCostView(View):
    amount: str
    currency: str


class SimulatedLoadView(View):
    node: str
    parcels: int
    lines: int


class SimulatedTotalsView(View):
    """``late_days`` are of each order's last parcel."""

    costs: list[SimulatedCostView] = Field(description="By currency: carriage and handling")
    parcels: int
    split_orders: int
    late_orders: int
    late_days: int
    unfilled_orders: int
    unfilled_lines: int
    nodes: list[SimulatedLoadView]


class SimulatedSourcingView(View):
    """``recorded`` is where the orders come from as they stand, ``proposed`` where they would."""

    orders: int = Field(description="That were replayed")
    left_out: int = Field(description="Cancelled, or fulfilled by their channel")
    unread: int = Field(description="That there was no time for; ask for fewer")
    recorded: SimulatedTotalsView
    proposed: SimulatedTotalsView
    differences: list[SimulatedOrderView] = Field(
        description="The orders that would come from elsewhere, in the order of their capture"
    )


def selection_of(document: SimulateSourcingDocument) -> Selection:
    return Selection(document.channel or "", document.last, document.order_ids)


def simulation_view(simulation: "Simulation") -> SimulatedSourcingView:
    return SimulatedSourcingView(
        orders=len(simulation.orders),
        left_out=simulation.left_out,
        unread=simulation.unread,
        recorded=_totals(simulation.orders, lambda one: one.recorded),
        proposed=_totals(simulation.orders, lambda one: one.proposed),
        differences=[
            SimulatedOrderView(
                order_id=one.order.order_id,
                channel_order_id=one.order.content.channel_order_id,
                currency=one.order.content.currency,
                recorded=_placement(one.recorded, one.order),
                proposed=_placement(one.proposed, one.order),
            )
            for one in simulation.orders
            if one.differs
        ],
    )


def _totals(
    orders: Iterable["Replayed"], placement_of: Callable[["Replayed"], "Placement"]
) -> SimulatedTotalsView:
    found = [(one.order.content.currency, placement_of(one)) for one in orders]
    costs: dict[str, int] = {}
    loads: dict[str, tuple[int, int]] = {}
    for currency, placement in found:
        costs[currency] = costs.get(currency, 0) + placement.cost
        for parcel in placement.parcels:
            parcels, lines = loads.get(parcel.node, (0, 0))
            loads[parcel.node] = (parcels + 1, lines + len(parcel.units))
    placements = [placement for _, placement in found]
    return SimulatedTotalsView(
        costs=[
            SimulatedCostView(amount=str(Money(minor, currency)), currency=currency)
            for currency, minor in sorted(costs.items())
        ],
        parcels=sum(len(one.parcels) for one in placements),
        split_orders=sum(one.is_split for one in placements),
        late_orders=sum(one.late > 0 for one in placements),
        late_days=sum(one.late for one in placements),
        unfilled_orders=sum(bool(one.unfilled) for one in placements),
        unfilled_lines=sum(len(one.unfilled) for one in placements),
        nodes=[
            SimulatedLoadView(node=node, parcels=parcels, lines=lines)
            for node, (parcels, lines) in sorted(loads.items())
        ],
    )


def _placement(placement: "Placement", order: Order) -> SimulatedPlacementView:
    return SimulatedPlacementView(
        rule=placement.rule,
        reason=placement.reason,
        cost=_amount(placement.cost, order),
        late_days=placement.late,
        parcels=[_parcel(parcel, order) for parcel in placement.parcels],
        unfilled=_units(placement.unfilled, order),
    )


def _parcel(parcel: "Parcel", order: Order) -> SimulatedParcelView:
    return SimulatedParcelView(
        node=parcel.node,
        cost=_amount(parcel.cost, order),
        late_days=parcel.late,
        lines=_units(parcel.units, order),
    )


def _amount(minor: int, order: Order) -> str:
    return str(Money(minor, order.content.currency))


def _units(units: Mapping[str, int], order: Order) -> list[SimulatedUnitsView]:
    return [
        SimulatedUnitsView(
            line_id=line.line_id,
            sku=line.sku,
            quantity=Decimal(quantity_number(units[line.line_id], line.scale)),
        )
        for line in order.content.lines
        if line.line_id in units
    ]
