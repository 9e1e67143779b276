"""How what happens to a return changes its order. Total: deciding is elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from oms.orders.events import Event
from oms.orders.model import FulfillmentState, Order
from oms.orders.units import move, with_fulfillment
from oms.returns import events as happened
from oms.returns.model import Exchange, Resolution, Return, ReturnState, state_by_units


def _requested(order: Order, event: happened.ReturnRequested) -> Order:
    return order.with_progress(returns=(*order.progress.returns, event.requested))


def _approved(order: Order, event: happened.ReturnApproved) -> Order:
    return _with(order, event.return_id, state=ReturnState.APPROVED)


def _rejected(order: Order, event: happened.ReturnRejected) -> Order:
    return _with(order, event.return_id, state=ReturnState.REJECTED, ended_because=event.reason)


def _cancelled(order: Order, event: happened.ReturnCancelled) -> Order:
    return _with(order, event.return_id, state=ReturnState.CANCELLED, ended_because=event.reason)


def _label_requested(order: Order, event: happened.ReturnLabelRequested) -> Order:
    return _with(order, event.return_id, label=event.label)


def _labelled(order: Order, event: happened.ReturnLabelled) -> Order:
    label = _found(order, event.return_id).label
    assert label is not None
    bought = replace(
        label,
        tracking_number=event.tracking_number,
        reference=event.reference,
        cost=event.cost,
    )
    return _with(order, event.return_id, label=bought)


def _tracked(order: Order, event: happened.ReturnTracked) -> Order:
    label = _found(order, event.return_id).label
    assert label is not None
    reported = replace(label, status=event.status, reported_at=event.at)
    return _with(order, event.return_id, label=reported)


def _received(order: Order, event: happened.ReturnReceived) -> Order:
    """The customer has them no more."""
    units = {one.line_id: one.quantity for one in event.receipt.units}
    receipts = (*_found(order, event.return_id).receipts, event.receipt)
    order = _moved_on(order, event.return_id, receipts=receipts)
    return move(order, units, "delivered", "returned")


def _inspected(order: Order, event: happened.ReturnInspected) -> Order:
    inspections = (*_found(order, event.return_id).inspections, event.inspection)
    return _moved_on(order, event.return_id, inspections=inspections)


def _resolved(order: Order, event: happened.ReturnResolved) -> Order:
    found = _found(order, event.return_id)
    settlements = found.settlements
    if event.settlement.lines:
        settlements = (*settlements, event.settlement)
    return _moved_on(
        order, event.return_id, settlements=settlements, closed=found.closed or event.closes
    )


def _drafted(order: Order, event: happened.ExchangeDrafted) -> Order:
    before = _found(order, event.return_id).exchange or Exchange()
    drafted = replace(
        before,
        wanted=event.wanted,
        edits=before.edits + 1,
        returned=event.returned,
        total=event.total,
    )
    return _with(order, event.return_id, exchange=drafted)


def _confirmed(order: Order, event: happened.ExchangeConfirmed) -> Order:
    before = _found(order, event.return_id).exchange or Exchange()
    confirmed = replace(
        before,
        wanted="",
        order_id=event.order_id,
        returned=event.returned,
        total=event.total,
        paid=event.paid,
        collected=event.collected,
        repaid=event.repaid,
        return_by=event.return_by,
        charge=event.charge,
    )
    return _with(order, event.return_id, exchange=confirmed, resolution=Resolution.EXCHANGE)


def _charged(order: Order, event: happened.ExchangeCharged) -> Order:
    """What was granted for goods that never came is granted no more."""
    granted = order.progress.granted - event.amount
    return _with_charge(order.with_progress(granted=granted), event.return_id, event.amount)


def _credited(order: Order, event: happened.ExchangeCredited) -> Order:
    """The refund beside it grants it again."""
    return _with_charge(order, event.return_id, -event.amount)


def _with_charge(order: Order, return_id: str, amount: int) -> Order:
    exchange = _found(order, return_id).exchange or Exchange()
    return _with(order, return_id, exchange=replace(exchange, charged=exchange.charged + amount))


def _came_back(order: Order, event: happened.FulfillmentCameBack) -> Order:
    """Its units are open: whoever hears of it sends them again, unless they are cancelled."""
    units = {one.line_id: one.quantity for one in event.units}
    order = with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.RETURNED,
        brought_back=event.receipt,
    )
    return move(order, units, "shipped", "")


def _moved_on(order: Order, return_id: str, **changes: Any) -> Order:
    changed = replace(_found(order, return_id), **changes)
    return _with(order, return_id, **changes, state=state_by_units(changed))


def _found(order: Order, return_id: str) -> Return:
    return next(one for one in order.progress.returns if one.id == return_id)


def _with(order: Order, return_id: str, **changes: Any) -> Order:
    return order.with_progress(
        returns=tuple(
            replace(one, **changes) if one.id == return_id else one
            for one in order.progress.returns
        )
    )


CHANGES: dict[type[Event], Callable[..., Order]] = {
    happened.ReturnRequested: _requested,
    happened.ReturnApproved: _approved,
    happened.ReturnRejected: _rejected,
    happened.ReturnCancelled: _cancelled,
    happened.ReturnLabelRequested: _label_requested,
    happened.ReturnLabelled: _labelled,
    happened.ReturnTracked: _tracked,
    happened.ReturnReceived: _received,
    happened.ReturnInspected: _inspected,
    happened.ReturnResolved: _resolved,
    happened.ExchangeDrafted: _drafted,
    happened.ExchangeConfirmed: _confirmed,
    happened.ExchangeCharged: _charged,
    happened.ExchangeCredited: _credited,
    happened.FulfillmentCameBack: _came_back,
}
