"""The JSON of items, nodes and channels."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.catalog.model import Channel, Item, Node
from oms.orders.contract import Country, Currency, Document, Identifier, Name, Text


class ItemDocument(Document):
    """``scale``: decimals its quantities are counted with; 0 for what is sold by the piece."""

    name: Name
    scale: Annotated[int, Field(ge=0, le=6)] = 0
    active: bool = True


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


class NodeView(NodeDocument):
    id: Identifier


class NodeList(Document):
    nodes: list[NodeView]


class ChannelDocument(Document):
    """Events of its orders are posted to ``callback_url``, signed with ``signing_secret``."""

    name: Name
    currencies: Annotated[list[Currency], Field(min_length=1, max_length=50)]
    callback_url: Annotated[str, StringConstraints(pattern=r"^(https?://\S{1,500})?$")] = ""


class ChannelView(ChannelDocument):
    id: Identifier
    signing_secret: str = Field(description="Checks our calls, by the Standard Webhooks scheme")


def item_of(sku: str, document: ItemDocument) -> Item:
    return Item(sku=sku, **document.model_dump())


def item_view(item: Item) -> ItemView:
    return ItemView.model_validate(item, from_attributes=True)


def node_of(node_id: str, document: NodeDocument) -> Node:
    return Node(id=node_id, **document.model_dump())


def node_view(node: Node) -> NodeView:
    return NodeView.model_validate(node, from_attributes=True)


def channel_of(channel_id: str, document: ChannelDocument) -> Channel:
    return Channel(
        id=channel_id,
        name=document.name,
        currencies=tuple(document.currencies),
        callback_url=document.callback_url,
    )


def channel_view(channel: Channel, signing_secret: str) -> ChannelView:
    return ChannelView(
        id=channel.id,
        name=channel.name,
        currencies=list(channel.currencies),
        callback_url=channel.callback_url,
        signing_secret=signing_secret,
    )
