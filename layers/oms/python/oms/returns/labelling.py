"""A return's label, from the customer to a node.

As for parcels that leave: what is wanted is stored before the carrier is asked, and asked for under
one key, so that whoever asks again gets the same label.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.fulfillment.carriers import (
    BoughtLabel,
    CancelRequest,
    Carriers,
    LabelRequest,
    Rate,
    RateRequest,
)
from oms.fulfillment.documents import return_label_of
from oms.fulfillment.labels import address_of, origin
from oms.fulfillment.parcels import Choice, Parcel, weight_of
from oms.fulfillment.patience import patiently
from oms.fulfillment.printing import Format, print_label
from oms.fulfillment.rate_shopping import choose
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.orders.command import execute
from oms.orders.model import Order, Units
from oms.returns import decisions
from oms.returns.decisions import find
from oms.returns.model import Return, ReturnLabel
from oms.returns.returning import payer_of, policy_of
from oms.returns.store import ReturnDesk


@dataclass(frozen=True, slots=True)
class AskedLabel:
    """Nothing of it has to be said: to the policy's node, else to the one it came from, by the
    cheapest service, as heavy as its items are."""

    node: str = ""
    service: str = ""
    weight_grams: int | None = None


def buy_label(
    return_id: str, asked: AskedLabel, desk: ReturnDesk, carriers: Carriers, cause: Cause
) -> Order:
    """Once it is there it is answered again. Raises ``Conflict`` (``illegal_transition``;
    ``labelled`` to another node or by another service; ``no_carrier``; ``withdrawn`` when it was
    cancelled meanwhile: then the label is given back), ``Invalid`` (``unknown_service``,
    ``unknown_node`` when none is named and no node of ours sent it, ``carrier_refused``),
    ``NotFound`` and ``ProviderUnavailable``: then the same call goes on where this one stopped."""
    order = desk.orders.load(order_of(return_id))
    found = find(order, return_id)
    decisions.check_label(found, asked.node, asked.service)
    if found.label is None:
        label = _chosen(order, found, asked, desk, carriers, cause.at)
        order = execute(
            desk.orders,
            order.order_id,
            lambda now: decisions.choose_label(now, return_id, label),
            cause,
        )
        found = find(order, return_id)
    assert found.label is not None
    if found.label.tracking_number:
        return order
    bought = _bought(order, found, found.label, desk.catalog, carriers)
    order = execute(
        desk.orders,
        order.order_id,
        lambda now: decisions.label_bought(
            now, return_id, bought.tracking_number, bought.reference, bought.cost
        ),
        cause,
    )
    if not find(order, return_id).is_live:
        give_label_back(order, return_id, carriers)
        raise Conflict("the return is wanted no more", code="withdrawn")
    return order


def give_label_back(order: Order, return_id: str, carriers: Carriers) -> None:
    """Nothing is due for the label of a return that is wanted no more; again it is no fault. Raises
    ``ProviderUnavailable``."""
    found = find(order, return_id)
    if found.is_live or found.label is None:
        return
    label = found.label
    request = CancelRequest(label.key, label.tracking_number, label.reference)
    patiently(partial(carriers.named(label.labels_by).cancel, request))


def print_return_label(
    order: Order, return_id: str, catalog: Catalog, form: Format
) -> tuple[str, str | bytes]:
    """The media type, and what is printed. Raises ``Conflict`` (``not_labelled``, ``withdrawn``
    when it was given back)."""
    found = find(order, return_id)
    label = found.label
    if not found.is_live:
        raise Conflict("the return is wanted no more", code="withdrawn")
    if label is None or not label.tracking_number:
        raise Conflict("its label is not bought yet", code="not_labelled")
    to = address_of(origin(label.node, catalog))
    service = f"{label.carrier} – {label.service}"
    printed = return_label_of(order, service, label.tracking_number, label.weight_grams, to)
    return print_label([printed], form)


def _chosen(
    order: Order,
    found: Return,
    asked: AskedLabel,
    desk: ReturnDesk,
    carriers: Carriers,
    now: datetime,
) -> ReturnLabel:
    policy = policy_of(found, desk)
    leads_to = asked.node or policy.return_node or _came_from(order, found)
    if not leads_to:
        raise Invalid("no node of ours sent it: name the one it goes to", code="unknown_node")
    node = origin(leads_to, desk.catalog)
    weight = asked.weight_grams
    if weight is None:
        weight = _weight(order, found, desk.catalog)
    choice = _shop(order, node, weight, asked.service, desk.catalog, carriers, now)
    return ReturnLabel(
        key=f"{found.id}:label",
        node=node.id,
        service=choice.service,
        carrier=choice.carrier,
        labels_by=choice.labels_by,
        paid_by=payer_of(found, policy),
        weight_grams=weight,
    )


def _shop(
    order: Order,
    node: Node,
    weight: int,
    service: str,
    catalog: Catalog,
    carriers: Carriers,
    now: datetime,
) -> Choice:
    offered = [each for each in catalog.carrier_services() if each.labels_by and each.active]
    currency = order.content.currency
    rates: list[Rate] = []
    for name in sorted({each.labels_by for each in offered}):
        request = RateRequest(
            services=[each for each in offered if each.labels_by == name],
            origin=_customer(order),
            to=address_of(node),
            parcels=(_parcel(weight),),
            currency=currency,
            ready=now,
        )
        rates += patiently(partial(carriers.named(name).rates, request))
    return choose(rates, None, service, currency)


def _bought(
    order: Order, found: Return, label: ReturnLabel, catalog: Catalog, carriers: Carriers
) -> BoughtLabel:
    request = LabelRequest(
        _service(label.service, catalog),
        _customer(order),
        address_of(origin(label.node, catalog)),
        _parcel(label.weight_grams),
        found.id,
        label.key,
    )
    return patiently(partial(carriers.named(label.labels_by).buy, request))


def _service(service_id: str, catalog: Catalog) -> CarrierService:
    found = (each for each in catalog.carrier_services() if each.id == service_id)
    service = next(found, None)
    if service is None:
        raise Conflict(f"{service_id} is offered no more", code="no_carrier")
    return service


def _came_from(order: Order, found: Return) -> str:
    """The node that most of its units were sent from; the till's of what no node had."""
    units: dict[str, int] = {}
    for part in order.live_fulfillments:
        there = part.units
        sent = sum(there.get(line.line_id, 0) for line in found.lines)
        units[part.node] = units.get(part.node, 0) + sent
    return max(sorted(units), key=lambda node: units[node], default=order.content.sold_at)


def _weight(order: Order, found: Return, catalog: Catalog) -> int:
    lines = {line.line_id: line for line in order.content.lines}
    items = catalog.items({lines[one.line_id].sku for one in found.lines})
    units = tuple(Units(one.line_id, one.quantity) for one in found.lines)
    return weight_of(units, lines, items)


def _parcel(weight_grams: int) -> Parcel:
    return Parcel("", (), weight_grams)


def _customer(order: Order) -> Node:
    """Where the parcel is picked up, as a carrier asks for it."""
    address = order.content.shipping_address
    return Node(
        id=order.order_id,
        name=address.name,
        kind="customer",
        country=address.country,
        region=address.region,
        city=address.city,
        postal_code=address.postal_code,
        latitude=address.latitude,
        longitude=address.longitude,
    )
