"""Refunds that somebody asks for: what they come to, and asking for them.

What of the units named has not left is cancelled first, and its stock is free again; for the rest
money goes back and the goods stay where they are. What of that was not taken yet is not given back
either: it is simply not taken, that of the cancelled units first. Without an amount, what is named
is refunded as far as there is money to refund; an amount that is stated is refunded to the last
minor unit, or refused: less than what is named comes to is spread over it, more is goodwill.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, Faults, Invalid, MalformedRequest, NotFound
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders import cancelling, decisions, work
from oms.orders import events as happened
from oms.orders.cancelling import Cancellation
from oms.orders.command import execute
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import STORE_CREDIT, Order, Refund, RefundedLine, RefundPart
from oms.orders.refundable import (
    LineShare,
    above_available,
    fees_left,
    share_of,
    shipping_left,
    units_left,
)
from oms.orders.repaying import (
    REFUND_TRANSITIONS,
    Purpose,
    bearable_of,
    left_to_repay,
    refund_of,
)
from oms.orders.store import Orders
from oms.payments.allocation import Parts, allocate_refund
from oms.pricing.shares import allocate

# Of those who ask at once each round serves one.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A line, or a bundle that was ordered, and how many whole units of it: all that is left of it
    without a ``quantity``. ``unshipped``: only units that have not left (true), only units that
    have (false), or those first that have not (none)."""

    line_id: str
    quantity: Decimal | None = None
    unshipped: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be refunded; all that is left of the order when nothing is named.

    ``shipping`` is an amount, or true for what is left of it. ``fees`` are named by their ids.
    ``amount`` is what is refunded in all, whatever is named. ``payments``: to which first.
    ``cancel``: units that have not left are cancelled; else they still go to the customer.
    """

    lines: tuple[AskedLine, ...] = ()
    shipping: bool | Money = False
    fees: tuple[str, ...] = ()
    goodwill: Money | None = None
    amount: Money | None = None
    payments: tuple[str, ...] = ()
    to: str = ""
    reason: str = "requested"
    cancel: bool = True

    @property
    def is_whole(self) -> bool:
        named = self.lines or self.shipping or self.fees
        return not named and self.goodwill is None and self.amount is None


@dataclass(frozen=True, slots=True)
class SuggestedLine:
    """``cancelled`` of the units have not left and would be cancelled."""

    share: LineShare
    cancelled: LineShare | None = None
    kept: LineShare | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Minor units. ``computed`` is what all that is named comes to, less ``unpaid``: what of it was
    not taken yet. ``amount`` is what would be refunded of it, in
    ``parts``; at most ``refundable``."""

    lines: tuple[SuggestedLine, ...]
    shipping: int
    fees: tuple[tuple[str, int], ...]
    goodwill: int
    unpaid: int
    computed: int
    amount: int
    refundable: int
    parts: Parts = ()

    @property
    def cancelled(self) -> dict[str, int]:
        """Units by line."""
        return {line.share.line_id: line.cancelled.units for line in self.lines if line.cancelled}

    @property
    def worth_of_cancelled(self) -> int:
        return sum(line.cancelled.amount for line in self.lines if line.cancelled)


def suggest(order: Order, asked: Asked) -> Suggestion:
    """What ``asked`` would come to, and which payments it would go back to; nothing happens.

    Raises ``Invalid`` with every fault (``unknown_line``, ``line_twice``, ``unknown_fee``,
    ``unknown_payment``, ``payment_twice``, ``wrong_currency``, ``customer_needed``, those of a
    quantity) and
    ``Conflict``: ``cancelling``, ``line_above_available``, ``shipping_above_available``,
    ``fee_refunded`` (each with what is left), ``refund_above_captured`` (with ``refundable``).
    """
    _refuse_closed(order)
    _refuse_credit_to_nobody(order, asked.to)
    lines = tuple(_lines(order, asked))
    shipping = _shipping(order, asked)
    fees = _fees(order, asked)
    goodwill = _minor(asked.goodwill, order, "goodwill")
    refundable = left_to_repay(order)
    unpaid = _unpaid(order, asked, lines, shipping + sum(fee for _, fee in fees), refundable)
    named = sum(line.share.amount for line in lines) + shipping + sum(fee for _, fee in fees)
    computed = named - unpaid
    amount = _amount(order, asked, computed, goodwill, refundable)
    found = Suggestion(
        lines, shipping, fees, goodwill, unpaid, computed + goodwill, amount, refundable
    )
    parts = allocate_refund(
        bearable_of(order), Money(amount, order.content.currency), asked.payments
    )
    return replace(found, parts=parts)


# --- asking ---------------------------------------------------------------------------------


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
    named = f"{key}:{_digest(asked)}"

    decided: list[Cancellation] = []

    def events(order: Order) -> Events:
        decided.append(decide(order, asked, named))
        return decided[-1].events

    def also(order: Order) -> list[Write]:
        if not any(isinstance(event, happened.UnitsCancelled) for event in decided[-1].events):
            return []
        return cancelling.writes_of(order, decided[-1], stock, cause)

    order = execute(orders, order_id, events, cause, also, ATTEMPTS)
    refund = _known(order, named)
    assert refund is not None
    return Requested(order, refund, created=bool(decided[-1].events))


def decide(order: Order, asked: Asked, named: str) -> Cancellation:
    """What happens, and what is free again with it; nothing when it happened before. ``named`` is
    the caller's key with what was asked for under it."""
    if _known(order, named):
        return Cancellation()
    plan = suggest(order, asked)
    taken = cancelling.take_out(order, plan.cancelled, asked.reason) if plan.cancelled else None
    after = evolve_all(order, taken.events) if taken else order
    ends = taken is not None and not work.is_anything_left(after)
    purpose = _purpose(order, plan)
    purpose["granted"] = _granted(order, asked, plan, ends=ends)
    purpose["to"], purpose["key"] = asked.to, named
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
    ``Conflict`` (``refund_not_failed``, ``refund_above_captured``) and as ``allocate_refund``."""
    return execute(
        orders, order_id, lambda order: decide_retry(order, refund_id, to, payments), cause
    )


def decide_retry(
    order: Order, refund_id: str, to: str = "", payments: tuple[str, ...] = ()
) -> Events:
    refund = order.refund(refund_id)
    if refund is None:
        raise NotFound(f"the order has no refund {refund_id!r}", code="unknown_refund")
    if refund.state == "requested":
        return NOTHING
    if "retry" not in REFUND_TRANSITIONS[refund.state]:
        raise Conflict(
            f"the refund is {refund.state}",
            code="refund_not_failed",
            context={"state": refund.state},
        )
    failed = [part for part in refund.parts if part.state == "failed"]
    _refuse_credit_to_nobody(order, to)
    amount = Money(sum(part.amount for part in failed), order.content.currency)
    same = tuple(dict.fromkeys(part.payment_id for part in failed))
    parts = allocate_refund(bearable_of(order), amount, payments or same)
    attempt = max(part.attempt for part in refund.parts) + 1
    again = tuple(RefundPart(payment_id, part, attempt) for payment_id, part in parts)
    return (happened.RefundRetried(refund_id, again, to or refund.to),)


# --- what it is for -------------------------------------------------------------------------


def _lines(order: Order, asked: Asked) -> Sequence[SuggestedLine]:
    found = []
    for line_id, wanted in _wanted(order, asked).items():
        cancelled = _cancelled_of(order, asked, line_id, wanted)
        share = share_of(order, line_id, wanted.units)
        first = share_of(order, line_id, cancelled) if cancelled else None
        kept = share if first is None else _rest(share, first)
        found.append(SuggestedLine(share, first, kept if kept.units else None))
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    units: int
    unshipped: bool | None = None


def _wanted(order: Order, asked: Asked) -> dict[str, _Wanted]:
    if asked.is_whole:
        left = {line.line_id: units_left(order, line.line_id) for line in order.content.lines}
        return {line_id: _Wanted(units) for line_id, units in left.items() if units}
    faults, wanted = Faults(), dict[str, _Wanted]()
    for index, one in enumerate(asked.lines):
        path = f"lines.{index}"
        named = cancelling.named_units(
            order, one.line_id, one.quantity, f"{path}.quantity", faults, units_left
        )
        if named is None:
            faults.add(f"{path}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
            continue
        for line_id, units in named.items():
            if line_id in wanted:
                faults.add(f"{path}.line_id", "line_twice", f"{line_id} is named already")
            wanted[line_id] = _Wanted(units, one.unshipped)
    faults.refuse("the refund breaks a rule")
    for line_id, one_wanted in wanted.items():
        if not one_wanted.units:
            raise above_available(order.content.line(line_id), 0)
    return wanted


def _cancelled_of(order: Order, asked: Asked, line_id: str, wanted: _Wanted) -> int:
    """How many of the units that are wanted are cancelled with the refund."""
    line, left = order.content.line(line_id), units_left(order, line_id)
    may = min(left, _cancellable(order, line_id))
    if wanted.unshipped is True and wanted.units > may:
        raise above_available(line, may, "cancelled and refunded")
    if wanted.unshipped is False:
        gone = left - may
        if wanted.units > gone:
            raise above_available(line, gone, "refunded that have left")
        return 0
    return min(wanted.units, may) if asked.cancel else 0


def _cancellable(order: Order, line_id: str) -> int:
    if order.content.fulfilled_by_channel or order.state in cancelling.CLOSED:
        return 0
    return cancelling.cancellable(order, line_id)


def _rest(share: LineShare, first: LineShare) -> LineShare:
    return LineShare(
        share.line_id,
        share.units - first.units,
        share.amount - first.amount,
        share.net - first.net,
        share.tax - first.tax,
        share.discount - first.discount,
    )


def _shipping(order: Order, asked: Asked) -> int:
    left = shipping_left(order).minor
    if asked.is_whole:
        return left
    if asked.shipping is False:
        return 0
    wanted = left if asked.shipping is True else _minor(asked.shipping, order, "shipping")
    if wanted > left or not left:
        raise Conflict(
            f"{Money(left, order.content.currency)} of the shipping is left to refund",
            code="shipping_above_available",
            context=_left("available", left, order),
        )
    return wanted


def _fees(order: Order, asked: Asked) -> tuple[tuple[str, int], ...]:
    left = fees_left(order)
    if asked.is_whole:
        return tuple((fee, minor) for fee, minor in left.items() if minor)
    faults = Faults()
    for index, fee in enumerate(asked.fees):
        if fee not in left:
            faults.add(f"fees.{index}", "unknown_fee", f"the order has no fee {fee!r}")
        elif fee in asked.fees[:index]:
            faults.add(f"fees.{index}", "fee_twice", f"{fee} is named already")
    faults.refuse("the fees break a rule")
    for fee in asked.fees:
        if not left[fee]:
            raise Conflict(
                f"nothing of the fee {fee} is left to refund",
                code="fee_above_available",
                context={"fee": fee, **_left("available", 0, order)},
            )
    return tuple((fee, left[fee]) for fee in asked.fees)


# --- amounts --------------------------------------------------------------------------------


def _unpaid(
    order: Order, asked: Asked, lines: Sequence[SuggestedLine], rest: int, refundable: int
) -> int:
    """What of all that is named was not taken yet, as far as more is due than was paid: the worth
    of units to be cancelled and, unless an amount is stated, what else there is no money for."""
    outstanding = max(0, order.due.minor - refundable)
    cancelled = min(outstanding, sum(line.cancelled.amount for line in lines if line.cancelled))
    if asked.amount is not None:
        return cancelled
    named = sum(line.share.amount for line in lines) + rest
    short = max(0, named - cancelled - refundable)
    return cancelled + min(short, outstanding - cancelled)


def _amount(order: Order, asked: Asked, computed: int, goodwill: int, refundable: int) -> int:
    stated = computed + goodwill
    if asked.amount is not None:
        stated = _minor(asked.amount, order, "amount")
        if stated <= 0:
            raise Invalid("an amount must be above zero", code="amount_not_positive")
    elif not goodwill:
        stated = min(computed, refundable)
    if stated > refundable or not refundable:
        raise Conflict(
            f"{Money(refundable, order.content.currency)} is left to refund",
            code="refund_above_captured",
            context=_left("refundable", refundable, order),
        )
    if not stated:
        raise Conflict(
            "what is named was not paid, or was given back",
            code="nothing_to_refund",
            context=_left("refundable", refundable, order),
        )
    return stated


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
    """What is named, with its part of the amount."""
    named = [
        *(share for line in plan.lines for share in (line.cancelled, line.kept) if share),
    ]
    weights = [share.amount for share in named]
    weights += [plan.shipping, *(fee for _, fee in plan.fees), plan.goodwill]
    worth = sum(weights)
    over = max(0, plan.amount - worth)
    currency = order.content.currency
    spread = (
        [one.minor for one in allocate(Money(min(plan.amount, worth), currency), weights)]
        if worth
        else [0] * len(weights)
    )
    for_lines, rest = spread[: len(named)], spread[len(named) :]
    cancelled = {id(line.cancelled) for line in plan.lines}
    return {
        "lines": tuple(
            RefundedLine(
                share.line_id, share.units, amount, share.units if id(share) in cancelled else 0
            )
            for share, amount in zip(named, for_lines, strict=True)
        ),
        "shipping": rest[0],
        "fees": tuple(
            (fee, amount) for (fee, _), amount in zip(plan.fees, rest[1:-1], strict=True)
        ),
        "goodwill": rest[-1] + over,
    }


def _minor(amount: Money | None, order: Order, path: str) -> int:
    if amount is None:
        return 0
    if amount.currency != order.content.currency:
        faults = Faults()
        faults.add(path, "wrong_currency", f"the order is in {order.content.currency}")
        faults.refuse("the amount is in another currency")
    return amount.minor


def _left(word: str, minor: int, order: Order) -> Mapping[str, object]:
    currency = order.content.currency
    return {word: str(Money(minor, currency)), "currency": currency}


def _refuse_closed(order: Order) -> None:
    if order.cancel_requested:
        raise Conflict(
            "the order is being cancelled, and all that was paid goes back", code="cancelling"
        )


def _refuse_credit_to_nobody(order: Order, to: str) -> None:
    if to == STORE_CREDIT and not order.content.customer.id:
        raise Invalid("store credit is a customer's: the order names none", code="customer_needed")


def _digest(asked: Asked) -> str:
    lines = [
        (one.line_id, one.quantity and str(one.quantity.normalize()), one.unshipped)
        for one in asked.lines
    ]
    content = (lines, replace(asked, lines=()))
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def _known(order: Order, named: str) -> Refund | None:
    """The refund that was asked for by the key. Raises ``Conflict`` (``content_differs``)."""
    key = named.rpartition(":")[0]
    for refund in order.progress.refunds:
        if refund.key == named:
            return refund
        if refund.key.rpartition(":")[0] == key:
            raise Conflict(
                "this key was used for another refund",
                code="content_differs",
                context={"refund_id": refund.id},
            )
    return None
