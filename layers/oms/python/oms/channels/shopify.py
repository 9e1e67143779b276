"""Orders of a Shopify shop, from its ``orders/create`` webhook.

The signature is ``X-Shopify-Hmac-SHA256``, base64 of the HMAC-SHA256 of the raw body with the app's
client secret (shopify.dev, "Verify webhooks"); Shopify sends each header without its ``X-`` too.
Duplicates are normal and harmless: the natural key is the shop's domain with the order's id.

Other topics are acknowledged and ignored, because Shopify drops a subscription whose deliveries
keep failing. An order that is cancelled by the time it arrives is ignored as well.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from oms.channels.importing import capture_requested
from oms.channels.model import (
    Call,
    ChannelAddress,
    ChannelCustomer,
    ChannelFee,
    ChannelLine,
    ChannelOrder,
    Command,
    Delivery,
    Ignored,
)
from oms.channels.payload import Payload, parse_payload, text_of
from oms.channels.signatures import lower_names, verify_body_hmac
from oms.kernel.errors import Invalid, Unauthenticated
from oms.kernel.money import Money, total

_TOPIC, _SHOP = "shopify-topic", "shopify-shop-domain"


def verify(call: Call, secret: str, now: datetime) -> Delivery:
    """Shopify signs no time, so ``now`` plays no part: a replay is a duplicate."""
    given = _unprefixed(call.headers)
    signature = given.get("shopify-hmac-sha256", "").strip()
    if secret and not signature:
        raise Unauthenticated("the signature header is missing", code="missing_signature")
    verify_body_hmac(signature, call.body, secret)
    body = text_of(call.body)
    delivery_id = given.get("shopify-webhook-id") or hashlib.sha256(call.body).hexdigest()
    kept = {name: given[name] for name in (_TOPIC, _SHOP) if name in given}
    return Delivery(delivery_id, body, kept)


def read(delivery: Delivery) -> tuple[Command, ...]:
    topic = delivery.headers.get(_TOPIC, "")
    if topic != "orders/create":
        return (Ignored(f"the topic {topic or '(none)'} is not handled"),)
    order = read_order(delivery.body)
    if order.cancelled:
        return (Ignored("the order was cancelled before it arrived"),)
    return (capture_requested(channel_of(delivery), order),)


def channel_of(delivery: Delivery) -> str:
    """``shopify:<shop domain>``: a shop's id stays the same, whatever name it shows."""
    shop = delivery.headers.get(_SHOP, "").strip().lower()
    if not shop:
        raise Invalid("the shop's domain is missing", code="missing_header")
    return f"shopify:{shop}"


def read_order(body: str) -> ChannelOrder:
    """The facts of an order resource, in the shop's own currency.

    Its field names are those of the REST Admin API, whose order a webhook carries unchanged.
    """
    order = parse_payload(body)
    currency = order.at("currency").text()
    return ChannelOrder(
        external_order_id=order.at("id").text(),
        display_name=order.at("name").text_or_empty(),
        currency=currency,
        prices_include_tax=order.at("taxes_included").flag(),
        lines=tuple(_line(line, currency) for line in order.at("line_items").elements()),
        items_before_discount=order.at("total_line_items_price").money(currency),
        subtotal=order.at("subtotal_price").money(currency),
        discount=order.at("total_discounts").money_or_zero(currency),
        shipping=_shipping(order, currency),
        tax=order.at("total_tax").money_or_zero(currency),
        total=order.at("total_price").money(currency),
        outstanding=order.at("total_outstanding").money_or_none(currency),
        financial_status=order.at("financial_status").text_or_none(),
        fulfillment_status=order.at("fulfillment_status").text_or_none(),
        cancelled=bool(order.at("cancelled_at")),
        cancel_reason=order.at("cancel_reason").text_or_none(),
        placed_at=order.at("created_at").text_or_empty(),
        customer=_customer(order),
        shipping_address=_address(order),
        shipping_due=_shipping_due(order, currency),
        shipping_discount=_shipping_discount(order, currency),
        fees=tuple(_fees(order, currency)),
    )


def _line(line: Payload, currency: str) -> ChannelLine:
    return ChannelLine(
        external_line_id=line.at("id").text(),
        sku=line.at("sku").text_or_none(),
        name=line.at("title").text_or_empty(),
        quantity=line.at("quantity").whole_number(),
        unit_price=line.at("price").money(currency),
        discount=_line_discount(line, currency),
        tax=_sum(line.at("tax_lines"), "price", currency),
    )


def _line_discount(line: Payload, currency: str) -> Money:
    """Allocations hold the line's share of the order's discounts too; ``total_discount`` does not,
    and is what old API versions send alone."""
    if line.at("discount_allocations").value:
        return _sum(line.at("discount_allocations"), "amount", currency)
    return line.at("total_discount").money_or_zero(currency)


def _shipping(order: Payload, currency: str) -> Money:
    """As the order states it; API versions differ on whether discounts are off it."""
    stated = order.at("total_shipping_price_set", "shop_money", "amount")
    return stated.money(currency) if stated else _shipping_before_discount(order, currency)


def _shipping_before_discount(order: Payload, currency: str) -> Money:
    return total([line.at("price").money(currency) for line in _shipping_lines(order)], currency)


def _shipping_due(order: Payload, currency: str) -> Money:
    lines = _shipping_lines(order)
    if not lines:
        return _shipping(order, currency)
    due = [(line.at("discounted_price") or line.at("price")).money(currency) for line in lines]
    return total(due, currency)


def _shipping_lines(order: Payload) -> list[Payload]:
    lines = order.at("shipping_lines").elements()
    return [line for line in lines if not line.at("is_removed").flag()]


def _shipping_discount(order: Payload, currency: str) -> Money:
    if not _shipping_lines(order):
        return Money.zero(currency)
    return _shipping_before_discount(order, currency) - _shipping_due(order, currency)


def _fees(order: Payload, currency: str) -> Iterator[ChannelFee]:
    tip = order.at("total_tip_received").money_or_zero(currency)
    duties = _duties(order, currency)
    if tip:
        yield ChannelFee("tip", "Tip", tip)
    if duties:
        yield ChannelFee("duties", "Duties", duties)


def _duties(order: Payload, currency: str) -> Money:
    if order.at("duties_included").flag():
        return Money.zero(currency)
    return order.at("original_total_duties_set", "shop_money", "amount").money_or_zero(currency)


def _sum(elements: Payload, name: str, currency: str) -> Money:
    return total([element.at(name).money(currency) for element in elements.elements()], currency)


def _customer(order: Payload) -> ChannelCustomer:
    customer = order.at("customer")
    email = order.at("email").text_or_empty() or customer.at("email").text_or_empty()
    names = [
        _person(customer),
        _person(order.at("billing_address")),
        _person(order.at("shipping_address")),
        email,
    ]
    return ChannelCustomer(
        id=customer.at("id").text_or_empty(),
        name=next((name for name in names if name), ""),
        email=email,
        phone=order.at("phone").text_or_empty() or customer.at("phone").text_or_empty(),
        locale=order.at("customer_locale").text_or_empty(),
    )


def _address(order: Payload) -> ChannelAddress | None:
    address = order.at("shipping_address")
    if not address:
        return None
    return ChannelAddress(
        name=_person(address) or address.at("company").text_or_empty(),
        line1=address.at("address1").text_or_empty(),
        line2=address.at("address2").text_or_empty(),
        city=address.at("city").text_or_empty(),
        region=address.at("province_code").text_or_empty()
        or address.at("province").text_or_empty(),
        postal_code=address.at("zip").text_or_empty(),
        country=address.at("country_code").text_or_empty(),
        latitude=address.at("latitude").degrees(),
        longitude=address.at("longitude").degrees(),
    )


def _person(someone: Payload) -> str:
    parts = (someone.at(name).text_or_empty().strip() for name in ("first_name", "last_name"))
    return someone.at("name").text_or_empty().strip() or " ".join(part for part in parts if part)


def _unprefixed(headers: Mapping[str, str]) -> dict[str, str]:
    """Without the ``X-``; where both forms are sent, the one with it counts."""
    given = lower_names(headers)
    prefixed = {
        name.removeprefix("x-"): value
        for name, value in given.items()
        if name.startswith("x-shopify-")
    }
    return given | prefixed
