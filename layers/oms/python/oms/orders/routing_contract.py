"""The JSON of an order's routing: each decision on where its lines come from, and why."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import cast

from pydantic import Field

from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_plain
from oms.kernel.events import Envelope
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Quantity, View
from oms.orders.events import (
    OrderBackordered,
    OrderOutOfStock,
    OrderSourced,
    ReservationMoved,
    RoutingFailed,
    SourcingPlanned,
    UnitsBackordered,
    UnitsRouted,
)
from oms.orders.model import Allocation, Order, Units
from oms.routing.evidence import Evidence


class TriedRuleView(View):
    rule: str
    why: str


class RankedNodeView(View):
    """``ranks`` by ranker: 1 is the best, null says that it knew nothing of the node."""

    node: str
    chosen: bool
    ranks: dict[str, int | None]


class RoutingEvidenceView(View):
    """``tried``: the rules before the one that decided, and why they did not. ``others`` counts the
    nodes that are not named by what excluded them; version 0 is of the built-in policy."""

    policy: str
    version: int
    rule: str
    tried: list[TriedRuleView]
    rankers: list[str]
    candidates: list[RankedNodeView]
    others: dict[str, int]


class RoutedUnitsView(View):
    """``node`` is empty for units that got none. ``how``: ``stock``, ``drop_ship``, ``make`` or
    ``component`` (stock that goes into what is made)."""

    line_id: str
    sku: str
    quantity: Quantity
    node: str = ""
    how: str = ""


class RoutingDecisionView(View):
    """``decided`` is the event's type. ``evidence`` has one member for each way that lines of the
    order go; it is empty for what was decided without a policy, as by a promise."""

    version: int
    at: str
    by: str
    decided: str
    rule: str
    reason: str
    units: list[RoutedUnitsView]
    without_node: list[RoutedUnitsView]
    evidence: list[RoutingEvidenceView]


class OrderRoutingView(View):
    order_id: str
    unroutable: str = Field(description="Why no node is left and a person must decide")
    decisions: list[RoutingDecisionView]


_Decision = (
    SourcingPlanned
    | OrderSourced
    | ReservationMoved
    | OrderBackordered
    | OrderOutOfStock
    | UnitsRouted
    | UnitsBackordered
    | RoutingFailed
)
_DECISIONS: Mapping[str, type] = {
    "sourcing_planned": SourcingPlanned,
    "order_sourced": OrderSourced,
    "order_backordered": OrderBackordered,
    "order_out_of_stock": OrderOutOfStock,
    "reservation_moved": ReservationMoved,
    "units_routed": UnitsRouted,
    "units_backordered": UnitsBackordered,
    "routing_failed": RoutingFailed,
}


def routing_view(order: Order, history: Iterable[Envelope]) -> OrderRoutingView:
    return OrderRoutingView(
        order_id=order.order_id,
        unroutable=order.progress.unroutable,
        decisions=[
            _decision(order, envelope) for envelope in history if envelope.type in _DECISIONS
        ],
    )


def _decision(order: Order, envelope: Envelope) -> RoutingDecisionView:
    event = cast(_Decision, from_plain(envelope.data, _DECISIONS[envelope.type]))
    units = list(_routed(order, event))
    chosen = {one.node for one in units}
    return RoutingDecisionView(
        version=envelope.version,
        at=rfc3339(envelope.at),
        by=envelope.by,
        decided=envelope.type,
        rule=getattr(event, "rule", ""),
        reason=event.reason,
        units=units,
        without_node=list(_without_node(order, event)),
        evidence=_evidence_views(event.evidence, getattr(event, "rule", ""), chosen),
    )


def _routed(order: Order, event: _Decision) -> Iterator[RoutedUnitsView]:
    if isinstance(event, SourcingPlanned | OrderSourced | ReservationMoved):
        for one in event.allocations:
            yield _units(order, one.line_id, one.quantity, one.node, _how(one), one.sku)
    if isinstance(event, UnitsRouted):
        for part in event.fulfillments:
            how = "drop_ship" if part.drop_ship else "make" if part.make else "stock"
            for line in part.lines:
                as_what = "component" if line.component else how
                yield _units(order, line.line_id, line.quantity, part.node, as_what, line.sku)


def _how(allocation: Allocation) -> str:
    if allocation.component:
        return "component"
    return "drop_ship" if allocation.drop_ship else "make" if allocation.make else "stock"


def _without_node(order: Order, event: _Decision) -> Iterator[RoutedUnitsView]:
    if isinstance(event, OrderBackordered):
        for line_id in event.line_ids:
            yield _units(order, line_id, order.content.line(line_id).quantity)
    if isinstance(event, UnitsBackordered | RoutingFailed):
        for one in event.units:
            assert isinstance(one, Units)
            yield _units(order, one.line_id, one.quantity)


def _units(
    order: Order, line_id: str, quantity: int, node: str = "", how: str = "", sku: str = ""
) -> RoutedUnitsView:
    """A component is counted in units of its own scale, which the order does not know."""
    line = order.content.line(line_id)
    scale = line.scale if how != "component" else 0
    return RoutedUnitsView(
        line_id=line_id,
        sku=sku or line.sku,
        quantity=Decimal(quantity_number(quantity, scale)),
        node=node,
        how=how,
    )


def _evidence_views(
    evidence: Evidence | None, rule: str, chosen: set[str]
) -> list[RoutingEvidenceView]:
    """Of an event that names the ``rule`` it is not kept in the evidence."""
    if evidence is None:
        return []
    return [
        RoutingEvidenceView(
            policy=one.policy,
            version=one.version,
            rule=one.rule or rule,
            tried=[TriedRuleView(rule=tried.rule, why=tried.why) for tried in one.tried],
            rankers=list(one.rankers),
            candidates=[
                RankedNodeView(
                    node=node.node,
                    chosen=node.node in chosen,
                    ranks=dict(zip(one.rankers, node.ranks, strict=False)),
                )
                for node in one.candidates
            ],
            others=dict(one.others),
        )
        for one in (evidence, *evidence.also)
    ]
