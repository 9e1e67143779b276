"""Asking for a refund, once, and asking again for one that failed.

Units that have not left are cancelled in the same transaction, and their stock is free again. An
amount that is less than what is named comes to is spread over it; what is more is goodwill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, MalformedRequest, NotFound
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders import cancelling, decisions, work
from oms.orders import events as happened
from oms.orders.asked_once import asked_before, named
from oms.orders.cancelling import Cancellation
from oms.orders.command import execute
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import BY_HAND, Order, Refund, RefundedLine, RefundPart
from oms.orders.refundable import (
    fees_left,
    shipping_left,
)
from oms.orders.repaying import (
    REFUND_TRANSITIONS,
    Purpose,
    bearable_of,
    refund_of,
    refund_paid,
)
from oms.orders.store import Orders
from oms.orders.suggesting import Asked, Suggestion, refuse_credit_to_nobody, suggest
from oms.payments.allocation import allocate_refund
from oms.pricing.shares import allocate

# Of those who ask at once each round serves one.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Requested:
    """``created`` is false when the same was asked for before."""

    order: Order
    refund: Refund
    created: bool


def request(
    order_id: str, asked: Asked, key: str, orders: Orders, stock: Stock, cause: Cause
) -> Requested:
    """Ask for a refund, once for a ``key`` of the caller. Raises as ``suggest``, ``NotFound``,
    ``MalformedRequest`` (``missing_natural_key``), ``Conflict`` (``content_differs``,
    ``nothing_to_refund``) and ``TooLarge`` (``too_many_lines``)."""
    if not key:
        raise MalformedRequest(
            "send refund_key, or an Idempotency-Key header", code="missing_natural_key"
        )
    name = named(key, _content(asked))
    decided: list[Cancellation] = []

    def events(order: Order) -> Events:
        decided.append(decide(order, asked, name))
        return decided[-1].events

    def also(order: Order) -> list[Write]:
        if not any(isinstance(event, happened.UnitsCancelled) for event in decided[-1].events):
            return []
        return cancelling.writes_of(order, decided[-1], stock, cause)

    order = execute(orders, order_id, events, cause, also, ATTEMPTS)
    refund = _known(order, name)
    assert refund is not None
    return Requested(order, refund, created=bool(decided[-1].events))


def decide(order: Order, asked: Asked, name: str) -> Cancellation:
    """What happens, and what is free again with it; nothing when it happened before. ``name``: the
    caller's key with a digest of ``asked``."""
    if _known(order, name):
        return Cancellation()
    plan = suggest(order, asked)
    taken = cancelling.take_out(order, plan.cancelled, asked.reason) if plan.cancelled else None
    after = evolve_all(order, taken.events) if taken else order
    ends = taken is not None and not work.is_anything_left(after)
    purpose = _purpose(order, plan)
    purpose["granted"] = _granted(order, asked, plan, ends=ends)
    purpose["to"], purpose["key"] = asked.to, name
    refund = refund_of(after, plan.amount, asked.reason, asked.payments, **purpose)
    down = decisions.request_cancel(after, asked.reason) if ends else NOTHING
    events = (*(taken.events if taken else ()), refund, *down)
    return Cancellation(events, taken.allocations if taken else ())


def retry(
    order_id: str,
    refund_id: str,
    orders: Orders,
    cause: Cause,
    *,
    to: str = "",
    payments: tuple[str, ...] = (),
) -> Order:
    """Give back again what failed: the same way, by other ``payments`` first, or ``to`` store
    credit. One that is on its way is left alone. Raises ``NotFound`` (``unknown_refund``),
    ``Conflict`` (``refund_not_failed``, ``refund_above_captured``), and ``Invalid``
    (``unknown_payment``, ``payment_twice``, ``customer_needed``)."""
    return execute(
        orders, order_id, lambda order: decide_retry(order, refund_id, to, payments), cause
    )


def decide_retry(
    order: Order, refund_id: str, to: str = "", payments: tuple[str, ...] = ()
) -> Events:
    refund = _refund(order, refund_id)
    if refund.state == "requested":
        return NOTHING
    if "retry" not in REFUND_TRANSITIONS[refund.state]:
        raise _not_failed(refund)
    failed = [part for part in refund.parts if part.state == "failed"]
    refuse_credit_to_nobody(order, to)
    amount = Money(sum(part.amount for part in failed), order.content.currency)
    same = tuple(dict.fromkeys(part.payment_id for part in failed))
    parts = allocate_refund(bearable_of(order), amount, payments or same)
    attempt = max(part.attempt for part in refund.parts) + 1
    again = tuple(RefundPart(payment_id, part, attempt) for payment_id, part in parts)
    return (happened.RefundRetried(refund_id, again, to or refund.to),)


def settle_by_hand(
    order_id: str, refund_id: str, reference: str, orders: Orders, cause: Cause
) -> Order:
    """What failed was given back by a person; ``reference`` names how, such as a transfer's. The
    same again changes nothing. Raises as ``retry``."""
    return execute(
        orders, order_id, lambda order: decide_by_hand(order, refund_id, reference, cause.at), cause
    )


def decide_by_hand(order: Order, refund_id: str, reference: str, at: datetime) -> Events:
    refund = order.refund(refund_id)
    if refund and order.payments.knows(_by_hand_key(refund, refund.parts[-1], reference)):
        return NOTHING
    if refund and refund.state == "requested":
        raise _not_failed(refund)
    retried = decide_retry(order, refund_id, BY_HAND)
    events, after = retried, evolve_all(order, retried)
    for part in _refund(after, refund_id).parts:
        if part.state == "requested":
            key = _by_hand_key(_refund(after, refund_id), part, reference)
            paid = refund_paid(after, refund_id, part.amount, reference, key, part.payment_id, at)
            events, after = (*events, *paid), evolve_all(after, paid)
    return events


def _by_hand_key(refund: Refund, part: RefundPart, reference: str) -> str:
    return f"{refund.id}:{part.payment_id}:by_hand:{part.attempt}:{reference}"


def _refund(order: Order, refund_id: str) -> Refund:
    refund = order.refund(refund_id)
    if refund is None:
        raise NotFound(f"the order has no refund {refund_id!r}", code="unknown_refund")
    return refund


def _not_failed(refund: Refund) -> Conflict:
    return Conflict(
        f"the refund is {refund.state}", code="refund_not_failed", context={"state": refund.state}
    )


def _granted(order: Order, asked: Asked, plan: Suggestion, *, ends: bool) -> int:
    """What is due no more, beside the cancelled units. It is less than nothing when an amount was
    stated that is less than what they were worth: the difference stays due."""
    freed = plan.worth_of_cancelled - plan.unpaid
    if not ends:
        return plan.amount - freed
    if asked.amount is None:
        return 0
    # Nothing of the order is left: all that it cost is due no more but what is kept on purpose.
    return plan.amount - freed - shipping_left(order).minor - sum(fees_left(order).values())


def _purpose(order: Order, plan: Suggestion) -> Purpose:
    """What is named, each with what of it is dealt with: given back, or due no more though it was
    not taken yet. Of cancelled units the latter is no part of the refund."""
    lines = [
        *((line.cancelled, line.cancelled.units) for line in plan.lines if line.cancelled),
        *((line.kept, 0) for line in plan.lines if line.kept),
    ]
    weights = [share.amount for share, _ in lines]
    weights += [plan.shipping, *(fee for _, fee in plan.fees), plan.goodwill]
    not_taken = min(plan.unpaid, plan.worth_of_cancelled)
    weights = _less(weights, not_taken)
    dealt_with, worth = plan.amount + plan.unpaid - not_taken, sum(weights)
    parts = _spread(min(dealt_with, worth), weights, order.content.currency)
    of_lines, rest = parts[: len(lines)], parts[len(lines) :]
    return {
        "lines": tuple(
            RefundedLine(share.line_id, share.units, amount, cancelled)
            for (share, cancelled), amount in zip(lines, of_lines, strict=True)
        ),
        "shipping": rest[0],
        "fees": tuple(
            (fee, amount) for (fee, _), amount in zip(plan.fees, rest[1:-1], strict=True)
        ),
        "goodwill": rest[-1] + max(0, dealt_with - worth),
    }


def _less(weights: Sequence[int], off: int) -> list[int]:
    """The first of them give first."""
    left = []
    for weight in weights:
        part = min(weight, off)
        off -= part
        left.append(weight - part)
    return left


def _spread(amount: int, weights: Sequence[int], currency: str) -> list[int]:
    """Nothing over what is worth nothing."""
    return [part.minor for part in allocate(Money(amount, currency), weights)]


def _content(asked: Asked) -> object:
    lines = [
        (one.line_id, one.quantity and str(one.quantity.normalize()), one.unshipped)
        for one in asked.lines
    ]
    return (lines, replace(asked, lines=()))


def _known(order: Order, name: str) -> Refund | None:
    """The refund that was asked for by the name. Raises ``Conflict`` (``content_differs``)."""
    names = {refund.key: refund.id for refund in order.progress.refunds}
    return order.refund(asked_before(name, names, "refund"))
