"""Asking for a return, a person's answer to it, and the money for what came back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.orders.command import execute, execute_on
from oms.orders.decisions import Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Order
from oms.returns import asking, decisions, worth
from oms.returns.asking import AskedReturn, Grounds
from oms.returns.decisions import AskedResolution, find
from oms.returns.model import Payer, Return, Settlement
from oms.returns.policy import ReturnPolicy
from oms.returns.store import ReturnDesk

# Events by which a customer has what a fulfilment brought.
_DELIVERED = ("fulfillment_delivered", "fulfillment_handed_over")


@dataclass(frozen=True, slots=True)
class Asked:
    """``created`` is false when the same was asked for before."""

    order: Order
    found: Return
    created: bool


@dataclass(frozen=True, slots=True)
class Previewed:
    """What asking would do, and what the customer would get for all of it."""

    order: Order
    found: Return
    settlement: Settlement
    label_paid_by: Payer


def request(
    order_id: str, asked_of: Callable[[Order], AskedReturn], desk: ReturnDesk, cause: Cause
) -> Asked:
    """``asked_of`` reads the request against its order. Raises as ``asking.request``, and
    ``NotFound``."""
    order = desk.orders.load(order_id)
    asked = asked_of(order)
    policy, grounds = _judged_by(order, desk)

    created = False

    def decide(now: Order) -> Events:
        nonlocal created
        events = asking.request(now, asked, policy, grounds, cause.at)
        created = bool(events)
        return events

    after = execute_on(desk.orders, order, decide, cause)
    known = asking.requested_before(after, asked.key)
    return Asked(after, known or after.progress.returns[-1], created)


def preview(
    order_id: str, asked_of: Callable[[Order], AskedReturn], desk: ReturnDesk, cause: Cause
) -> Previewed:
    """Commits nothing. Raises as ``request``."""
    order = desk.orders.load(order_id)
    asked = asked_of(order)
    policy, grounds = _judged_by(order, desk)
    events = asking.request(order, asked, policy, grounds, cause.at)
    after = evolve_all(order, events)
    found = asking.requested_before(after, asked.key) or after.progress.returns[-1]
    units = {line.line_id: line.quantity for line in found.lines}
    settlement = decisions.limited_to_due(
        after, worth.settled(after, found, units, policy, found.resolution)
    )
    return Previewed(after, found, settlement, payer_of(found, policy))


def approve(return_id: str, desk: ReturnDesk, cause: Cause) -> Order:
    return _do(return_id, lambda order: decisions.approve(order, return_id), desk, cause)


def reject(return_id: str, reason: str, desk: ReturnDesk, cause: Cause) -> Order:
    return _do(return_id, lambda order: decisions.reject(order, return_id, reason), desk, cause)


def cancel(return_id: str, reason: str, desk: ReturnDesk, cause: Cause) -> Order:
    return _do(return_id, lambda order: decisions.cancel(order, return_id, reason), desk, cause)


def resolve(
    return_id: str,
    asked_of: Callable[[Order, Return], AskedResolution],
    desk: ReturnDesk,
    cause: Cause,
) -> Order:
    """The refund is asked for in the same commit. Raises as ``decisions.resolve``."""

    def decide(order: Order) -> Events:
        found = find(order, return_id)
        policy = policy_of(found, desk)
        return decisions.resolve(order, return_id, asked_of(order, found), policy)

    return _do(return_id, decide, desk, cause)


def policy_of(found: Return, desk: ReturnDesk) -> ReturnPolicy:
    """The version that it was asked for under."""
    return desk.policies.held(found.policy, found.policy_version)


def payer_of(found: Return, policy: ReturnPolicy) -> Payer:
    """The customer pays a label only when every reason says so."""
    payers = {policy.terms(line.reason).label_paid_by for line in found.lines}
    return Payer.CUSTOMER if payers == {Payer.CUSTOMER} else Payer.MERCHANT


def _judged_by(order: Order, desk: ReturnDesk) -> tuple[ReturnPolicy, Grounds]:
    policy = desk.policies.for_channel(order.content.channel)
    items = desk.catalog.items({line.sku for line in order.content.lines})
    return policy, Grounds(_delivered(order, desk), items)


def _delivered(order: Order, desk: ReturnDesk) -> Mapping[str, datetime]:
    """When each fulfilment reached its customer."""
    return {
        str(event.data["fulfillment_id"]): event.at
        for event in desk.orders.history(order.order_id)
        if event.type in _DELIVERED
    }


def _do(return_id: str, decide: Callable[[Order], Events], desk: ReturnDesk, cause: Cause) -> Order:
    return execute(desk.orders, order_of(return_id), decide, cause)
