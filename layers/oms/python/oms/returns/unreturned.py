"""Goods that were exchanged in advance and did not come, and money that a new order gives back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.orders.store import Orders
from oms.payments.providers import RefundRequest
from oms.returns import advance

TRIED_AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Expected:
    """Goods that are to come ``until`` then."""

    return_id: str
    until: datetime


class ExpectedReturns(Protocol):
    def expect(self, expected: Expected) -> Write:
        """A write that remembers until when they are to come."""

    def overdue(self, now: datetime, limit: int) -> tuple[Expected, ...]:
        """Those whose day has passed, the oldest first."""

    def forget(self, expected: Expected) -> None: ...

    def put_off(self, expected: Expected, until: datetime) -> None:
        """It is overdue again from then on."""


def charge_unreturned(orders: Orders, expected: ExpectedReturns, cause: Cause, limit: int) -> int:
    """Charge what did not come by ``cause.at``, of at most ``limit`` returns: how many were.
    What fails is tried again later and holds up no other, however many fail; the last failure is
    raised."""
    failure: Exception | None = None
    charged = 0
    for each in expected.overdue(cause.at, limit):
        try:
            charged += charge(each.return_id, orders, cause)
            expected.forget(each)
        except Exception as error:
            failure = error
            expected.put_off(each, cause.at + TRIED_AGAIN_AFTER)
    if failure:
        raise failure
    return charged


def charge(return_id: str, orders: Orders, cause: Cause) -> bool:
    """Whether anything was charged: once, however often it is looked at."""
    order = orders.load(order_of(return_id))
    after = execute(
        orders, order.order_id, lambda found: advance.charge(found, return_id, cause.at), cause
    )
    return after.version > order.version


def give_back(request: RefundRequest, orders: Orders, cause: Cause) -> str:
    """What an exchange had paid of an order goes back to the order that the goods came from, once
    for its key: its reference. Raises ``Conflict`` (``refund_above_captured``)."""
    return_id = orders.load(request.order_id).content.exchange_of
    if not return_id:
        raise Conflict("no exchange paid this order", code="refund_above_captured")
    amount, key = request.amount.minor, request.idempotency_key

    def decide(order: Order) -> Events:
        return advance.given_back(order, return_id, amount, key, cause.at)

    execute(orders, order_of(return_id), decide, cause)
    return f"{return_id}:{key}"
