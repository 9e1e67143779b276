"""Capture: a channel's request becomes an order, once."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.model import Channel, Item, Node
from oms.catalog.store import Catalog
from oms.customers.tax_id import is_brazilian_tax_id, normalise
from oms.inventory.reservations import Reservations
from oms.inventory.selling import check_amount
from oms.inventory.store import Stock
from oms.kernel.errors import (
    Conflict,
    Faults,
    Invalid,
    MalformedRequest,
    NotFound,
    Refused,
    TooLarge,
)
from oms.kernel.events import Cause
from oms.kernel.ids import order_id
from oms.kernel.quantity import positive_quantity
from oms.kernel.writes import Write
from oms.orders import promised
from oms.orders.amounts import MoneyReader
from oms.orders.bundles import with_parts
from oms.orders.charging import check_rate, check_total, fees_of, with_tax
from oms.orders.contract import (
    MAX_LINES,
    AddressDocument,
    CaptureOrder,
    Document,
    LineDocument,
    PaymentDocument,
    placed_at,
)
from oms.orders.decisions import NOTHING, Events
from oms.orders.model import (
    Address,
    CaptureOn,
    Content,
    Customer,
    Line,
    Method,
    Order,
)
from oms.orders.paid_by import check_paid_in_store, check_payments, payments_asked
from oms.orders.parts import captured_total
from oms.orders.promised import Accept
from oms.orders.reserved import source_from_reservation
from oms.orders.store import Captured, Orders
from oms.payments.account_tokens import GIFT_CARD, Digest

# Members of ``CaptureOrder`` that orders were captured without before.
_CAME_LATER = (
    "priority",
    "reservation",
    "promise",
    "tags",
    "sold_at",
    "payments",
    "fees",
    "shipping_tax",
)
_CAME_LATER_TO_A_LINE = ("method", "pickup_node", "tax_rate")
_CAME_LATER_TO_A_CUSTOMER = ("customer_class",)
_CAME_LATER_TO_A_PAYMENT = ("amount",)


# The order with how it is paid, once its total is known.
Settle = Callable[[Content], Content]


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """``created`` is false when the same order had been captured before."""

    order: Order
    created: bool


def capture(
    request: CaptureOrder,
    orders: Orders,
    catalog: Catalog,
    cause: Cause,
    *,
    idempotency_key: str = "",
    fulfilled_by_channel: bool = False,
    reservations: Reservations | None = None,
    accept: Accept | None = None,
    stock: Stock | None = None,
    gift_card_digest: Digest | None = None,
) -> CaptureResult:
    """Store the order, or find it when it was captured before.

    The natural key is the channel with its order id, else with the ``Idempotency-Key``. Raises
    ``Invalid`` with every fault, ``TooLarge``, and ``Conflict`` (``content_differs``) when the key
    was used for another content. With a reservation the order is sourced at once; raises as
    ``held_for`` does. With a promise it is captured together with all that the promise takes, which
    ``accept`` prepares, and with the stock that it was promised from a shelf; raises as that does,
    and as ``oms.orders.promised.add``. ``gift_card_digest`` makes what is kept of the code of a
    gift card; without it none is taken.
    """
    _refuse_too_many_lines(len(request.lines))
    identity = order_id(request.channel, _natural_key(request, idempotency_key))
    content = _content(request, identity, catalog, cause, fulfilled_by_channel, gift_card_digest)
    fingerprint = _fingerprint(request, content)
    if request.promise is None:
        then, also = _reserved(request, content, reservations, catalog, cause)
        captured = orders.add(content, fingerprint, cause, then=then, also=also)
    elif accept is None or stock is None:
        raise Invalid("an order is not captured with a promise here", code="promise_refused")
    else:
        captured = _add_promised(
            request, content, fingerprint, orders, catalog, cause, reservations, accept, stock
        )
    if not captured.created and captured.fingerprint != fingerprint:
        raise Conflict(
            "this key was used for an order with another content",
            code="content_differs",
            context={"order_id": identity},
        )
    return CaptureResult(captured.order, captured.created)


def _reserved(
    request: CaptureOrder,
    content: Content,
    reservations: Reservations | None,
    catalog: Catalog,
    cause: Cause,
) -> tuple[Events, list[Write]]:
    if not request.reservation:
        return NOTHING, []
    assert reservations is not None
    return source_from_reservation(request.reservation, content, reservations, catalog, cause)


def _add_promised(
    request: CaptureOrder,
    content: Content,
    fingerprint: str,
    orders: Orders,
    catalog: Catalog,
    cause: Cause,
    reservations: Reservations | None,
    accept: Accept,
    stock: Stock,
) -> Captured:
    assert request.promise is not None
    try:
        accepted = accept(content, request.promise.id, request.promise.option, cause.at)
        if request.reservation:
            then, also = _reserved(request, accepted.content, reservations, catalog, cause)
            return promised.add_sourced(accepted, fingerprint, then, also, orders, cause)
        return promised.add(accepted, fingerprint, orders, stock, catalog, cause)
    except Refused:
        # Sent again, an order is found although its promise has expired since, or its stock gone.
        if _is_there(content.order_id, orders):
            return orders.add(content, fingerprint, cause)
        raise


def _is_there(identity: str, orders: Orders) -> bool:
    try:
        orders.load(identity)
    except NotFound:
        return False
    return True


def _refuse_too_many_lines(lines: int) -> None:
    if lines > MAX_LINES:
        raise TooLarge(
            f"the order has {lines} lines, the limit is {MAX_LINES}",
            code="too_many_lines",
            context={"limit": "lines", "maximum": MAX_LINES, "actual": lines},
        )


def _natural_key(request: CaptureOrder, idempotency_key: str) -> str:
    if request.channel_order_id:
        return f"id:{request.channel_order_id}"
    if idempotency_key:
        return f"key:{idempotency_key}"
    raise MalformedRequest(
        "send channel_order_id, or an Idempotency-Key header",
        code="missing_natural_key",
    )


def _fingerprint(request: CaptureOrder, content: Content) -> str:
    """A member that came later counts only when it is sent: the order that a channel posted before
    there was one, and posts again now, is the same. Of a gift card's code its digest counts: with
    the rest of an order at hand a short code is soon guessed from a hash that has it."""
    unsent: dict[str, Any] = dict.fromkeys(_unsent(request, _CAME_LATER), True)
    unsent["customer"] = _unsent(request.customer, _CAME_LATER_TO_A_CUSTOMER)
    if request.payment:
        unsent["payment"] = _unsent(request.payment, _CAME_LATER_TO_A_PAYMENT)
        unsent["payment"] |= _code(request.payment)
    if request.payments:
        codes = {index: _code(document) for index, document in enumerate(request.payments)}
        unsent["payments"] = codes
    unsent["lines"] = {
        index: _unsent(line, _CAME_LATER_TO_A_LINE) for index, line in enumerate(request.lines)
    }
    digests = [asked.token for asked in content.payments if asked.provider == GIFT_CARD]
    text = request.model_dump_json(exclude=unsent) + "".join(digests)
    return hashlib.sha256(text.encode()).hexdigest()


def _code(document: PaymentDocument) -> set[str]:
    return {"token"} if document.provider == GIFT_CARD else set()


def _unsent(document: Document, came_later: Iterable[str]) -> set[str]:
    fields = type(document).model_fields
    return {
        name
        for name in came_later
        if getattr(document, name) == fields[name].get_default(call_default_factory=True)
    }


def content_settled(
    request: CaptureOrder,
    identity: str,
    catalog: Catalog,
    cause: Cause,
    settle: Settle,
    gift_card_digest: Digest | None = None,
) -> Content:
    """An order that nobody posted: its total is what it comes to, and ``settle`` says how that is
    paid. Raises as ``capture``; ``Invalid`` (``total_below_zero``)."""
    return _content(request, identity, catalog, cause, False, gift_card_digest, settle)


def _content(
    request: CaptureOrder,
    identity: str,
    catalog: Catalog,
    cause: Cause,
    fulfilled_by_channel: bool,
    gift_card_digest: Digest | None,
    settle: Settle | None = None,
) -> Content:
    faults = Faults()
    channel = catalog.channel(request.channel)
    _check_channel(request, channel, faults)
    items = with_components({line.sku for line in request.lines}, catalog)
    money = MoneyReader(request.currency, faults)
    lines = tuple(
        line
        for index, document in enumerate(request.lines)
        if (line := _line(f"lines.{index}", document, items.get(document.sku), money, faults))
    )
    _check_lines_once(lines, request, faults)
    _check_parts(request, items, faults)
    if not fulfilled_by_channel:
        _check_amounts(lines, request, items, faults)
    customer = _customer(request, faults)
    _check_address(request.shipping_address, "shipping_address.", faults)
    if not fulfilled_by_channel:
        _check_nodes(request, catalog, faults)
        check_paid_in_store(request, faults)
    content = Content(
        order_id=identity,
        channel=request.channel,
        channel_order_id=request.channel_order_id or "",
        currency=request.currency,
        captured_at=cause.at,
        placed_at=_placed_at(request, cause.at, faults),
        customer=customer,
        shipping_address=Address(**request.shipping_address.model_dump()),
        lines=lines,
        shipping=money.read("shipping", request.shipping),
        discount=money.read("discount", request.discount),
        total=money.read("total", request.total),
        payments=payments_asked(request, money, faults, gift_card_digest, settle is not None),
        on_out_of_stock=request.on_out_of_stock,
        prices_include_tax=request.prices_include_tax,
        fulfilled_by_channel=fulfilled_by_channel,
        correlation_id=cause.correlation_id,
        channel_order_name=request.channel_order_name,
        priority=request.priority,
        tags=request.tags,
        sold_at=request.sold_at,
        capture_on=CaptureOn(channel.capture_on) if channel else CaptureOn.DELIVERY,
        shipping_tax=money.read("shipping_tax", request.shipping_tax) or None,
        fees=fees_of(request, money, faults),
    )
    faults.refuse("the order breaks a rule")
    content = with_tax(content, request, faults)
    if settle is not None:
        content = replace(content, total=captured_total(content))
        if content.total.minor < 0:
            raise Invalid("the discount exceeds the rest", code="total_below_zero")
        content = settle(content)
    check_total(content, faults)
    if settle is None or content.total:
        check_payments(content, faults)
    faults.refuse("the order's amounts do not add up")
    return _with_parts(content, items)


def _with_parts(content: Content, items: Mapping[str, Item]) -> Content:
    """Each bundle as its parts; the limits of an order hold for these too."""
    lines = with_parts(content.lines, items)
    _refuse_too_many_lines(len(lines))
    if len({line.line_id for line in lines}) < len(lines):
        raise Invalid("a line has the id of a bundle's part", code="line_twice")
    return replace(content, lines=lines)


def _check_channel(request: CaptureOrder, channel: Channel | None, faults: Faults) -> None:
    if channel is None:
        faults.add("channel", "unknown_channel", f"{request.channel!r} is not a known channel")
    elif request.currency not in channel.currencies:
        allowed = ", ".join(channel.currencies)
        faults.add("currency", "wrong_currency", f"{request.channel} sells in {allowed}")


def _line(
    path: str,
    document: LineDocument,
    item: Item | None,
    money: MoneyReader,
    faults: Faults,
) -> Line | None:
    if item is None or not item.active:
        faults.add(f"{path}.sku", "unknown_sku", f"{document.sku!r} is not sold")
        return None
    return Line(
        line_id=document.line_id or document.sku,
        sku=item.sku,
        name=document.name or item.name,
        quantity=positive_quantity(document.quantity, item.scale, f"{path}.quantity", faults),
        unit_price=money.read(f"{path}.unit_price", document.unit_price),
        discount=money.read(f"{path}.discount", document.discount),
        tax=money.read(f"{path}.tax", document.tax),
        scale=item.scale,
        method=document.method,
        pickup_node=document.pickup_node,
        tax_rate=check_rate(f"{path}.tax_rate", document.tax_rate, faults),
    )


def _check_lines_once(lines: tuple[Line, ...], request: CaptureOrder, faults: Faults) -> None:
    seen: set[str] = set()
    for index, document in enumerate(request.lines):
        line_id = document.line_id or document.sku
        if line_id in seen:
            faults.add(f"lines.{index}", "line_twice", f"the line {line_id!r} is there already")
        seen.add(line_id)


def _check_parts(request: CaptureOrder, items: Mapping[str, Item], faults: Faults) -> None:
    for index, document in enumerate(request.lines):
        item = items.get(document.sku)
        for part in parts_of(item.sku, items) if item and item.components else ():
            if not items[part].active:
                faults.add(f"lines.{index}.sku", "unknown_sku", f"its part {part!r} is not sold")


def _check_amounts(
    lines: tuple[Line, ...], request: CaptureOrder, items: Mapping[str, Item], faults: Faults
) -> None:
    """How few and how many of an item sell holds for all lines of an order together."""
    ordered = Counter[str]()
    for line in lines:
        ordered[line.sku] += line.quantity
    first = {document.sku: index for index, document in reversed([*enumerate(request.lines)])}
    for sku, quantity in ordered.items():
        if quantity and (refused := check_amount(items[sku], quantity)):
            faults.add(f"lines.{first[sku]}.quantity", refused.code, refused.detail)


def _customer(request: CaptureOrder, faults: Faults) -> Customer:
    document = request.customer
    tax_id = normalise(document.tax_id)
    brazilian = request.shipping_address.country == "BR"
    if tax_id and brazilian and not is_brazilian_tax_id(tax_id):
        faults.add("customer.tax_id", "invalid_tax_id", "this is neither a CPF nor a CNPJ")
    return Customer(
        name=document.name,
        id=document.id,
        email=document.email,
        phone=document.phone,
        tax_id=tax_id,
        locale=document.locale,
        customer_class=document.customer_class,
    )


def read_address(document: AddressDocument) -> Address:
    """Another address for an order. Raises ``Invalid`` (``invalid_postal_code``)."""
    faults = Faults()
    _check_address(document, "", faults)
    faults.refuse("the address breaks a rule")
    return Address(**document.model_dump())


def _check_address(address: AddressDocument, at: str, faults: Faults) -> None:
    digits = address.postal_code.replace("-", "")
    if address.country == "BR" and not (digits.isascii() and digits.isdigit() and len(digits) == 8):
        faults.add(f"{at}postal_code", "invalid_postal_code", "a CEP has 8 digits")


def _check_nodes(request: CaptureOrder, catalog: Catalog, faults: Faults) -> None:
    """Where it is handed over, and where it was sold."""
    named = {line.pickup_node for line in request.lines if line.pickup_node}
    named |= {request.sold_at} if request.sold_at else set()
    nodes = {node.id: node for node in catalog.nodes(named)} if named else {}
    for index, line in enumerate(request.lines):
        path = f"lines.{index}.pickup_node"
        if line.method is Method.SHIP and line.pickup_node:
            faults.add(path, "pickup_node_not_allowed", "what is shipped is handed over nowhere")
        elif line.method is not Method.SHIP and not line.pickup_node:
            faults.add(path, "pickup_node_needed", "say where it is handed over")
        elif line.pickup_node:
            _check_pickup_node(path, line, nodes.get(line.pickup_node), faults)
    if request.sold_at and request.sold_at not in nodes:
        faults.add("sold_at", "unknown_node", f"{request.sold_at!r} is not a node")


def _check_pickup_node(path: str, line: LineDocument, node: Node | None, faults: Faults) -> None:
    if node is None or not node.active:
        faults.add(path, "unknown_node", f"{line.pickup_node!r} is not a node, or not any more")
    elif node.pickup not in ("local", "any"):
        faults.add(path, "no_pickup_at_node", f"{node.id} hands nothing over")
    elif line.method is Method.SHIP_TO_STORE and node.pickup != "any":
        faults.add(path, "nothing_brought_to_node", f"{node.id} hands over only what it has")


def _placed_at(request: CaptureOrder, now: datetime, faults: Faults) -> datetime:
    placed = placed_at(request, now)
    if (placed - now).total_seconds() > 300:
        faults.add("placed_at", "in_the_future", "an order cannot be placed in the future")
    return placed
