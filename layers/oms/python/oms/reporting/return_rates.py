"""How much of what was delivered comes back: per product and per customer, and why. Pure.

Units are counted in millionths, whatever an item's scale, so that pieces and kilograms add up; by
the month in which they were delivered, or came back. A rate is of a period: what came back in it,
of what was delivered in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from oms.orders.model import Fulfillment, Order
from oms.returns.model import Receipt, Return

SCALE = 6
UNIT = 10**SCALE
# A rate in words: of ten thousand.
WHOLE = 10_000
# What is judged is the month and the two before it: what is sent back was delivered before.
JUDGED_MONTHS = 3
NO_REASON = "unknown"


class RateOf(StrEnum):
    PRODUCT = "product"
    CUSTOMER = "customer"


class RankedBy(StrEnum):
    RATE = "rate"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Counted:
    """What an event adds to the count of a subject: a SKU, or a customer's id."""

    by: RateOf
    subject: str
    delivered: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def returned(self) -> int:
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True)
class MonthCount:
    month: str
    delivered: int = 0
    returned: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReturnRate:
    """A subject's months, oldest first."""

    by: RateOf
    subject: str
    months: tuple[MonthCount, ...]

    @property
    def delivered(self) -> int:
        return sum(one.delivered for one in self.months)

    @property
    def returned(self) -> int:
        return sum(one.returned for one in self.months)

    @property
    def reasons(self) -> dict[str, int]:
        """Those of the most units first."""
        found: Counter[str] = Counter()
        for one in self.months:
            found.update(one.reasons)
        return dict(sorted(found.items(), key=lambda reason: (-reason[1], reason[0])))

    @property
    def rate(self) -> Fraction:
        """Of what was delivered; of what came back, where nothing was delivered in the period."""
        return Fraction(self.returned, self.delivered or self.returned or 1)


@dataclass(frozen=True, slots=True)
class RateSettings:
    """From which rates on, in ten thousandths, they are told of, and of how many units at least."""

    product_rate: int = 3000
    product_minimum: int = 20
    customer_rate: int = 5000
    customer_minimum: int = 10

    def is_high(self, found: ReturnRate) -> bool:
        of_product = found.by is RateOf.PRODUCT
        least = self.product_minimum if of_product else self.customer_minimum
        rate = self.product_rate if of_product else self.customer_rate
        return found.delivered >= least * UNIT and found.rate >= Fraction(rate, WHOLE)


def in_words(rate: Fraction) -> str:
    """``0.2500``, rounded half up."""
    of_whole = (rate * WHOLE * 2 + 1) // 2
    return f"{of_whole // WHOLE}.{of_whole % WHOLE:04d}"


def of_delivery(order: Order, part: Fulfillment) -> tuple[Counted, ...]:
    """What the customer got with a fulfilment; not what went into it."""
    units = [(line.line_id, line.quantity) for line in part.lines if not line.component]
    delivered: Counter[str] = Counter()
    for line_id, quantity in units:
        sku, millionths = _sku_and_units(order, line_id, quantity)
        delivered[sku] += millionths
    products = [Counted(RateOf.PRODUCT, sku, units) for sku, units in sorted(delivered.items())]
    customer = order.content.customer.id
    if not customer:
        return tuple(products)
    return (*products, Counted(RateOf.CUSTOMER, customer, delivered.total()))


def of_receipt(order: Order, found: Return, receipt: Receipt) -> tuple[Counted, ...]:
    """What came back with a parcel; what was refused of it goes back to the customer."""
    by_product: dict[str, Counter[str]] = {}
    by_reason: Counter[str] = Counter()
    for came in receipt.units:
        sku, millionths = _sku_and_units(order, came.line_id, came.quantity)
        line = found.line(came.line_id)
        reason = (line.reason if line else "") or NO_REASON
        by_product.setdefault(sku, Counter())[reason] += millionths
        by_reason[reason] += millionths
    products = [
        Counted(RateOf.PRODUCT, sku, reasons=dict(reasons))
        for sku, reasons in sorted(by_product.items())
    ]
    customer = order.content.customer.id
    if not customer:
        return tuple(products)
    return (*products, Counted(RateOf.CUSTOMER, customer, reasons=dict(by_reason)))


def ranked(rates: Iterable[ReturnRate], ranked_by: RankedBy, minimum: int) -> Sequence[ReturnRate]:
    """The highest first, of those with at least ``minimum`` whole units delivered."""
    enough = [one for one in rates if one.delivered >= minimum * UNIT]
    return sorted(enough, key=lambda one: rank(one, ranked_by))


def rank(found: ReturnRate, ranked_by: RankedBy) -> tuple[Fraction, int, str]:
    if ranked_by is RankedBy.RATE:
        return -found.rate, -found.returned, found.subject
    return Fraction(-found.returned), 0, found.subject


def _sku_and_units(order: Order, line_id: str, quantity: int) -> tuple[str, int]:
    line = order.content.line(line_id)
    return line.sku, quantity * 10 ** (SCALE - line.scale)
