"""Over which of an order's payments an amount goes: back as a refund, or in as a capture.

The stated order. Payments that the caller names come first, in the order named; each is emptied
before the next is touched, and what is left spills over to the next. Of the rest:

- a *refund* goes to payments made with money (card, Pix, a till …) in the order of the order's
  payments, and to the customer's own credit (gift card, store credit) last: nobody who paid with
  money is given credit for it while there is money to give back;
- a *capture* takes the customer's own credit first, which costs nothing and cannot lapse, so that
  as much as can be is let go of on a card, then the rest in the order of the order's payments.

Never more than a payment can bear, and never less in all than was asked for: what does not fit is
refused as a whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money, total

# Methods that draw on credit which the customer has with us, not on money of theirs elsewhere.
OWN_CREDIT = frozenset({"gift_card", "store_credit", "exchange"})

Parts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bearable:
    """``amount`` is the most that the payment can bear: what is left of it to refund, or to
    capture."""

    payment_id: str
    amount: Money
    method: str = ""


def allocate_refund(
    payments: Sequence[Bearable], amount: Money, first: Sequence[str] = ()
) -> Parts:
    """Minor units by payment, in the stated order; ``first`` are the payments named by the caller.

    Raises ``Invalid`` (``amount_not_positive``, ``unknown_payment``, ``payment_twice``,
    ``wrong_currency``) and ``Conflict`` (``refund_above_captured``, with ``refundable``).
    """
    most = total([each.amount for each in payments], amount.currency)
    if amount > most:
        raise Conflict(
            f"{most} {amount.currency} is left to refund, not {amount}",
            code="refund_above_captured",
            context={"refundable": str(most), "currency": amount.currency},
        )
    return _spread(in_refund_order(payments, first), amount)


def allocate_capture(
    payments: Sequence[Bearable], amount: Money, first: Sequence[str] = ()
) -> Parts:
    """As ``allocate_refund``, but raises ``capture_above_authorized``, with ``capturable``."""
    most = total([each.amount for each in payments], amount.currency)
    if amount > most:
        raise Conflict(
            f"{most} {amount.currency} is left to capture, not {amount}",
            code="capture_above_authorized",
            context={"capturable": str(most), "currency": amount.currency},
        )
    return _spread(in_capture_order(payments, first), amount)


def in_refund_order(
    payments: Sequence[Bearable], first: Sequence[str] = ()
) -> tuple[Bearable, ...]:
    named, rest = _named_first(payments, first)
    return (*named, *sorted(rest, key=lambda each: each.method in OWN_CREDIT))


def in_capture_order(
    payments: Sequence[Bearable], first: Sequence[str] = ()
) -> tuple[Bearable, ...]:
    named, rest = _named_first(payments, first)
    return (*named, *sorted(rest, key=lambda each: each.method not in OWN_CREDIT))


def _named_first(
    payments: Sequence[Bearable], first: Sequence[str]
) -> tuple[list[Bearable], list[Bearable]]:
    known = {each.payment_id: each for each in payments}
    if unknown := [name for name in first if name not in known]:
        raise Invalid(f"the order has no payment {unknown[0]!r}", code="unknown_payment")
    if len(set(first)) < len(first):
        raise Invalid("a payment is named twice", code="payment_twice")
    return (
        [known[name] for name in first],
        [each for each in payments if each.payment_id not in first],
    )


def _spread(payments: Iterable[Bearable], amount: Money) -> Parts:
    if amount.minor <= 0:
        raise Invalid(f"{amount} is not more than nothing", code="amount_not_positive")
    left, parts = amount.minor, list[tuple[str, int]]()
    for each in payments:
        part = min(left, max(0, each.amount.minor))
        if part:
            parts.append((each.payment_id, part))
            left -= part
    return tuple(parts)
