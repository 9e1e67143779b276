"""Carrying out refunds: each part at the provider of its payment, or as store credit.

The provider is asked with the key of the attempt and its answer is recorded after; when the record
is lost, the same question gets the same answer. A part that the provider refuses for good has
failed: it is parked until somebody retries it. Of one that nobody knows of the caller asks again;
that keeps no other part waiting.
"""

from collections.abc import Callable
from functools import partial

from oms.kernel.errors import ProviderUnavailable, Refused
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import repaying
from oms.orders.command import execute_on
from oms.orders.decisions import Events
from oms.orders.model import STORE_CREDIT, Order, Refund, RefundPart
from oms.orders.payment import Providers
from oms.orders.store import Orders
from oms.payments.providers import (
    Approved,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    definite,
    idempotency_key,
)

# By account (the customer's own when empty), customer, amount and key: the reference of the credit.
Credit = Callable[[str, str, Money, str], str]


def give_back(
    order_id: str,
    refund_id: str,
    orders: Orders,
    providers: Providers,
    credit: Credit,
    cause: Cause,
) -> Order:
    """Carry out what of a refund is asked for and not decided. Raises ``ProviderUnavailable`` when
    a part is not known of, after all others were tried; one that is pending waits for its
    callback."""
    order = orders.load(order_id)
    wanted = order.refund(refund_id)
    if wanted is None or wanted.pays_another_order:
        return order
    unknown: ProviderUnavailable | None = None
    for part in wanted.parts:
        if part.state != "requested":
            continue
        try:
            outcome = _ask(order, wanted, part, providers, credit)
        except ProviderUnavailable as missing:
            unknown = missing
            continue
        order = _record(order, wanted, part, outcome, orders, cause)
    if unknown:
        raise unknown
    return order


def refund_key(refund: Refund, part: RefundPart) -> str:
    """Of one attempt at one part, e.g. ``rfd_…_1:pay_…_2:refund:1``."""
    return idempotency_key(f"{refund.id}:{part.payment_id}", "refund", part.attempt)


def _ask(
    order: Order, refund: Refund, part: RefundPart, providers: Providers, credit: Credit
) -> ProviderOutcome:
    """What will never be done is an answer too."""
    try:
        if refund.is_credit:
            return Approved(_credited(order, refund, part, credit))
        return definite(_ask_provider(order, refund, part, providers))
    except Refused as refused:
        return Declined(refused.problem_code)


def _credited(order: Order, refund: Refund, part: RefundPart, credit: Credit) -> str:
    account = "" if refund.to == STORE_CREDIT else refund.to
    amount = Money(part.amount, order.content.currency)
    return credit(account, order.content.customer.id, amount, refund_key(refund, part))


def _ask_provider(
    order: Order, refund: Refund, part: RefundPart, providers: Providers
) -> ProviderOutcome:
    payment = order.payments.find(part.payment_id)
    return providers(payment.provider).refund(
        RefundRequest(
            order_id=order.order_id,
            payment_id=payment.id,
            refund_id=refund.id,
            authorization=payment.authorization,
            amount=Money(part.amount, order.content.currency),
            idempotency_key=refund_key(refund, part),
        )
    )


def _record(
    order: Order,
    refund: Refund,
    part: RefundPart,
    outcome: ProviderOutcome,
    orders: Orders,
    cause: Cause,
) -> Order:
    match outcome:
        case Approved(reference):
            return execute_on(orders, order, partial(_paid, refund, part, reference, cause), cause)
        case Declined():
            refused = partial(_refused, refund, part, outcome, cause)
            return execute_on(orders, order, refused, cause)
        case Pending():
            return order


def _paid(refund: Refund, part: RefundPart, reference: str, cause: Cause, order: Order) -> Events:
    key = refund_key(refund, part)
    return repaying.refund_paid(
        order, refund.id, part.amount, reference, key, part.payment_id, cause.at
    )


def _refused(
    refund: Refund, part: RefundPart, said: Declined, cause: Cause, order: Order
) -> Events:
    key = refund_key(refund, part)
    return repaying.refund_refused(
        order, refund.id, part.amount, said.code, key, part.payment_id, cause.at, said.reference
    )
