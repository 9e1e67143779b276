"""The JSON of selling policies. Quantities are numbers with at most the item's decimals."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from pydantic import Field

from oms.catalog.model import Item
from oms.inventory.backorders import QueuePage
from oms.inventory.contract import NotNegative
from oms.inventory.policy import Oversell, SellingPolicy
from oms.kernel.clock import rfc3339
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Identifier, Moment, Quantity, View


class OversellDocument(Document):
    """How far a SKU may be sold before it is there. Without a number there is no limit."""

    limit: NotNegative | None = Field(default=None, description="Units that may be owed in all")
    until: Moment | None = Field(default=None, description="When it ends")
    channels: dict[Identifier, NotNegative] = Field(
        default_factory=dict,
        max_length=100,
        description="Units that may be owed to a channel, by its id",
    )


class PolicyDocument(Document):
    """What is left out is as it is without a policy: backorders without a limit, no pre-orders.

    ``backorder`` and ``preorder`` are null where they are not allowed. Before ``available_from``
    the pre-order counts, after it the backorder. With ``take_back`` an order of higher priority may
    have what one of lower priority holds and its node has not begun with.
    """

    tracked: bool = Field(default=True, description="False for what never runs out")
    backorder: OversellDocument | None = Field(default_factory=OversellDocument)
    preorder: OversellDocument | None = None
    available_from: Moment | None = None
    held_back: dict[Identifier, NotNegative] = Field(
        default_factory=dict,
        max_length=100,
        description="Safety stock that a channel does not get, by its id",
    )
    not_sold_at: list[Identifier] = Field(
        default_factory=list, max_length=100, description="Nodes whose stock is not sold"
    )
    take_back: bool = False
    take_alternative: bool = Field(
        default=False,
        description="A line whose promise breaks comes from elsewhere when that keeps its day",
    )
    version: int | None = Field(
        default=None, ge=0, description="Replace only this version; 0 where there was none"
    )


class OversellView(View):
    limit: Quantity | None
    until: str | None
    channels: dict[str, Quantity]


class PolicyView(View):
    sku: str
    tracked: bool
    backorder: OversellView | None
    preorder: OversellView | None
    available_from: str | None
    held_back: dict[str, Quantity]
    not_sold_at: list[str]
    take_back: bool
    take_alternative: bool
    version: int


class WaiterView(View):
    order_id: str
    channel: str
    quantity: Quantity
    priority: int
    promised: str | None = Field(description="The promised day")
    since: str


class QueuePageView(View):
    sku: str
    waiting: list[WaiterView]
    next_cursor: str | None = None


def queue_page_view(item: Item, page: QueuePage) -> QueuePageView:
    return QueuePageView(
        sku=item.sku,
        waiting=[
            WaiterView(
                order_id=waiter.order_id,
                channel=waiter.channel,
                quantity=Decimal(quantity_number(waiter.lacking[item.sku], item.scale)),
                priority=waiter.priority,
                promised=waiter.promised or None,
                since=waiter.since,
            )
            for waiter in page.waiting
        ],
        next_cursor=page.cursor,
    )


def policy_view(item: Item, policy: SellingPolicy) -> PolicyView:
    return PolicyView(
        sku=item.sku,
        tracked=policy.tracked,
        backorder=_oversell_view(item, policy.backorder),
        preorder=_oversell_view(item, policy.preorder),
        available_from=_time(policy.available_from),
        held_back=_shown(item, policy.held_back),
        not_sold_at=[*policy.not_sold_at],
        take_back=policy.take_back,
        take_alternative=policy.take_alternative,
        version=policy.version,
    )


def _oversell_view(item: Item, oversell: Oversell | None) -> OversellView | None:
    if oversell is None:
        return None
    limit = oversell.limit
    return OversellView(
        limit=None if limit is None else Decimal(quantity_number(limit, item.scale)),
        until=_time(oversell.until),
        channels=_shown(item, oversell.channels),
    )


def _shown(item: Item, units: Mapping[str, int]) -> dict[str, Decimal]:
    return {name: Decimal(quantity_number(one, item.scale)) for name, one in units.items()}


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
