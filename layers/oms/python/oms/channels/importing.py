"""From a channel's order to the document that ``POST /v1/orders`` takes."""

from oms.channels.model import CaptureRequested, ChannelAddress, ChannelOrder
from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money

_TEXT = 200

# An order that its channel has shipped need not say where to. ZZ: ISO 3166-1, user-assigned.
_NOWHERE = {"line1": "-", "city": "-", "country": "ZZ"}


def capture_requested(channel: str, order: ChannelOrder) -> CaptureRequested:
    """Raises ``Invalid`` for an order that we could not carry out as it stands.

    What the channel has collected is recorded, not taken again. An order that the channel has
    fulfilled already is captured for the record and takes no stock; of one that it has fulfilled in
    part nobody could tell what is left to ship, so a person must look.
    """
    if order.fulfillment_status in ("partial", "restocked"):
        raise Invalid(
            f"the channel says the order is {order.fulfillment_status}",
            code="partly_fulfilled_by_channel",
        )
    _check_skus(order)
    document: dict[str, object] = {
        "channel": channel,
        "channel_order_id": order.external_order_id,
        "channel_order_name": order.display_name[:_TEXT],
        "currency": order.currency,
        "customer": _customer(order),
        "shipping_address": _shipping_address(order),
        "lines": _lines(order),
        "prices_include_tax": order.prices_include_tax,
        "shipping": str(_shipping(order)),
        "shipping_tax": str(_shipping_tax(order)),
        "fees": [
            {"fee_id": fee.id, "name": fee.name, "amount": str(fee.amount)} for fee in order.fees
        ],
        "discount": str(_order_discount(order)),
        "total": str(order.total),
        "payment": {
            "method": "channel",
            "provider": "channel",
            "collected": str(order.collected),
            "reference": order.display_name[:_TEXT],
        },
    }
    if order.placed_at:
        document["placed_at"] = order.placed_at
    return CaptureRequested(document, fulfilled_by_channel=order.fulfilled)


def _check_skus(order: ChannelOrder) -> None:
    faults = Faults()
    for index, line in enumerate(order.lines):
        if not line.sku:
            faults.add(f"lines.{index}.sku", "sku_missing", "the channel sold it without a SKU")
    faults.refuse("a line has no SKU, so nothing can be sourced for it")


def _shipping(order: ChannelOrder) -> Money:
    """Less what the lines' taxes are more than all tax: a channel that rounds them apart."""
    if order.prices_include_tax:
        return order.shipping_due
    return order.shipping_due + min(_rest_of_tax(order), Money.zero(order.currency))


def _shipping_tax(order: ChannelOrder) -> Money:
    """What of the tax is on no line; no more than all of the shipping where that contains it."""
    rest = max(_rest_of_tax(order), Money.zero(order.currency))
    return min(rest, order.shipping_due) if order.prices_include_tax else rest


def _rest_of_tax(order: ChannelOrder) -> Money:
    return order.tax - order.line_taxes


def _order_discount(order: ChannelOrder) -> Money:
    """What is off neither a line nor the shipping."""
    rest = order.discount - order.line_discounts - order.shipping_discount
    return max(rest, Money.zero(order.currency))


def _lines(order: ChannelOrder) -> list[dict[str, object]]:
    return [
        {
            "line_id": line.external_line_id,
            "sku": line.sku,
            "name": line.name[:_TEXT],
            "quantity": line.quantity,
            "unit_price": str(line.unit_price),
            "discount": str(line.discount),
            "tax": str(line.tax),
        }
        for line in order.lines
    ]


def _customer(order: ChannelOrder) -> dict[str, object]:
    customer = order.customer
    return {
        "id": customer.id,
        "name": customer.name[:_TEXT],
        "email": customer.email,
        "phone": customer.phone[:_TEXT],
        "locale": customer.locale,
    }


def _shipping_address(order: ChannelOrder) -> dict[str, object]:
    if order.shipping_address is not None:
        return _address(order.shipping_address)
    if order.fulfilled:
        return {"name": order.customer.name[:_TEXT], **_NOWHERE}
    raise Invalid("the order does not say where to ship", code="address_missing")


def _address(address: ChannelAddress) -> dict[str, object]:
    return {
        "name": address.name[:_TEXT],
        "line1": address.line1[:_TEXT],
        "line2": address.line2[:_TEXT],
        "city": address.city[:_TEXT],
        "region": address.region[:_TEXT],
        "postal_code": address.postal_code[:_TEXT],
        "country": address.country,
        "latitude": address.latitude,
        "longitude": address.longitude,
    }
