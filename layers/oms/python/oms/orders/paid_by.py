"""How an order says that it will be paid: one payment, or several that come to its total."""

from collections.abc import Iterator

from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money, total
from oms.orders.amounts import MoneyReader
from oms.orders.contract import CaptureOrder, PaymentDocument
from oms.orders.model import Content, Method, PaymentRequest
from oms.payments.account_tokens import Digest, kept_token
from oms.payments.model import CASH_ON_DELIVERY, IN_STORE
from oms.payments.registry import refuse_unusable_token


def payments_asked(
    request: CaptureOrder,
    money: MoneyReader,
    faults: Faults,
    gift_card_digest: Digest | None,
    is_settled: bool = False,
) -> tuple[PaymentRequest, ...]:
    """Of a gift card's code nothing but the digest is kept. ``is_settled``: the customer need not
    pay anything.

    Faults: ``payment_missing``, ``payment_twice``, and those of tokens and amounts.
    """
    if request.payment and request.payments:
        faults.add("payments", "payment_twice", "say payment, or payments")
    if not request.payment and not request.payments and not is_settled:
        faults.add("payment", "payment_missing", "say how the order is paid")
    if sum(document.amount is None for document in request.payments) > 1:
        faults.add("payments", "payment_amount_missing", "one may be without an amount, not more")
    return tuple(
        _asked(path, document, money, faults, gift_card_digest)
        for path, document in _documents(request)
    )


def check_payments(content: Content, faults: Faults) -> None:
    """The amounts must come to the total: each more than nothing, the rest where one is without."""
    if content.collected > content.total:
        faults.add("payment.collected", "collected_above_total", "more was taken than is due")
    amounts = [asked.amount for asked in content.payments if asked.amount is not None]
    if not amounts:
        return
    if any(amount.minor <= 0 for amount in amounts):
        faults.add("payments", "invalid_amount", "each payment bears something")
    named = total(amounts, content.currency)
    has_rest = len(amounts) < len(content.payments)
    if named != content.total and not (has_rest and named < content.total):
        faults.add(
            "payments", "payments_mismatch", f"they come to {named}, the order to {content.total}"
        )


def check_paid_in_store(request: CaptureOrder, faults: Faults) -> None:
    """What a carrier brings meets no till, and what is collected no driver."""
    shipped = any(line.method is Method.SHIP for line in request.lines)
    collected = any(line.method is not Method.SHIP for line in request.lines)
    for path, document in _documents(request):
        if document.method == CASH_ON_DELIVERY and collected:
            faults.add(
                f"{path}.method",
                "cash_on_delivery_needs_shipping",
                "only what a carrier brings is paid at the door",
            )
        if document.method == IN_STORE and shipped:
            faults.add(
                f"{path}.method",
                "in_store_needs_pickup",
                "only what is collected is paid in a store",
            )


def _documents(request: CaptureOrder) -> Iterator[tuple[str, PaymentDocument]]:
    if request.payment:
        yield "payment", request.payment
    for index, document in enumerate(request.payments):
        yield f"payments.{index}", document


def _asked(
    path: str,
    document: PaymentDocument,
    money: MoneyReader,
    faults: Faults,
    gift_card_digest: Digest | None,
) -> PaymentRequest:
    token = ""
    try:
        token = kept_token(document.provider, document.token, gift_card_digest)
        refuse_unusable_token(document.provider, document.method, token)
    except Invalid as fault:
        faults.add(f"{path}.token", fault.problem_code, fault.detail)
    amount: Money | None = None
    if document.amount is not None:
        amount = money.read(f"{path}.amount", document.amount)
    return PaymentRequest(
        method=document.method,
        provider=document.provider,
        collected=money.read(f"{path}.collected", document.collected),
        token=token,
        reference=document.reference,
        amount=amount,
    )
