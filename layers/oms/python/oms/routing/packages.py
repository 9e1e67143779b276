"""Parcels before they are made: what of a fulfilment fits into one, what one place can fill, and
which of several places' offers is kept for each unit.

Weights are in grams, volumes in cubic centimetres; quantities in units of the item's scale.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oms.kernel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Goods:
    """Units of a line that go into a parcel. ``step``: the smallest quantity that a person would
    lay apart (one whole unit; all of it, when it is not to be cut), with its own weight and
    volume. What has another ``profile`` (chilled, dangerous, by e-mail) travels apart."""

    line_id: str
    quantity: int
    weight_grams: int = 0
    volume_cubic_cm: int = 0
    step: int = 1
    profile: str = ""


@dataclass(frozen=True, slots=True)
class ParcelLimits:
    """What one parcel may be at most; None: no limit."""

    weight_grams: int | None = None
    volume_cubic_cm: int | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """What goes into one parcel."""

    quantities: Mapping[str, int]
    weight_grams: int
    volume_cubic_cm: int


@dataclass(slots=True)
class _Box:
    profile: str
    quantities: dict[str, int] = field(default_factory=dict)
    weight: int = 0
    volume: int = 0

    def takes(self, piece: Goods, limits: ParcelLimits) -> bool:
        """An empty box takes whatever it is: what is above the limit by itself goes alone."""
        if piece.profile != self.profile:
            return False
        if not self.quantities:
            return True
        heavy = _above(self.weight + piece.weight_grams, limits.weight_grams)
        return not heavy and not _above(self.volume + piece.volume_cubic_cm, limits.volume_cubic_cm)

    def put(self, piece: Goods) -> None:
        quantity = self.quantities.get(piece.line_id, 0)
        self.quantities[piece.line_id] = quantity + min(piece.step, piece.quantity)
        self.weight += piece.weight_grams
        self.volume += piece.volume_cubic_cm


def split_by_limits(
    goods: Sequence[Goods], limits: ParcelLimits, most: int | None = None
) -> list[Packed]:
    """As few parcels as first fit finds, the heaviest (then the largest) first. No unit is lost,
    and none is in two parcels; a piece above a limit by itself is a parcel of its own. Raises
    ``Invalid`` (``too_many_parcels``) as soon as it takes more than ``most``."""
    boxes: list[_Box] = []
    for piece in sorted(_pieces(goods), key=_heaviest_first):
        box = next((box for box in boxes if box.takes(piece, limits)), None)
        if box is None:
            if len(boxes) == most:
                raise Invalid(f"it takes more than {most} parcels", code="too_many_parcels")
            boxes.append(box := _Box(piece.profile))
        box.put(piece)
    return [Packed(box.quantities, box.weight, box.volume) for box in boxes]


def _pieces(goods: Iterable[Goods]) -> Iterable[Goods]:
    for each in goods:
        whole, rest = divmod(each.quantity, each.step)
        for _ in range(whole):
            yield replace(each, quantity=each.step)
        if rest:
            yield replace(each, quantity=rest)


def _heaviest_first(piece: Goods) -> tuple[int, int, str]:
    return (-piece.weight_grams, -piece.volume_cubic_cm, piece.line_id)


def _above(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit


# --- one place, and several -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    """What one place does for one line: units that are there, and units promised for later."""

    on_hand: int = 0
    backordered: int = 0

    @property
    def units(self) -> int:
        return self.on_hand + self.backordered


def fill(wanted: int, there: int | None, *, backorderable: bool = False) -> Filled:
    """One place alone. ``there``: None where nothing is counted and it never runs out. What it may
    not backorder it leaves to others."""
    if there is None:
        return Filled(wanted)
    on_hand = min(wanted, max(0, there))
    return Filled(on_hand, wanted - on_hand if backorderable else 0)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a place would put into its package, by line. A candidate: others may offer the same."""

    node: str
    lines: Mapping[str, Filled]

    @property
    def units(self) -> int:
        return sum(line.units for line in self.lines.values())


def merge_offers(wanted: Mapping[str, int], offers: Sequence[Offer]) -> list[Offer]:
    """Each wanted unit once: from the first that has it there, else from the first that would
    promise it for later. ``offers`` are in the order of their rank; what is left of one keeps its
    place, and one of which nothing is left vanishes."""
    left = dict(wanted)
    on_hand = [_take(left, offer, lambda filled: filled.on_hand) for offer in offers]
    later = [_take(left, offer, lambda filled: filled.backordered) for offer in offers]
    merged = [
        Offer(offer.node, _filled(there, promised))
        for offer, there, promised in zip(offers, on_hand, later, strict=True)
    ]
    return [offer for offer in merged if offer.units]


def _take(left: dict[str, int], offer: Offer, units: Callable[[Filled], int]) -> dict[str, int]:
    """What is still wanted of what is offered; it is wanted no more."""
    taken: dict[str, int] = {}
    for line_id, filled in offer.lines.items():
        if many := min(left.get(line_id, 0), units(filled)):
            taken[line_id] = many
            left[line_id] -= many
    return taken


def _filled(there: Mapping[str, int], promised: Mapping[str, int]) -> dict[str, Filled]:
    return {
        line_id: Filled(there.get(line_id, 0), promised.get(line_id, 0))
        for line_id in (*there, *(line_id for line_id in promised if line_id not in there))
    }
