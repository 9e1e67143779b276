"""A fulfilment's parcels: what is in each, what it weighs, and the label it travels with. Pure.

Weights are in grams, measures in millimetres (0: nobody measured), quantities in units of the
line's scale, costs in minor units of ``Choice.currency``. The machine of a packing is data, and
printed in ``docs/fulfillment.md``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial
from types import MappingProxyType

from oms.catalog.model import Item
from oms.kernel.errors import Conflict, Faults
from oms.orders.model import Fulfillment, Line, Units
from oms.routing.packages import Goods, ParcelLimits, split_by_limits

# Labels of all of them are bought in one request, and kept in one transaction.
MOST_PARCELS = 30

# A line of many pieces is laid out in at most so many, so that a proposal stays quick.
_MOST_PIECES = 500


class PackingState(StrEnum):
    """``PROPOSED``: nobody said how it is packed."""

    PROPOSED = "proposed"
    PACKED = "packed"
    LABELLING = "labelling"
    LABELLED = "labelled"
    CANCELLING = "cancelling"
    SHIPPED = "shipped"


# ``label`` keeps what is to be bought, ``bought`` what was; ``cancelled`` says that nothing is due
# any more. Without labels parcels leave by a number that somebody gives: that is no step of theirs.
PACKING_TRANSITIONS: Mapping[PackingState, Mapping[str, PackingState]] = MappingProxyType(
    {
        PackingState.PROPOSED: {"pack": PackingState.PACKED, "label": PackingState.LABELLING},
        PackingState.PACKED: {"pack": PackingState.PACKED, "label": PackingState.LABELLING},
        PackingState.LABELLING: {
            "bought": PackingState.LABELLED,
            "cancel": PackingState.CANCELLING,
        },
        PackingState.LABELLED: {"ship": PackingState.SHIPPED, "cancel": PackingState.CANCELLING},
        PackingState.CANCELLING: {"cancelled": PackingState.PACKED},
        PackingState.SHIPPED: {},
    }
)

# What stands in the way of a step, by the state.
_NOT_LABELLED = partial(Conflict, "its parcels have no labels", code="not_labelled")
_REFUSED: Mapping[PackingState, Callable[..., Conflict]] = MappingProxyType(
    {
        PackingState.PROPOSED: _NOT_LABELLED,
        PackingState.PACKED: _NOT_LABELLED,
        PackingState.LABELLING: partial(
            Conflict, "its labels are being bought", code="label_pending"
        ),
        PackingState.LABELLED: partial(Conflict, "its parcels have labels", code="labelled"),
        PackingState.CANCELLING: partial(
            Conflict, "its labels are being cancelled", code="label_pending"
        ),
        PackingState.SHIPPED: partial(
            Conflict, "the parcels have left with their labels", code="shipped"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Label:
    """``key`` is the idempotency key it was bought under, ``reference`` the carrier's own name."""

    tracking_number: str
    reference: str
    cost: int
    key: str


@dataclass(frozen=True, slots=True)
class Parcel:
    id: str
    lines: tuple[Units, ...]
    weight_grams: int = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A service that could have been chosen, and what it would have cost for all parcels."""

    service: str
    carrier: str
    cost: int
    days: int
    arrives: date
    keeps_promise: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The service that labels are bought of. ``promised``: the day that was to be kept; none, and
    the cheapest was taken. ``reason`` says in words why it was this one. ``address`` tells the
    address that is on the labels from another."""

    service: str
    name: str
    carrier: str
    labels_by: str
    currency: str
    arrives: date
    reason: str
    promised: date | None = None
    compared: tuple[Compared, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True)
class Packing:
    """All parcels of a fulfilment.

    With a ``choice`` their labels are being bought, or are bought; ``attempt`` is part of every
    label's key, and goes on only when labels were cancelled. ``version`` counts how often this was
    stored; 0 is a proposal.
    """

    fulfillment_id: str
    node: str
    parcels: tuple[Parcel, ...]
    choice: Choice | None = None
    attempt: int = 1
    cancelling: bool = False
    shipped: bool = False
    version: int = 0

    @property
    def is_labelled(self) -> bool:
        """Labels that are being cancelled are none any more."""
        return self.state in (PackingState.LABELLED, PackingState.SHIPPED)

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(parcel.label for parcel in self.parcels if parcel.label)

    @property
    def cost(self) -> int:
        return sum(label.cost for label in self.labels)

    @property
    def state(self) -> PackingState:
        if self.shipped:
            return PackingState.SHIPPED
        if self.cancelling:
            return PackingState.CANCELLING
        if self.choice is not None:
            bought = all(parcel.label for parcel in self.parcels)
            return PackingState.LABELLED if bought else PackingState.LABELLING
        return PackingState.PACKED if self.version else PackingState.PROPOSED

    def key(self, parcel: Parcel) -> str:
        return f"{parcel.id}:label:{self.attempt}"

    def with_labels(self, labels: Sequence[Label]) -> "Packing":
        labelled = (
            replace(parcel, label=label) for parcel, label in zip(self.parcels, labels, strict=True)
        )
        return replace(self, parcels=tuple(labelled))

    def without_labels(self) -> "Packing":
        """As before they were bought; what is bought next has other keys."""
        parcels = tuple(replace(parcel, label=None) for parcel in self.parcels)
        return replace(
            self, parcels=parcels, choice=None, cancelling=False, attempt=self.attempt + 1
        )


def may(packing: Packing, step: str) -> None:
    """Raises ``Conflict`` when the table does not have the step: ``not_labelled``, ``labelled``,
    ``label_pending`` or ``shipped``, after the state."""
    allowed = PACKING_TRANSITIONS[packing.state]
    if step not in allowed:
        context = {"state": packing.state, "allowed": sorted(allowed)}
        raise _REFUSED[packing.state](context=context)


def parcel_id(fulfillment_id: str, number: int) -> str:
    return f"pcl_{fulfillment_id.removeprefix('ful_')}_{number}"


def in_parcels(fulfillment: Fulfillment, parcels: Sequence[Parcel]) -> Packing:
    """Each parcel gets its id by its place."""
    numbered = (
        replace(parcel, id=parcel_id(fulfillment.id, number))
        for number, parcel in enumerate(parcels, start=1)
    )
    return Packing(fulfillment.id, fulfillment.node, tuple(numbered))


def check_quantities(
    wanted: Mapping[str, int], parcels: Sequence[Sequence[Units]], faults: Faults
) -> None:
    """Adds ``unknown_line``, ``line_twice`` and ``quantities_do_not_add_up``: every unit of the
    fulfilment is in one parcel, and nothing else is."""
    packed = dict.fromkeys(wanted, 0)
    for number, lines in enumerate(parcels):
        seen = set[str]()
        for place, units in enumerate(lines):
            path = f"parcels.{number}.lines.{place}"
            if units.line_id not in wanted:
                faults.add(f"{path}.line_id", "unknown_line", "the fulfilment has no such line")
                continue
            if units.line_id in seen:
                faults.add(f"{path}.line_id", "line_twice", "the parcel has this line already")
            seen.add(units.line_id)
            packed[units.line_id] += units.quantity
    for line_id, quantity in packed.items():
        if quantity != wanted[line_id]:
            faults.add(
                "parcels",
                "quantities_do_not_add_up",
                f"line {line_id}: {quantity} in the parcels, {wanted[line_id]} in the fulfilment",
            )


def adds_up(fulfillment: Fulfillment, packing: Packing) -> bool:
    """False once units were taken out of a fulfilment that was packed before."""
    faults = Faults()
    check_quantities(fulfillment.units, [parcel.lines for parcel in packing.parcels], faults)
    return not faults.found


# --- what it weighs, and how large it is ----------------------------------------------------------


def weight_of(units: Sequence[Units], lines: Mapping[str, Line], items: Mapping[str, Item]) -> int:
    """Grams, rounded up; what nobody weighed weighs nothing."""
    return sum(_weight(each, lines[each.line_id], items) for each in units)


def one_parcel(
    units: Mapping[str, int], lines: Mapping[str, Line], items: Mapping[str, Item]
) -> Parcel:
    """Everything, one piece upon the other, each on its largest side."""
    return _parcel(units, lines, items)


def proposed(
    units: Mapping[str, int],
    lines: Mapping[str, Line],
    items: Mapping[str, Item],
    limits: ParcelLimits,
) -> tuple[Parcel, ...]:
    """As few parcels within ``limits`` as first fit finds; without a limit it is one for each
    delivery profile. Raises ``Invalid`` (``too_many_parcels``) above ``MOST_PARCELS``."""
    if limits == ParcelLimits() and len({_profile(one, lines, items) for one in units}) < 2:
        return (one_parcel(units, lines, items),)
    goods = [_goods(line_id, quantity, lines, items) for line_id, quantity in units.items()]
    parcels = split_by_limits(goods, limits, MOST_PARCELS)
    return tuple(_parcel(packed.quantities, lines, items) for packed in parcels)


def _parcel(
    quantities: Mapping[str, int], lines: Mapping[str, Line], items: Mapping[str, Item]
) -> Parcel:
    units = tuple(Units(line_id, quantity) for line_id, quantity in quantities.items())
    length, width, height = _stacked(units, lines, items)
    return Parcel("", units, weight_of(units, lines, items), length, width, height)


def _goods(
    line_id: str, quantity: int, lines: Mapping[str, Line], items: Mapping[str, Item]
) -> Goods:
    """What is sold by weight or length is one piece."""
    line = lines[line_id]
    step = quantity if line.scale else max(1, quantity // _MOST_PIECES)
    length, width, height = _sides(items.get(line.sku))
    volume = -(-length * width * height * step // (1000 * 10**line.scale))
    weight = _weight(Units(line_id, step), line, items)
    return Goods(line_id, quantity, weight, volume, step, _profile(line_id, lines, items))


def _profile(line_id: str, lines: Mapping[str, Line], items: Mapping[str, Item]) -> str:
    item = items.get(lines[line_id].sku)
    return item.delivery_profile if item else ""


def _weight(units: Units, line: Line, items: Mapping[str, Item]) -> int:
    item = items.get(line.sku)
    grams = item.promising.weight_grams if item else 0
    one: int = 10**line.scale
    return -(-grams * units.quantity // one)


def _stacked(
    units: Sequence[Units], lines: Mapping[str, Line], items: Mapping[str, Item]
) -> tuple[int, int, int]:
    """Nothing is known of the whole when one of its parts was not measured."""
    length = width = height = 0
    for each in units:
        line = lines[each.line_id]
        sides = _sides(items.get(line.sku))
        if 0 in sides:
            return 0, 0, 0
        length, width = max(length, sides[0]), max(width, sides[1])
        height += sides[2] * -(-each.quantity // 10**line.scale)
    return length, width, height


def _sides(item: Item | None) -> tuple[int, int, int]:
    """From the longest to the shortest."""
    if item is None:
        return 0, 0, 0
    longest, middle, shortest = sorted(
        (item.length_mm, item.width_mm, item.height_mm), reverse=True
    )
    return longest, middle, shortest
