"""Orders that were delivered and paid for, and returns of them, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from oms.catalog.model import Item
from oms.kernel.ids import fulfillment_id
from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.model import Fulfillment, FulfillmentLine, Line, Order
from oms.returns import asking, decisions
from oms.returns.asking import AskedReturn, Grounds
from oms.returns.decisions import AskedReceipt, Findings
from oms.returns.model import Disposition, Return, ReturnLine
from oms.returns.policy import BUILT_IN, ReturnPolicy
from tests.samples import NOW, allocated, captured, given

DELIVERED_AT = NOW + timedelta(days=2)
LATER = DELIVERED_AT + timedelta(days=5)
HERE, THERE = "sp-dc", "rj-store"


def paid(order: Order) -> Order:
    payment = order.payments.each[0]
    amount = order.due.minor
    return given(
        order,
        happened.OrderSourced(allocated(order), "rule", "why"),
        happened.PaymentAuthorized(payment.id, amount, "auth", "authorized"),
        happened.PaymentCaptured(payment.id, amount, "cap", "captured"),
    )


def brought(order: Order, *parts: Mapping[str, int]) -> Order:
    """Delivered in these parts; in one when none are named."""
    whole = {line.line_id: line.quantity for line in order.content.lines}
    fulfillments = tuple(
        Fulfillment(
            fulfillment_id(order.order_id, number),
            HERE,
            tuple(FulfillmentLine(line_id, units) for line_id, units in part.items()),
        )
        for number, part in enumerate(parts or (whole,), start=1)
    )
    order = given(order, happened.OrderReleased(fulfillments))
    for part in fulfillments:
        order = given(
            order,
            happened.FulfillmentShipped(part.id, "carrier", f"T-{part.id}"),
            happened.FulfillmentDelivered(part.id),
        )
    return given(order, happened.OrderCompleted())


def delivered(*lines: Line) -> Order:
    return brought(paid(captured(*lines)))


def grounds(order: Order, at: datetime = DELIVERED_AT, **items: Item) -> Grounds:
    return Grounds({part.id: at for part in order.progress.fulfillments}, items)


def asked(units: Mapping[str, int], reason: str = "", **more: Any) -> AskedReturn:
    lines = tuple(ReturnLine(line_id, quantity, reason) for line_id, quantity in units.items())
    return replace(AskedReturn(lines), **more)


def request(
    order: Order,
    units: Mapping[str, int],
    policy: ReturnPolicy = BUILT_IN,
    at: datetime = LATER,
    **more: Any,
) -> Order:
    return after(order, asking.request(order, asked(units, **more), policy, grounds(order), at))


def receive(
    order: Order,
    name: str = "r1",
    units: Mapping[str, int] | None = None,
    node: str = THERE,
    policy: ReturnPolicy = BUILT_IN,
    *,
    refuse_surplus: bool = False,
) -> Order:
    receipt = AskedReceipt(name, node, units, refuse_surplus)
    return after(order, decisions.receive(order, last(order).id, receipt, policy, LATER))


def inspect(
    order: Order,
    findings: Mapping[str, Mapping[Disposition, int]],
    name: str = "i1",
    node: str = THERE,
    policy: ReturnPolicy = BUILT_IN,
) -> Order:
    told = [Findings(line_id, found) for line_id, found in findings.items()]
    events = decisions.inspect(order, last(order).id, name, node, told, policy, LATER)
    return after(order, events)


def after(order: Order, events: Sequence[Event]) -> Order:
    return given(order, *events)


def last(order: Order) -> Return:
    return order.progress.returns[-1]
