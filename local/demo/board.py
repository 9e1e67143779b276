"""What the API says about the orders, and nothing else: the table shows it, the parts act on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from local.demo.api import Api, Document
from local.demo.samples import Key, Sample

PAGE = 50

# Parcels whose goods are elsewhere by now.
_DEAD = ("rejected", "withdrawn", "moved", "merged", "cancelled", "uncollected")


@dataclass(frozen=True, slots=True)
class Parcel:
    """The part of an order that one node ships, or hands over."""

    id: str
    node: str
    state: str
    tracking_number: str
    hand_over_at: str = ""

    @property
    def is_live(self) -> bool:
        return self.state not in _DEAD


@dataclass(frozen=True, slots=True)
class Payment:
    """Amounts in the order's currency."""

    id: str
    authorized: Decimal
    captured: Decimal
    voided: Decimal
    refunded: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    channel: str
    number: str
    known_as: str
    state: str
    status: str
    exception: str
    email: str
    currency: str
    total: Decimal
    due: Decimal
    payment: Payment
    parcels: tuple[Parcel, ...]
    lines: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return (self.channel, self.number)

    @property
    def is_final(self) -> bool:
        """Nothing more happens to it by itself, and no money is on its way."""
        return self.state in ("completed", "cancelled") and self.status != "refunding"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Where it came from in the end; those that were to begin with, if it came from none."""
        live = {parcel.node for parcel in self.parcels if parcel.is_live}
        return tuple(sorted(live or {parcel.node for parcel in self.parcels}))


Board = Mapping[Key, Order]


def is_over(sample: Sample, board: Board) -> bool:
    """Whether its order is there and final, and what was to come back of it has."""
    order = board.get(sample.key)
    if order is None or not order.is_final:
        return False
    return not sample.returned_to or bool(order.payment.refunded)


class Watch:
    """Looks at the channels of the samples through `GET /v1/orders`."""

    def __init__(self, api: Api, samples: Iterable[Sample]) -> None:
        self._api = api
        self._awaited = {
            channel: [sample for sample in samples if sample.channel == channel]
            for channel in dict.fromkeys(sample.channel for sample in samples)
        }
        self._board: dict[Key, Order] = {}

    def look(self) -> Board:
        """Every order so far. A channel whose orders are all final is not asked again."""
        for channel, awaited in self._awaited.items():
            if not all(is_over(sample, self._board) for sample in awaited):
                self._read(channel)
        return dict(self._board)

    def look_at_all(self) -> Board:
        """Every order of every channel, asked anew."""
        self._board.clear()
        return self.look()

    def _read(self, channel: str) -> None:
        page = self._api.get("/v1/orders", channel=channel, limit=PAGE)
        for document in page["orders"]:
            order = order_of(document)
            self._board[order.key] = order


def order_of(document: Document) -> Order:
    payment = document["payment"]
    return Order(
        id=document["id"],
        channel=document["channel"],
        number=document["channel_order_id"],
        known_as=document["channel_order_name"] or document["channel_order_id"],
        state=document["state"],
        status=document["status"],
        exception=document["exception"],
        email=document["customer"]["email"],
        currency=document["currency"],
        total=Decimal(document["total"]),
        due=Decimal(document["due"]),
        payment=Payment(
            id=document["payments"][0]["id"],
            authorized=Decimal(payment["authorized"]),
            captured=Decimal(payment["captured"]),
            voided=Decimal(payment["voided"]),
            refunded=Decimal(payment["refunded"]),
        ),
        parcels=tuple(
            Parcel(
                part["id"],
                part["node"],
                part["state"],
                part["tracking_number"],
                part["hand_over_at"],
            )
            for part in document["fulfillments"]
        ),
        lines=tuple(line["line_id"] for line in document["lines"]),
    )
