"""What a customer needs to know to collect what lies ready."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from oms.catalog.model import Node
from oms.fulfillment.pickup_code import pickup_code
from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.notifications.model import Collection, CollectionOf
from oms.orders.counter import due_when_handed_over
from oms.orders.model import Fulfillment, Order


def collections(node_of: Callable[[str], Node | None], secret: Callable[[], str]) -> CollectionOf:
    """``node_of`` finds a node by its id, ``secret`` is the one that codes derive from."""

    def collection_of(event: Envelope, order: Order, fulfillment: Fulfillment) -> Collection:
        place = fulfillment.hand_over_at or fulfillment.node
        node = node_of(place)
        if node is None:
            raise NotFound(f"there is no node {place}")
        town = ", ".join(filter(None, (node.city, node.region)))
        return Collection(
            place=node.name,
            address=tuple(filter(None, (town, node.postal_code))),
            code=pickup_code(secret(), fulfillment.id),
            until=_local(parse_rfc3339(str(event.data["pickup_until"])), node),
            due=due_when_handed_over(order, fulfillment.id),
        )

    return collection_of


def _local(moment: datetime, node: Node) -> datetime:
    zone = node.calendar.timezone if node.calendar else "UTC"
    return moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
