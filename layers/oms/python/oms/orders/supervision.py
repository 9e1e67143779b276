"""Waiting, and what to do when waiting has been too long.

Whoever waits leaves its token first and looks second: what happened before the token was there is
seen by the look, what happens after it is told through the token. Nothing falls between.
"""

from dataclasses import dataclass
from typing import Protocol

from oms.catalog.store import Catalog
from oms.inventory.store import Stock
from oms.kernel.events import Cause
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.model import Order, State
from oms.orders.sourcing import what_can_ship
from oms.orders.store import AwaitedToken, Orders

WOKEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a wait ends: with an outcome, or with the name of an error to be caught."""

    outcome: str = ""
    error: str = ""


class Lifecycle(Protocol):
    """The running state machines."""

    def start(self, order_id: str, correlation_id: str, again: int = 0) -> None:
        """Begin an order's lifecycle, once: a second start of the same order changes nothing.

        One that has ended in an exception is begun anew under another number ``again``."""

    def resume(self, token: str, resumption: Resumption) -> None:
        """End a wait. One that has ended already is left alone."""


class Tokens(Protocol):
    def put_token(self, order_id: str, awaited: AwaitedToken) -> None: ...

    def token(self, order_id: str) -> AwaitedToken | None: ...


def wait(
    order_id: str,
    awaited: AwaitedToken,
    orders: Orders,
    tokens: Tokens,
    stock: Stock,
    catalog: Catalog,
    lifecycle: Lifecycle,
) -> None:
    """Leave the token, then end the wait at once when there is nothing left to wait for."""
    tokens.put_token(order_id, awaited)
    order = orders.load(order_id)
    resumption = resumption_of(order, awaited.awaits)
    if resumption is None and awaited.awaits == "stock" and _may_be_filled(order, stock, catalog):
        resumption = Resumption("stock_changed")
    if resumption:
        lifecycle.resume(awaited.token, resumption)


def signal(order_id: str, about: str, orders: Orders, tokens: Tokens, lifecycle: Lifecycle) -> None:
    """Something happened to the order (``about``: ``stock``, ``payment``, ``fulfillment`` or
    ``cancel``); end its wait when that is what it waits for."""
    awaited = tokens.token(order_id)
    if awaited is None or about not in (awaited.awaits, "cancel"):
        return
    order = orders.load(order_id)
    resumption = resumption_of(order, awaited.awaits)
    if resumption is None and about == "stock":
        resumption = Resumption("stock_changed")
    if resumption:
        lifecycle.resume(awaited.token, resumption)


def wake_for_stock(
    sku: str, orders: Orders, tokens: Tokens, stock: Stock, lifecycle: Lifecycle
) -> None:
    """Stock of ``sku`` came in: wake the orders that wait for it, oldest first, as many as what is
    available could fill. They reserve for themselves; one that loses the race waits again."""
    available = sum(max(0, balance.available) for balance in stock.balances({sku})[sku])
    for order_id in stock.waiting(sku, WOKEN_AT_ONCE):
        if available <= 0:
            return
        order = orders.load(order_id)
        wanted = _lacking(order).get(sku, 0)
        if wanted and wanted <= available:
            available -= wanted
            signal(order_id, "stock", orders, tokens, lifecycle)


def resumption_of(order: Order, awaits: str) -> Resumption | None:
    """How the wait ends, or nothing while it goes on."""
    if order.cancel_requested or order.state is State.CANCELLED:
        return Resumption(error="OrderCancelRequested")
    if awaits == "payment":
        return _payment_resumption(order)
    if awaits == "fulfillment" and decisions.has_reached(order, State.DELIVERED):
        return Resumption("delivered")
    if awaits == "stock" and decisions.has_reached(order, State.SOURCED):
        return Resumption("sourced")
    return None


def warn_overdue(order_id: str, orders: Orders, cause: Cause) -> Order:
    return execute(orders, order_id, decisions.warn_overdue, cause)


def raise_exception(order_id: str, step: str, error: str, orders: Orders, cause: Cause) -> Order:
    """Mark the order as one that a person must look at."""
    return execute(
        orders, order_id, lambda order: decisions.raise_exception(order, step, error), cause
    )


def request_cancel(order_id: str, reason: str, orders: Orders, cause: Cause) -> Order:
    """Raises ``NotFound``, and ``Conflict`` when a part has left already."""
    return execute(orders, order_id, lambda order: decisions.request_cancel(order, reason), cause)


def resume(order_id: str, orders: Orders, cause: Cause) -> Order:
    """Raises ``Conflict`` unless the order is in exception."""
    return execute(orders, order_id, decisions.resume, cause)


def restart(
    order_id: str, version: int, correlation_id: str, orders: Orders, lifecycle: Lifecycle
) -> None:
    """Begin the lifecycle anew for the event of ``version``: nothing runs that could be woken."""
    order = orders.load(order_id)
    if order.state not in (State.COMPLETED, State.CANCELLED):
        lifecycle.start(order_id, correlation_id, again=version)


def _payment_resumption(order: Order) -> Resumption | None:
    if decisions.has_reached(order, State.AUTHORIZED):
        return Resumption("authorized")
    if order.payment.status == "declined":
        return Resumption(error="PaymentDeclined")
    return None


def _may_be_filled(order: Order, stock: Stock, catalog: Catalog) -> bool:
    """Whether every SKU the order lacks is there by now, at nodes that ship. Stock that sourcing
    would not take must not wake the order, which would wait again and be woken again."""
    lacking = _lacking(order)
    there = what_can_ship(lacking.keys(), stock, catalog)
    return all(
        sum(available.units.get(sku, 0) for available in there) >= units
        for sku, units in lacking.items()
    )


def _lacking(order: Order) -> dict[str, int]:
    lacking: dict[str, int] = {}
    for line, counts in zip(order.content.lines, order.progress.counts, strict=True):
        if counts.backordered:
            lacking[line.sku] = lacking.get(line.sku, 0) + counts.backordered
    return lacking
