"""Payments in a person's hands: a capture asked for, a hold let go of, money that came in.

What is asked of a provider is recorded first and carried out by whoever asks providers. Each
request has a key of the caller's, under which it happens once.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from oms.kernel.errors import Conflict, Invalid, MalformedRequest
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders import paying, taking
from oms.orders.command import execute
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, State
from oms.orders.repaying import repay_overpaid
from oms.orders.store import Orders
from oms.payments.bank_account import BANK_TRANSFER
from oms.payments.model import may_capture
from oms.payments.provider_traits import is_told_by_hand

BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in. ``reference`` names it, on the bank's statement or the till's roll."""

    amount: Money
    reference: str
    tender: str = "bank"
    at: datetime | None = None


def request_capture(
    order_id: str,
    payment_id: str,
    amount: Money | None,
    key: str,
    orders: Orders,
    cause: Cause,
) -> Order:
    """Raises ``NotFound``, ``MalformedRequest`` (``missing_natural_key``), ``Invalid``
    (``wrong_currency``, ``invalid_amount``) and ``Conflict``: ``capture_above_authorized`` with
    what is ``capturable``, ``nothing_due``, ``cancelling``, ``content_differs``."""
    if not key:
        raise MalformedRequest("send an Idempotency-Key header", code="missing_natural_key")
    return execute(
        orders, order_id, lambda order: decide_capture(order, payment_id, amount, key), cause
    )


def decide_capture(order: Order, payment_id: str, amount: Money | None, key: str) -> Events:
    """Without an ``amount`` what is owed, as far as it is held; after a failure once more what
    could not be taken."""
    payment = order.payments.find(payment_id)
    reference = f"{payment.id}:capture:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    known = payment.event("capture_requested", reference)
    if known:
        if amount is not None and amount.minor != known.amount:
            raise Conflict("this key was used for another amount", code="content_differs")
        return NOTHING
    if order.cancel_requested or order.state is State.CANCELLED:
        raise Conflict("the order is cancelled", code="cancelling")
    owed = Money(paying.amount_to_capture(order), order.content.currency)
    wanted = min(owed, payment.capturable) if amount is None else amount
    if amount is None and not wanted and order.progress.unpaid:
        return taking.try_again(order)
    if amount is None and not wanted:
        raise Conflict(
            "nothing is owed that this payment holds",
            code="nothing_due",
            context={"due": str(owed), "capturable": str(payment.capturable)},
        )
    may_capture(payment, wanted)
    if wanted > owed:
        raise Conflict(f"{owed} is owed", code="capture_above_due", context={"due": str(owed)})
    asked = happened.CaptureRequested(payment.id, wanted.minor, reference, BY_HAND)
    return (*paying.resolved(order), asked)


def request_void(order_id: str, payment_id: str, orders: Orders, cause: Cause) -> Order:
    """Raises ``NotFound`` and ``Conflict`` (``hold_is_needed``)."""
    return execute(orders, order_id, lambda order: decide_void(order, payment_id), cause)


def decide_void(order: Order, payment_id: str) -> Events:
    """What is held is let go of when the order is covered without it; once, however often it is
    asked for."""
    payment = order.payments.find(payment_id)
    if not paying.has_hold(payment):
        return NOTHING
    if not paying.is_covered_without(order, payment):
        raise Conflict(
            f"{order.due} is due, which is not paid or held without this payment",
            code="hold_is_needed",
            context={"due": str(order.due), "capturable": str(payment.capturable)},
        )
    return (happened.VoidRequested(payment.id, payment.capturable.minor, BY_HAND),)


def record_receipt(
    order_id: str, payment_id: str, receipt: Receipt, orders: Orders, cause: Cause
) -> Order:
    """Raises ``NotFound``, ``Invalid`` (``wrong_currency``, ``invalid_amount``) and ``Conflict``
    (``told_by_its_provider``, ``content_differs``)."""
    return execute(
        orders, order_id, lambda order: decide_receipt(order, payment_id, receipt), cause
    )


def decide_receipt(order: Order, payment_id: str, receipt: Receipt) -> Events:
    """A fact, in part or too much, and also of an order that is cancelled by now: what is paid
    beyond what is due goes back."""
    payment = order.payments.find(payment_id)
    if not (is_told_by_hand(payment.provider) or payment.method == BANK_TRANSFER):
        raise Conflict(
            f"{payment.provider} tells itself what it has taken", code="told_by_its_provider"
        )
    if receipt.amount.currency != payment.amount.currency:
        raise Invalid(f"the order is in {payment.amount.currency}", code="wrong_currency")
    if receipt.amount.minor <= 0:
        raise Invalid("the amount must be above zero", code="invalid_amount")
    key = f"receipt:{payment.id}:{receipt.reference}"
    if known := next((event for event in payment.events if event.key == key), None):
        if known.amount != receipt.amount.minor:
            raise Conflict("this receipt was recorded of another amount", code="content_differs")
        return NOTHING
    taken = happened.PaymentCollected(
        payment.id, receipt.amount.minor, receipt.reference, key, receipt.tender, receipt.at
    )
    after = evolve_all(order, (taken,))
    return (
        taken,
        *paying.resolved_when_paid(after),
        *repay_overpaid(after, "paid_beyond_what_is_due"),
    )
