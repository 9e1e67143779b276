"""Waiting, and what to do when waiting has been too long.

Whoever waits leaves its token first and looks second: what happened before the token was there is
seen by the look, what happens after it is told through the token. Nothing falls between.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from oms.catalog.store import Catalog
from oms.inventory.store import Stock
from oms.kernel.errors import Unavailable
from oms.kernel.events import Cause
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.model import Order, State
from oms.orders.paying import is_declined, open_captures
from oms.orders.prospects import line_up, prospect_of, units_of
from oms.orders.store import AwaitedToken, Orders
from oms.routing.policies import Policies

# One message wakes as many as its function gets through in time; it comes again for the rest.
WOKEN_AT_ONCE = 500

# What is awaited, and what ends it.
_ABOUT = {
    "stock": ("stock",),
    "payment": ("payment",),
    "capture": ("payment",),
    "fulfillment": ("fulfillment",),
}


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

    def reroute(self, order_id: str) -> None:
        """Have the units routed that no node has of an order that was released."""


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
    policies: Policies,
    lifecycle: Lifecycle,
    now: datetime,
) -> None:
    """Leave the token, then end the wait at once when there is nothing left to wait for."""
    tokens.put_token(order_id, awaited)
    order = orders.load(order_id)
    resumption = resumption_of(order, awaited.awaits)
    if (
        resumption is None
        and awaited.awaits == "stock"
        and _may_be_filled(order, stock, catalog, policies, now)
    ):
        resumption = Resumption("stock_changed")
    if resumption:
        lifecycle.resume(awaited.token, resumption)
    elif order.unrouted and not order.progress.unroutable:
        lifecycle.reroute(order_id)


def signal(order_id: str, about: str, orders: Orders, tokens: Tokens, lifecycle: Lifecycle) -> None:
    """Something happened to the order (``about``: ``stock``, ``payment``, ``fulfillment``,
    ``units``, ``cancel`` or ``taken_back``); end its wait when that is what it waits for."""
    awaited = tokens.token(order_id)
    _signal(order_id, about, awaited, orders, lifecycle)


def _signal(
    order_id: str,
    about: str,
    awaited: AwaitedToken | None,
    orders: Orders,
    lifecycle: Lifecycle,
) -> None:
    if awaited is None or about not in (*_ABOUT[awaited.awaits], "units", "cancel", "taken_back"):
        return
    order = orders.load(order_id)
    resumption = resumption_of(order, awaited.awaits)
    lacks_nothing = awaited.awaits == "stock" and not order.backordered_lines
    if resumption is None and (about == "stock" or lacks_nothing):
        resumption = Resumption("stock_changed")
    if resumption:
        lifecycle.resume(awaited.token, resumption)


def wake_for_stock(
    sku: str,
    orders: Orders,
    tokens: Tokens,
    stock: Stock,
    catalog: Catalog,
    lifecycle: Lifecycle,
    now: datetime,
) -> None:
    """There may be more of ``sku``: wake the orders that get some of it, first come first. They
    reserve for themselves; one that loses the race waits again. Raises ``Unavailable`` when more
    are to be woken than are at once."""
    queue = line_up([sku], "", stock, catalog, now)
    woken = [waiter.order_id for waiter in queue.handed.filled if sku in waiter.lacking]
    for order_id in woken[:WOKEN_AT_ONCE]:
        _wake(order_id, orders, tokens, lifecycle)
    if len(woken) > WOKEN_AT_ONCE:
        raise Unavailable(f"{len(woken) - WOKEN_AT_ONCE} more orders are to be woken for {sku}")
    if queue.positions[sku].policy.take_back:
        # With what it may take back it may have enough: it finds out for itself.
        first = (waiter for waiter in queue.handed.unfilled if sku in waiter.lacking)
        for waiter in islice(first, 1):
            _wake(waiter.order_id, orders, tokens, lifecycle)


def _wake(order_id: str, orders: Orders, tokens: Tokens, lifecycle: Lifecycle) -> None:
    """Whoever waits for its nodes waits for the stock of the rest beside: that is routed again."""
    awaited = tokens.token(order_id)
    if awaited is not None and awaited.awaits == "fulfillment":
        lifecycle.reroute(order_id)
    else:
        _signal(order_id, "stock", awaited, orders, lifecycle)


def wake_for_components(
    made: Iterable[str], orders: Orders, tokens: Tokens, stock: Stock, lifecycle: Lifecycle
) -> None:
    """There may be more of what these SKUs are made of: the first who wait for them look again. One
    that still lacks something waits on."""
    for sku in made:
        for waiter in islice(stock.backorders.waiting(sku), WOKEN_AT_ONCE):
            _wake(waiter.order_id, orders, tokens, lifecycle)


def resumption_of(order: Order, awaits: str) -> Resumption | None:
    """How the wait ends, or nothing while it goes on."""
    if order.cancel_requested or order.state is State.CANCELLED:
        return Resumption(error="OrderCancelRequested")
    if awaits != "stock" and order.progress.taken_back:
        return Resumption(error="StockTakenBack")
    if awaits == "payment":
        return _payment_resumption(order)
    if awaits == "capture":
        return None if open_captures(order) else Resumption("decided")
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
    if is_declined(order):
        return Resumption(error="PaymentDeclined")
    return None


def _may_be_filled(
    order: Order, stock: Stock, catalog: Catalog, policies: Policies, now: datetime
) -> bool:
    """Whether what the order lacks is there by now, for it: all of it, or a part that may go ahead.
    Stock that sourcing would not take must not wake the order, which would wait again and be woken
    again. Whoever looks after leaving its token must see all that was written before it."""
    if order.progress.unroutable:
        return False
    lacking = units_of(order, order.backordered_lines)
    positions = stock.positions(lacking.keys(), now, consistent=True)
    prospect = prospect_of(order, lacking, positions, stock, catalog, now)
    if not prospect.suffices_for_some(lacking):
        return False
    if not prospect.suffices_for(lacking):
        policy = policies.for_channel(order.content.channel, now)
        if not any(rule.partial for rule in policy.rules):
            return False
    # It may still lie where the order is not collected, or where its policy takes nothing from.
    # Few get here: whoever does not need the engine does not import it.
    from oms.orders.sourcing import may_be_sourced

    return may_be_sourced(order, stock, catalog, policies, now)
