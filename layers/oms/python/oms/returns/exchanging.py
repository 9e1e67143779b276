"""Exchanges, and what claims are replaced by: drafted, and confirmed as one new order.

The new order and what happens to the order that the goods came from are one transaction, so that
neither is there without the other; its id follows from the return's, so that there is one. From
then on it is an order like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from oms.kernel.errors import Conflict, Invalid, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_id, order_of, payment_id
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders.capture import content_settled
from oms.orders.command import ATTEMPTS, execute_on
from oms.orders.contract import (
    AddressDocument,
    CaptureOrder,
    CustomerDocument,
    FeeDocument,
    PaymentDocument,
)
from oms.orders.decisions import Events
from oms.orders.events import Event, PaymentCollected
from oms.orders.model import Content, Order, PaymentRequest
from oms.payments.account_tokens import Digest
from oms.payments.registry import refuse_unusable_token
from oms.returns import exchange
from oms.returns.decisions import find
from oms.returns.exchange import AskedExchange, Quote
from oms.returns.exchange_contract import (
    RETURN_SHIPPING,
    ExchangeDocument,
    the_same_again,
    wanted_in,
    wanted_of,
)
from oms.returns.model import Return, ReturnKind
from oms.returns.policy import ReturnPolicy
from oms.returns.returning import policy_of
from oms.returns.store import ReturnDesk
from oms.returns.unreturned import Expected, ExpectedReturns

EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class ExchangeDesk:
    """What an exchange is dealt with by. ``gift_card_digest``: what is kept of a card's code that
    the customer pays with."""

    returns: ReturnDesk
    expected: ExpectedReturns
    gift_card_digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Drafted:
    order: Order
    found: Return
    quote: Quote


@dataclass(frozen=True, slots=True)
class Confirmed:
    """``created`` is false when it was confirmed before."""

    order: Order
    found: Return
    created: bool


def draft(
    return_id: str,
    document: ExchangeDocument,
    desk: ExchangeDesk,
    cause: Cause,
    *,
    preview: bool = False,
) -> Drafted:
    """What the exchange comes to now; as a ``preview`` nothing is kept. Raises as
    ``exchange.check_draft``, and ``Invalid`` with every fault, as the capture of an order."""
    orders = desk.returns.orders
    order = orders.load(order_of(return_id))
    found = exchange.check_draft(order, return_id)
    policy = policy_of(found, desk.returns)
    total = _content(order, found, document, (), desk, cause, lambda content: content).total.minor

    def quoted(now: Order) -> Quote:
        return exchange.drafted(now, find(now, return_id), policy, total)

    def decide(now: Order) -> Events:
        return exchange.draft(now, return_id, wanted_of(document), quoted(now))

    quote = quoted(order)
    after = order if preview else execute_on(orders, order, decide, cause)
    return Drafted(after, find(after, return_id), quote)


def preview(
    return_id: str, asked: AskedExchange, desk: ExchangeDesk, cause: Cause
) -> tuple[Drafted, ExchangeDocument]:
    """What confirming would come to. Raises as ``confirm``, but for payments."""
    order = desk.returns.orders.load(order_of(return_id))
    found = find(order, return_id)
    units = exchange.check_confirmed(order, return_id, policy_of(found, desk.returns), asked)
    document = _wanted(order, found, units)
    content = _content(order, found, document, (), desk, cause, lambda each: each)
    policy = policy_of(found, desk.returns)
    quote = exchange.quote(order, found, policy, units, content.total.minor)
    return Drafted(order, found, quote), document


def confirm(
    return_id: str,
    asked: AskedExchange,
    payments: Sequence[PaymentDocument],
    desk: ExchangeDesk,
    cause: Cause,
) -> Confirmed:
    """Make the new order, once. Of a claim without a draft it is the same again, at the price that
    was paid. Raises as ``exchange.check_confirmed``, ``Conflict`` (``nothing_wanted``), and
    ``Invalid`` with every fault: ``payment_needed`` where more is due than ``payments`` bear."""
    orders = desk.returns.orders
    for attempt in range(1, ATTEMPTS + 1):
        order = orders.load(order_of(return_id))
        found = find(order, return_id)
        if found.exchanged_for:
            return Confirmed(order, found, created=False)
        made = _made(order, found, asked, payments, desk, cause)
        try:
            captured = orders.add(
                made.content,
                f"{EXCHANGE}:{return_id}",
                cause,
                then=made.paid,
                also=[orders.appending(order, made.events, cause), *made.writes],
            )
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        after = orders.load(order.order_id)
        return Confirmed(after, find(after, return_id), captured.created)
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Made:
    content: Content
    paid: tuple[Event, ...]
    events: Events
    writes: tuple[Write, ...]


def _made(
    order: Order,
    found: Return,
    asked: AskedExchange,
    payments: Sequence[PaymentDocument],
    desk: ExchangeDesk,
    cause: Cause,
) -> _Made:
    policy = policy_of(found, desk.returns)
    units = exchange.check_confirmed(order, found.id, policy, asked)
    _check_charge(asked)
    document = _wanted(order, found, units)
    quotes: list[Quote] = []

    def settle(content: Content) -> Content:
        quote = exchange.quote(order, found, policy, units, content.total.minor)
        quotes.append(quote)
        return _settled(content, found, quote)

    content = _content(order, found, document, payments, desk, cause, settle)
    (quote,) = quotes
    return_by = _return_by(found, asked, policy, cause)
    events = exchange.confirm(order, found.id, quote, content.order_id, asked, return_by)
    due = (desk.expected.expect(Expected(found.id, return_by)),) if return_by else ()
    return _Made(content, tuple(_taken_over(content, found, quote)), events, due)


def _return_by(
    found: Return, asked: AskedExchange, policy: ReturnPolicy, cause: Cause
) -> datetime | None:
    if not asked.advance or asked.close or not found.expected:
        return None
    return cause.at + timedelta(days=policy.advance_days)


def _check_charge(asked: AskedExchange) -> None:
    if asked.charge:
        refuse_unusable_token(asked.charge.provider, asked.charge.method, asked.charge.token)


def _wanted(order: Order, found: Return, units: dict[str, int]) -> ExchangeDocument:
    document = wanted_in(found)
    if document is not None:
        return document
    if found.kind is not ReturnKind.CLAIM:
        raise Conflict("say first what is wanted in exchange", code="nothing_wanted")
    return the_same_again(order, units)


def _settled(content: Content, found: Return, quote: Quote) -> Content:
    """Paid by what comes back, and the rest by the customer."""
    paid = Money(quote.paid, content.currency)
    by_exchange = PaymentRequest(EXCHANGE, EXCHANGE, paid, reference=found.id, amount=paid)
    if not quote.collected:
        return replace(content, payments=(by_exchange,))
    if not content.payments:
        due = Money(quote.collected, content.currency)
        raise Invalid(
            f"{due} {due.currency} is due in addition: say how it is paid",
            code="payment_needed",
            context={"due": str(due), "currency": due.currency},
        )
    own = (by_exchange,) if quote.paid else ()
    return replace(content, payments=(*own, *content.payments))


def _taken_over(content: Content, found: Return, quote: Quote) -> Sequence[Event]:
    if not quote.paid:
        return ()
    number = payment_id(content.order_id, 1)
    return (PaymentCollected(number, quote.paid, found.id, f"{found.id}:{EXCHANGE}", EXCHANGE),)


def _content(
    order: Order,
    found: Return,
    document: ExchangeDocument,
    payments: Sequence[PaymentDocument],
    desk: ExchangeDesk,
    cause: Cause,
    settle: Callable[[Content], Content],
) -> Content:
    """Who ordered it, where it goes and how it is priced is as it was; the lines are checked as
    those of any order are."""
    before = order.content

    def settled(content: Content) -> Content:
        return settle(
            replace(
                content,
                customer=before.customer,
                shipping_address=before.shipping_address,
                exchange_of=found.id,
            )
        )

    return content_settled(
        _request(order, found, document, payments),
        order_id(before.channel, f"{EXCHANGE}:{found.id}"),
        desk.returns.catalog,
        cause,
        settled,
        desk.gift_card_digest,
    )


def _request(
    order: Order,
    found: Return,
    document: ExchangeDocument,
    payments: Sequence[PaymentDocument],
) -> CaptureOrder:
    """What was captured once is not checked again."""
    before = order.content
    name = f"{before.known_as}-{found.id.rpartition('_')[2]}"
    return CaptureOrder.model_construct(
        channel=before.channel,
        channel_order_id=f"{EXCHANGE}:{found.id}",
        channel_order_name=name,
        currency=before.currency,
        customer=CustomerDocument.model_construct(**asdict(before.customer)),
        shipping_address=AddressDocument.model_construct(**asdict(before.shipping_address)),
        lines=document.lines,
        prices_include_tax=before.prices_include_tax,
        shipping=document.shipping,
        shipping_tax=document.shipping_tax,
        fees=_fees(document),
        discount=document.discount,
        total="0",
        payments=list(payments),
        on_out_of_stock=before.on_out_of_stock,
        priority=before.priority,
        tags=before.tags,
    )


def _fees(document: ExchangeDocument) -> tuple[FeeDocument, ...]:
    back = FeeDocument(
        fee_id=RETURN_SHIPPING, name="Return shipping", amount=document.return_shipping
    )
    free = not document.return_shipping.strip("0.")
    return document.fees if free else (*document.fees, back)
