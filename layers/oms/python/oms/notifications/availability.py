"""What channels are told of what they may sell: the newest, in order, and not each sale of a burst.

The body of a message::

    {"type": "availability.changed",
     "timestamp": "2026-05-01T12:00:00.000Z",          when it was found
     "data": {"sku": "MUG", "channel": "web", "available": 3, "state": "low", "sequence": 17}}

``available`` is what that channel may sell, null for what never runs out; ``state`` is
``in_stock``, ``low`` or ``sold_out``. ``sequence`` counts up for a SKU and a channel, now and then
by more than one: of two messages the one with the higher is the newer. A message that is repeated
has the same ``webhook-id``, the same sequence and the same content.

So that this holds although an answer can get lost, the next sequence is written down with its
content *before* it is posted: who tries again either posts that very content once more, or, when
stock has moved meanwhile, takes a number above it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.model import Channel, Item
from oms.catalog.store import Catalog
from oms.inventory.bundles import sellable
from oms.inventory.model import Balance
from oms.inventory.position import Position
from oms.inventory.shares import available_to, owed_ahead
from oms.kernel.clock import Clock, rfc3339
from oms.kernel.quantity import quantity_number
from oms.notifications.availability_message import Look, key
from oms.notifications.callback import CallbackOutcome

AVAILABILITY_CHANGED = "availability.changed"


class StockState(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    SOLD_OUT = "sold_out"


class FeedOutcome(StrEnum):
    TOLD = "told"
    GONE = "gone"
    NOTHING_NEW = "nothing_new"
    GIVEN_UP_BEFORE = "given_up_before"
    NOT_WANTED = "not_wanted"
    NOT_SOLD = "not_sold"


@dataclass(frozen=True, slots=True)
class Sellable:
    """``available`` is in units of the item's scale; None for what never runs out."""

    available: int | None
    state: StockState


@dataclass(frozen=True, slots=True)
class Offer:
    """What a channel was told, or is being told, that it may sell.

    ``at`` is when the sequence was begun. The last attempt read stock after ``tried_at``, on behalf
    of the message that ends with ``tried_until``; ``told`` once the channel has accepted it.
    """

    sku: str
    channel: str
    sellable: Sellable
    sequence: int
    at: datetime
    tried_at: datetime
    tried_until: int
    told: bool = False

    @property
    def id(self) -> str:
        return f"{key(self.sku, self.channel)[:32]}:{self.sequence}"


class Published(Protocol):
    """``oms.aws.published_store`` implements it."""

    def last(self, sku: str, channel: str) -> Offer | None:
        """The newest offer, whether or not it was accepted."""

    def begin(self, offer: Offer, after: Offer | None) -> None:
        """Write it down in place of ``after``. Raises ``Conflict`` when another was first."""

    def accepted(self, offer: Offer) -> None:
        """Raises ``Conflict`` when another has taken its place."""


# (SKUs, now): with all that was written before now, so never from a replica that lags behind.
ReadPositions = Callable[[Set[str], datetime], Mapping[str, Position]]
# (url, channel id, message id, body); raises ``ProviderUnavailable`` when it is to be retried.
Post = Callable[[str, str, str, str], CallbackOutcome]


def sellable_by(
    channel: str, sku: str, items: Mapping[str, Item], positions: Mapping[str, Position]
) -> Sellable:
    """A bundle is as many as its scarcest part makes, and as low as that. ``items`` are the SKU's
    own and all that it is made of, ``positions`` those of its parts."""
    parts = {part: part_sellable_by(channel, position) for part, position in positions.items()}
    if not items[sku].components:
        return parts[sku]
    whole = sellable(sku, items, {part: each.available for part, each in parts.items()})
    if whole.quantity == 0:
        return Sellable(0, StockState.SOLD_OUT)
    low = whole.quantity is not None and parts[whole.scarcest].state is StockState.LOW
    return Sellable(whole.quantity, StockState.LOW if low else StockState.IN_STOCK)


def part_sellable_by(channel: str, position: Position) -> Sellable:
    """Units that orders wait for are theirs; those that lapsed reservations hold are free."""
    policy = position.policy
    if not policy.tracked:
        return Sellable(None, StockState.IN_STOCK)
    sold = tuple(each for each in position.balances if each.node not in policy.not_sold_at)
    available = max(
        0, available_to(channel, replace(position, balances=sold)) - owed_ahead(channel, position)
    )
    return Sellable(available, _state(available, sold))


def next_offer(
    last: Offer | None, sellable: Sellable, until: int, now: datetime
) -> Offer | FeedOutcome:
    """What is to be posted, if anything. ``sellable`` is read after ``now``; sku and channel are
    those of ``last``, else to be filled in."""
    if last is None:
        return Offer("", "", sellable, 1, now, now, until)
    same = last.sellable == sellable
    if last.told:
        return FeedOutcome.NOTHING_NEW if same else _following(last, sellable, until, now)
    if until != last.tried_until and until <= last.tried_at.timestamp():
        # Another message read stock after all that this one knows of, and has been given up: it is
        # a dead letter that says the same. Without this, each of those that queued up behind it
        # would be tried as often as it was, one after the other.
        return FeedOutcome.GIVEN_UP_BEFORE
    if same:
        return replace(last, tried_at=now, tried_until=until)
    return _following(last, sellable, until, now)


def tell(
    look: Look,
    channel: Channel | None,
    read_positions: ReadPositions,
    catalog: Catalog,
    published: Published,
    post: Post,
    clock: Clock,
) -> FeedOutcome:
    """Tell one channel what it may sell of one SKU now, unless it knows.

    Raises ``ProviderUnavailable`` when the channel did not accept it, ``Conflict`` when another
    told it at the same moment, both to be tried again; ``Invalid`` for a bundle of which a part is
    not in the catalogue.
    """
    if channel is None or not channel.availability or not channel.callback_url:
        return FeedOutcome.NOT_WANTED
    now = clock()
    last = published.last(look.sku, channel.id)
    items = with_components({look.sku}, catalog)
    if look.sku not in items:
        return FeedOutcome.NOT_SOLD
    positions = read_positions(parts_of(look.sku, items).keys(), now)
    found = next_offer(last, sellable_by(channel.id, look.sku, items, positions), look.until, now)
    if isinstance(found, FeedOutcome):
        return found
    offer = replace(found, sku=look.sku, channel=channel.id)
    body = offer_body(offer, items[look.sku].scale)
    published.begin(offer, last)
    outcome = post(channel.callback_url, channel.id, offer.id, body)
    published.accepted(offer)
    return FeedOutcome.GONE if outcome is CallbackOutcome.GONE else FeedOutcome.TOLD


def offer_body(offer: Offer, scale: int) -> str:
    available = offer.sellable.available
    document = {
        "type": AVAILABILITY_CHANGED,
        "timestamp": rfc3339(offer.at),
        "data": {
            "sku": offer.sku,
            "channel": offer.channel,
            "available": None if available is None else quantity_number(available, scale),
            "state": offer.sellable.state,
            "sequence": offer.sequence,
        },
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_number)


def _following(last: Offer, sellable: Sellable, until: int, now: datetime) -> Offer:
    return replace(
        last,
        sellable=sellable,
        sequence=last.sequence + 1,
        at=now,
        tried_at=now,
        tried_until=until,
        told=False,
    )


def _state(available: int, balances: Iterable[Balance]) -> StockState:
    if not available:
        return StockState.SOLD_OUT
    low = sum(balance.low_stock_at for balance in balances)
    return StockState.LOW if available <= low else StockState.IN_STOCK


def _number(value: object) -> float:
    # JSON has one kind of number; a quantity's few decimals survive the shortest float.
    assert isinstance(value, Decimal)
    return float(value)
