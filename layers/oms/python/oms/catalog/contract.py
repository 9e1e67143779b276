"""The JSON of items, nodes and channels."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from oms.catalog.delivery_contract import (
    CalendarDocument,
    CostDocument,
    PromisingDocument,
    calendar_document,
    calendar_of,
    cost_document,
    money_of,
    promising_document,
    promising_of,
)
from oms.catalog.model import Channel, Component, Item, Node, SwitchedOff
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults, Invalid
from oms.kernel.quantity import parse_quantity, quantity_number
from oms.orders.contract import (
    Country,
    Currency,
    Day,
    Document,
    Identifier,
    Moment,
    Name,
    Quantity,
    Text,
)

NotNegative = Annotated[Quantity, Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})]

Millimetres = Annotated[
    int, Field(ge=0, le=100_000, description="Of one whole unit as it is packed; 0: not measured")
]


class ComponentDocument(Document):
    """How much of ``sku`` one bundle holds."""

    sku: Identifier
    quantity: Quantity


class ItemDocument(Document):
    """``scale``: decimals its quantities are counted with; 0 for what is sold by the piece.

    With ``components`` it is a bundle: it holds no stock, sells by its scarcest component, and an
    order for it becomes one line for each. An order takes at least ``minimum`` of an item, at most
    ``maximum``, and a multiple of ``increment``.
    """

    name: Name
    scale: Annotated[int, Field(ge=0, le=6)] = 0
    active: bool = True
    components: Annotated[tuple[ComponentDocument, ...], Field(max_length=50)] = ()
    minimum: NotNegative = Decimal(0)
    maximum: NotNegative | None = None
    increment: NotNegative = Decimal(0)
    promising: PromisingDocument = PromisingDocument()
    suppliers: Annotated[tuple[Identifier, ...], Field(max_length=20)] = Field(
        default=(), description="Nodes that drop-ship it, the preferred one first"
    )
    delivery_profile: Text = Field(
        default="", description="Items of another travel in other parcels: chilled, dangerous"
    )
    keep_together: Text = Field(
        default="", description="Lines of items of one group come from one node"
    )
    length_mm: Millimetres = 0
    width_mm: Millimetres = 0
    height_mm: Millimetres = 0
    category: Text = Field(default="", description="For return policies to go by")
    tags: Annotated[
        tuple[Text, ...], Field(max_length=50, description="For return policies to go by")
    ] = ()


class ItemView(ItemDocument):
    sku: Identifier


class NodeDocument(Document):
    """A place that holds stock. With coordinates "nearest" is exact, else the place decides."""

    name: Name
    kind: Literal["warehouse", "store", "supplier"]
    country: Country
    region: Text = ""
    city: Text = ""
    postal_code: Text = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    can_ship: bool = True
    active: bool = True
    calendar: CalendarDocument | None = None
    handling_cost: CostDocument | None = Field(default=None, description="Of one parcel")
    callback_url: Annotated[
        str,
        StringConstraints(pattern=r"^(https?://\S{1,500})?$"),
        Field(description="Purchase orders to a supplier are posted there, signed"),
    ] = ""
    groups: Annotated[tuple[Identifier, ...], Field(max_length=20)] = Field(
        default=(), description="Names that sourcing policies know it by"
    )
    priority: Annotated[int, Field(ge=1, le=999)] = Field(
        default=5, description="For sourcing policies that rank by it: 1 is tried first"
    )
    pickup_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=7, description="For how many days what is ready to be collected is kept"
    )
    capacity_per_day: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="Fulfilments that it takes in a day; null: no limit"
    )
    capacity_per_hour: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="Fulfilments that it takes in an hour; null: no limit"
    )
    line_cost: CostDocument | None = Field(default=None, description="Of each line of a parcel")
    drop_ship: bool = Field(default=False, description="Sends its own goods to our customers")
    makes: bool = Field(default=False, description="Produces what is made to order")
    pickup: Literal["disabled", "local", "any"] = Field(
        default="disabled",
        description="What customers collect there: nothing, what it has itself, or also what is"
        " brought there",
    )


class SwitchDocument(Document):
    """Off, a node is given no work: until ``until``, or until it is switched on again. Its stock
    stays counted, and it keeps the work that it has."""

    on: bool
    until: Moment | None = Field(default=None, description="It comes back by itself then")
    reason: Text = ""


class SwitchedOffView(BaseModel):
    since: str
    until: str | None
    reason: str


class NodeLoadView(BaseModel):
    """Fulfilments that are ``taken`` of the day that work given to the node now counts for, and how
    many more it takes."""

    day: Day
    taken: int
    left: int


class NodeView(NodeDocument):
    id: Identifier
    load: NodeLoadView | None = Field(
        default=None, description="Of a node with a limit, where it is read by itself"
    )
    switched_off: SwitchedOffView | None = Field(
        default=None, description="Since when it is given no work, by its switch"
    )
    signing_secret: str = Field(
        default="", description="Checks our calls, by the Standard Webhooks scheme; not in lists"
    )


class NodeList(Document):
    nodes: list[NodeView]


class ChannelDocument(Document):
    """Events of its orders are posted to ``callback_url``, signed with ``signing_secret``; with
    ``availability`` also what it may sell of each SKU, whenever that changes. ``capture_on`` says
    when what is held of its orders is taken: with each shipment, or on the last delivery."""

    name: Name
    currencies: Annotated[list[Currency], Field(min_length=1, max_length=50)]
    callback_url: Annotated[str, StringConstraints(pattern=r"^(https?://\S{1,500})?$")] = ""
    availability: bool = False
    capture_on: Literal["shipment", "delivery"] = "delivery"


class ChannelView(ChannelDocument):
    id: Identifier
    signing_secret: str = Field(description="Checks our calls, by the Standard Webhooks scheme")


def item_of(sku: str, document: ItemDocument, items: Mapping[str, Item], faults: Faults) -> Item:
    """``items`` are the components of a bundle and of production; what cannot be counted is a
    fault and counts as zero."""

    def counted(path: str, quantity: Decimal, scale: int) -> int:
        try:
            return parse_quantity(quantity, scale)
        except Invalid as refused:
            faults.add(path, refused.problem_code, refused.detail)
            return 0

    components = tuple(
        Component(
            component.sku,
            counted(f"components.{index}.quantity", component.quantity, items[component.sku].scale),
        )
        for index, component in enumerate(document.components)
        if component.sku in items
    )
    maximum = document.maximum
    return Item(
        sku=sku,
        name=document.name,
        scale=document.scale,
        active=document.active,
        components=components,
        minimum=counted("minimum", document.minimum, document.scale),
        maximum=None if maximum is None else counted("maximum", maximum, document.scale),
        increment=counted("increment", document.increment, document.scale),
        promising=promising_of(document.promising, items, faults),
        length_mm=document.length_mm,
        width_mm=document.width_mm,
        height_mm=document.height_mm,
        suppliers=document.suppliers,
        keep_together=document.keep_together,
        delivery_profile=document.delivery_profile,
        category=document.category,
        tags=document.tags,
    )


def item_view(item: Item, items: Mapping[str, Item]) -> ItemView:
    """``items`` are the components, as ``named_by`` names them."""
    return ItemView(
        sku=item.sku,
        name=item.name,
        scale=item.scale,
        active=item.active,
        components=tuple(
            ComponentDocument(
                sku=component.sku,
                quantity=Decimal(quantity_number(component.quantity, items[component.sku].scale)),
            )
            for component in item.components
        ),
        minimum=Decimal(quantity_number(item.minimum, item.scale)),
        maximum=(
            None if item.maximum is None else Decimal(quantity_number(item.maximum, item.scale))
        ),
        increment=Decimal(quantity_number(item.increment, item.scale)),
        promising=promising_document(item.promising, items),
        length_mm=item.length_mm,
        width_mm=item.width_mm,
        height_mm=item.height_mm,
        suppliers=item.suppliers,
        keep_together=item.keep_together,
        delivery_profile=item.delivery_profile,
        category=item.category,
        tags=item.tags,
    )


def named_by(item: Item) -> set[str]:
    """What a bundle holds, and what production needs."""
    made = item.promising.production
    return {each.sku for each in (*item.components, *(made.components if made else ()))}


def node_of(node_id: str, document: NodeDocument) -> Node:
    """Raises ``Invalid`` with every fault."""
    faults = Faults()
    calendar = calendar_of(document.calendar, faults)
    handling_cost = money_of("handling_cost", document.handling_cost, faults)
    line_cost = money_of("line_cost", document.line_cost, faults)
    faults.refuse("the node breaks a rule")
    plain = document.model_dump(exclude={"calendar", "handling_cost", "line_cost"})
    return Node(
        id=node_id,
        **plain,
        calendar=calendar,
        handling_cost=handling_cost,
        line_cost=line_cost,
    )


def node_view(node: Node, signing_secret: str = "", load: NodeLoadView | None = None) -> NodeView:
    return NodeView(
        load=load,
        id=node.id,
        name=node.name,
        kind=cast(Literal["warehouse", "store", "supplier"], node.kind),
        country=node.country,
        region=node.region,
        city=node.city,
        postal_code=node.postal_code,
        latitude=node.latitude,
        longitude=node.longitude,
        can_ship=node.can_ship,
        active=node.active,
        calendar=calendar_document(node.calendar),
        handling_cost=cost_document(node.handling_cost),
        callback_url=node.callback_url,
        pickup=cast(Literal["disabled", "local", "any"], node.pickup),
        groups=node.groups,
        priority=node.priority,
        pickup_days=node.pickup_days,
        capacity_per_day=node.capacity_per_day,
        capacity_per_hour=node.capacity_per_hour,
        line_cost=cost_document(node.line_cost),
        drop_ship=node.drop_ship,
        makes=node.makes,
        signing_secret=signing_secret,
        switched_off=_switched_off_view(node.switched_off),
    )


def switched_off_of(document: SwitchDocument, now: datetime) -> SwitchedOff | None:
    """Nothing when the node is to be on. Raises ``Invalid`` with every fault."""
    faults = Faults()
    if document.on and document.until:
        faults.add("until", "until_when_on", "a time is for a node that is switched off")
    elif document.until and document.until <= now:
        faults.add("until", "in_the_past", "it would be back already")
    faults.refuse("the switch breaks a rule")
    return None if document.on else SwitchedOff(now, document.until, document.reason)


def _switched_off_view(off: SwitchedOff | None) -> SwitchedOffView | None:
    if off is None:
        return None
    until = rfc3339(off.until) if off.until else None
    return SwitchedOffView(since=rfc3339(off.since), until=until, reason=off.reason)


def channel_of(channel_id: str, document: ChannelDocument) -> Channel:
    return Channel(
        id=channel_id,
        name=document.name,
        currencies=tuple(document.currencies),
        callback_url=document.callback_url,
        availability=document.availability,
        capture_on=document.capture_on,
    )


def channel_view(channel: Channel, signing_secret: str) -> ChannelView:
    return ChannelView(
        id=channel.id,
        name=channel.name,
        currencies=list(channel.currencies),
        callback_url=channel.callback_url,
        availability=channel.availability,
        capture_on=channel.capture_on,
        signing_secret=signing_secret,
    )
