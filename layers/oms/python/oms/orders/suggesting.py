"""What a refund comes to, of whatever is named, and over which payments it goes back. Pure.

What of the units named has not left is to be cancelled first; for the rest money goes back and the
goods stay where they are. What of all that was not taken yet is not given back either: it is simply
not taken, that of the cancelled units first. Without an amount, what is named is refunded as far as
there is money to refund; an amount that is stated is refunded to the last minor unit, or refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from oms.kernel.errors import Conflict, Faults, Invalid
from oms.kernel.money import Money
from oms.orders import cancelling
from oms.orders.model import STORE_CREDIT, Order
from oms.orders.refundable import (
    LineShare,
    above_available,
    fees_left,
    shares_of,
    shipping_left,
    units_left,
)
from oms.orders.repaying import (
    bearable_of,
    left_to_repay,
)
from oms.payments.allocation import Parts, allocate_refund


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
        named = self.lines or self.shipping is not False or self.fees
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
    not taken yet. ``amount`` is what would be refunded of it, in ``parts``; at most
    ``refundable``."""

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
    ``fee_twice``, ``unknown_payment``, ``payment_twice``, ``wrong_currency``, ``customer_needed``,
    ``amount_not_positive``, those of a quantity) and ``Conflict``: ``cancelling``,
    ``line_above_available``, ``shipping_above_available``, ``fee_above_available`` (each with what
    is left), ``refund_above_captured`` and ``nothing_to_refund`` (with ``refundable``).
    """
    _refuse_closed(order)
    refuse_credit_to_nobody(order, asked.to)
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


# --- what it is for -------------------------------------------------------------------------


def _lines(order: Order, asked: Asked) -> Sequence[SuggestedLine]:
    wanted = _wanted(order, asked)
    cancelled = {
        line_id: _cancelled_of(order, asked, line_id, each) for line_id, each in wanted.items()
    }
    shares = shares_of(order, {line_id: each.units for line_id, each in wanted.items()})
    firsts = shares_of(order, {line_id: units for line_id, units in cancelled.items() if units})
    found = []
    for line_id in wanted:
        share, first = shares[line_id], firsts.get(line_id)
        kept = share if first is None else _rest(share, first)
        found.append(SuggestedLine(share, first, kept if kept.units else None))
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Units of a line that have not left, that have, and of whichever."""

    here: int = 0
    gone: int = 0
    either: int = 0

    @property
    def units(self) -> int:
        return self.here + self.gone + self.either


def _wanted(order: Order, asked: Asked) -> dict[str, _Wanted]:
    if asked.is_whole:
        left = {line.line_id: units_left(order, line.line_id) for line in order.content.lines}
        return {line_id: _Wanted(either=units) for line_id, units in left.items() if units}
    faults, wanted = Faults(), dict[str, _Wanted]()
    seen = set[tuple[str, bool | None]]()
    for index, one in enumerate(asked.lines):
        path = f"lines.{index}"
        named = cancelling.named_units(
            order, one.line_id, one.quantity, f"{path}.quantity", faults, _LEFT[one.unshipped]
        )
        if named is None:
            faults.add(f"{path}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
            continue
        for line_id, units in named.items():
            if (line_id, one.unshipped) in seen:
                faults.add(f"{path}.line_id", "line_twice", f"{line_id} is named already")
            seen.add((line_id, one.unshipped))
            wanted[line_id] = _with(wanted.get(line_id, _Wanted()), one.unshipped, units)
    faults.refuse("the refund breaks a rule")
    for line_id, each in wanted.items():
        if not each.units:
            raise above_available(order.content.line(line_id), 0)
    return wanted


def _with(wanted: _Wanted, unshipped: bool | None, units: int) -> _Wanted:
    if unshipped is None:
        return replace(wanted, either=wanted.either + units)
    if unshipped:
        return replace(wanted, here=wanted.here + units)
    return replace(wanted, gone=wanted.gone + units)


def _cancelled_of(order: Order, asked: Asked, line_id: str, wanted: _Wanted) -> int:
    """How many of the units that are wanted are cancelled with the refund."""
    line, here, gone = order.content.line(line_id), _here(order, line_id), _gone(order, line_id)
    if wanted.here > here:
        raise above_available(line, here, "cancelled and refunded")
    if wanted.gone > gone:
        raise above_available(line, gone, "refunded that have left")
    if not asked.cancel:
        return 0
    return wanted.here + min(wanted.either, here - wanted.here)


def _here(order: Order, line_id: str) -> int:
    """Units that are left to refund and have not left."""
    return min(units_left(order, line_id), _cancellable(order, line_id))


def _gone(order: Order, line_id: str) -> int:
    return units_left(order, line_id) - _here(order, line_id)


_LEFT = {None: units_left, True: _here, False: _gone}


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
    if wanted > left or (asked.shipping is True and not left):
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


def refuse_credit_to_nobody(order: Order, to: str) -> None:
    if to == STORE_CREDIT and not order.content.customer.id:
        raise Invalid("store credit is a customer's: the order names none", code="customer_needed")
