"""What arrives from outside, once its signature holds, and what it asks of us.

A ``Delivery`` is one webhook call. Its source reads it into commands; anything a command asks for
has a natural key, so that a delivery may come any number of times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oms.fulfillment.tracking import TrackingReport
from oms.kernel.money import Money, total
from oms.payments.callbacks import PaymentCallback


@dataclass(frozen=True, slots=True)
class Call:
    """A webhook call as it came in, before anybody believes it."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """``id`` is the sender's and the same on every retry, as far as the sender has such a thing; it
    is for logs. ``headers`` are only those that reading needs, by their names in lower case."""

    id: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CaptureRequested:
    """``document`` has the shape of ``POST /v1/orders``; members unknown to it are ignored."""

    document: Mapping[str, object]
    fulfilled_by_channel: bool = False


@dataclass(frozen=True, slots=True)
class PaymentReported:
    """What ``provider`` did with a payment; the provider's event id names the fact."""

    provider: str
    callback: PaymentCallback


@dataclass(frozen=True, slots=True)
class ResourceNamed:
    """``provider`` says that the resource at ``path`` of its API changed, and not how: it has to be
    asked."""

    provider: str
    path: str


@dataclass(frozen=True, slots=True)
class ParcelReported:
    """What a carrier tells of a parcel; the carrier's event id names the fact."""

    report: TrackingReport


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that asks nothing of us; ``reason`` is for the log."""

    reason: str


Command = CaptureRequested | PaymentReported | ResourceNamed | ParcelReported | Ignored


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """``unit_price`` is for one; ``discount`` and ``tax`` are for the line. ``sku`` is ``None`` for
    what the channel sold without one."""

    external_line_id: str
    sku: str | None
    name: str
    quantity: int
    unit_price: Money
    discount: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class ChannelFee:
    """What is charged beside goods and shipping; its tax is in none of the lines'."""

    id: str
    name: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ChannelCustomer:
    id: str
    name: str
    email: str
    phone: str
    locale: str


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """``country`` is ISO 3166-1 alpha-2. Parts that the channel does not know are empty."""

    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """The facts of an order as its channel states them, before we judge any of them.

    ``items_before_discount``, ``subtotal``, ``discount``, ``shipping``, ``tax`` and ``total`` are
    the channel's own sums. ``outstanding`` is what the customer still owes, ``None`` when the
    channel does not say. ``shipping_due`` is the shipping less ``shipping_discount``, which is a
    part of ``discount``; ``fees`` are what ``total`` holds besides (tips, duties).
    """

    external_order_id: str
    display_name: str
    currency: str
    prices_include_tax: bool
    lines: tuple[ChannelLine, ...]
    items_before_discount: Money
    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    outstanding: Money | None
    financial_status: str | None
    fulfillment_status: str | None
    cancelled: bool
    cancel_reason: str | None
    placed_at: str
    customer: ChannelCustomer
    shipping_address: ChannelAddress | None
    shipping_due: Money
    shipping_discount: Money
    fees: tuple[ChannelFee, ...]

    @property
    def fulfilled(self) -> bool:
        return self.fulfillment_status == "fulfilled"

    @property
    def collected(self) -> Money:
        """What the channel has taken. Its word "paid" counts more than its sum of what is owed."""
        if self.financial_status == "paid":
            return self.total
        if self.financial_status != "partially_paid" or self.outstanding is None:
            return Money.zero(self.currency)
        return self.total - self.outstanding

    @property
    def line_discounts(self) -> Money:
        return total([line.discount for line in self.lines], self.currency)

    @property
    def line_taxes(self) -> Money:
        return total([line.tax for line in self.lines], self.currency)
