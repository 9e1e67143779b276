"""What is printed on a parcel's label and packing slip, whatever it is printed with. Pure.

Texts are in the customer's language, addresses in the form of their country.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.catalog.model import Node
from oms.fulfillment.parcels import Packing, Parcel
from oms.notifications.formats import format_day, format_quantity
from oms.notifications.model import choose_locale
from oms.orders.model import Address, Order

Rows = tuple[tuple[str, str], ...]

_WORDS = {
    "pt-BR": {
        "from": "Remetente",
        "to": "Destinatário",
        "order": "Pedido",
        "placed": "Data do pedido",
        "parcel": "Volume",
        "of": "de",
        "weight": "Peso",
        "size": "Medidas",
        "service": "Serviço",
        "tracking": "Código de rastreio",
        "slip": "Lista de conteúdo",
        "quantity": "Qtd.",
        "item": "Item",
    },
    "en": {
        "from": "From",
        "to": "To",
        "order": "Order",
        "placed": "Order date",
        "parcel": "Parcel",
        "of": "of",
        "weight": "Weight",
        "size": "Size",
        "service": "Service",
        "tracking": "Tracking number",
        "slip": "Packing slip",
        "quantity": "Qty",
        "item": "Item",
    },
}


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """One parcel's. ``facts`` are captions with what belongs to them."""

    service: str
    sender: tuple[str, ...]
    recipient: tuple[str, ...]
    sender_caption: str
    recipient_caption: str
    facts: Rows
    tracking_caption: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class SlipLine:
    quantity: str
    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class PrintedSlip:
    """One parcel's. ``captions`` are those of quantity, SKU and item."""

    title: str
    recipient: tuple[str, ...]
    recipient_caption: str
    facts: Rows
    captions: tuple[str, str, str]
    lines: tuple[SlipLine, ...]


def labels_of(order: Order, packing: Packing, node: Node, to: Address) -> tuple[PrintedLabel, ...]:
    """Of the parcels that have one."""
    choice = packing.choice
    assert choice is not None
    words = _words(order)
    return tuple(
        PrintedLabel(
            service=f"{choice.carrier} – {choice.name}",
            sender=_sender(node),
            recipient=address_lines(to),
            sender_caption=words["from"],
            recipient_caption=words["to"],
            facts=_facts(order, packing, parcel, number),
            tracking_caption=words["tracking"],
            tracking_number=parcel.label.tracking_number,
        )
        for number, parcel in enumerate(packing.parcels, start=1)
        if parcel.label is not None
    )


def return_label_of(
    order: Order, service: str, tracking_number: str, weight_grams: int, to: Address
) -> PrintedLabel:
    """Of a parcel that the order's customer sends back."""
    words, locale = _words(order), _locale(order)
    facts = [(words["order"], _one_line(order.content.known_as))]
    if weight_grams:
        facts.append((words["weight"], f"{format_quantity(weight_grams, 3, locale)} kg"))
    return PrintedLabel(
        service=service,
        sender=address_lines(order.content.shipping_address),
        recipient=address_lines(to),
        sender_caption=words["from"],
        recipient_caption=words["to"],
        facts=tuple(facts),
        tracking_caption=words["tracking"],
        tracking_number=tracking_number,
    )


def slips_of(order: Order, packing: Packing, to: Address) -> tuple[PrintedSlip, ...]:
    words = _words(order)
    placed = (words["placed"], format_day(order.content.placed_at.date(), _locale(order)))
    return tuple(
        PrintedSlip(
            title=words["slip"],
            recipient=address_lines(to),
            recipient_caption=words["to"],
            facts=(placed, *_facts(order, packing, parcel, number), *_tracked(parcel, words)),
            captions=(words["quantity"], "SKU", words["item"]),
            lines=tuple(_slip_lines(order, parcel)),
        )
        for number, parcel in enumerate(packing.parcels, start=1)
    )


def address_lines(address: Address) -> tuple[str, ...]:
    """As a postman reads it there: in Brazil the district has a line of its own, the state follows
    the city, and the postal code (CEP) comes last; elsewhere it stands with the city."""
    if address.country == "BR":
        lines = [
            address.name,
            _joined(address.line1, address.line2),
            address.district,
            " - ".join(filter(None, (address.city, address.region))),
            f"CEP {cep(address.postal_code)}" if address.postal_code else "",
        ]
    else:
        lines = [
            address.name,
            address.line1,
            _joined(address.line2, address.district),
            " ".join(filter(None, (_joined(address.city, address.region), address.postal_code))),
            address.country,
        ]
    return tuple(line for line in map(_one_line, lines) if line)


def cep(postal_code: str) -> str:
    """``01310100`` is written ``01310-100``; what is none is left as it is."""
    digits = "".join(each for each in postal_code if each.isdigit())
    return f"{digits[:5]}-{digits[5:]}" if len(digits) == 8 else postal_code


def _facts(order: Order, packing: Packing, parcel: Parcel, number: int) -> Rows:
    words, locale = _words(order), _locale(order)
    place = f"{number} {words['of']} {len(packing.parcels)}"
    facts = [(words["order"], _one_line(order.content.known_as)), (words["parcel"], place)]
    if parcel.weight_grams:
        facts.append((words["weight"], f"{format_quantity(parcel.weight_grams, 3, locale)} kg"))
    if parcel.length_mm and parcel.width_mm and parcel.height_mm:
        sides = (parcel.length_mm, parcel.width_mm, parcel.height_mm)
        size = " × ".join(format_quantity(side, 1, locale) for side in sides)
        facts.append((words["size"], f"{size} cm"))
    return tuple(facts)


def _tracked(parcel: Parcel, words: dict[str, str]) -> Rows:
    return ((words["tracking"], parcel.label.tracking_number),) if parcel.label else ()


def _slip_lines(order: Order, parcel: Parcel) -> Sequence[SlipLine]:
    return [
        SlipLine(
            format_quantity(units.quantity, line.scale, _locale(order)),
            line.sku,
            _one_line(line.name),
        )
        for units in parcel.lines
        for line in [order.content.line(units.line_id)]
    ]


def _sender(node: Node) -> tuple[str, ...]:
    place = Address(
        name=node.name,
        line1="",
        city=node.city,
        country=node.country,
        region=node.region,
        postal_code=node.postal_code,
    )
    return address_lines(place)


def _words(order: Order) -> dict[str, str]:
    return _WORDS[_locale(order)]


def _locale(order: Order) -> str:
    content = order.content
    return choose_locale(content.customer.locale, content.shipping_address.country)


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _one_line(text: str) -> str:
    return " ".join(text.split())
