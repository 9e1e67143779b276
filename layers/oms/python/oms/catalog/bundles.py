"""Bundles: items that are made of other items, which may be bundles themselves."""

from collections.abc import Mapping, Set
from typing import Protocol

from oms.catalog.model import Item
from oms.kernel.errors import Invalid, Unavailable

LEVELS = 10


class Items(Protocol):
    def items(self, skus: Set[str]) -> Mapping[str, Item]: ...


def with_components(skus: Set[str], catalog: Items) -> dict[str, Item]:
    """The items among ``skus`` that exist, and all that they are made of. One read for what is not
    a bundle, one more for each level of bundles. Raises ``Invalid`` (``too_many_levels``)."""
    found: dict[str, Item] = {}
    wanted = set(skus)
    for _ in range(LEVELS):
        read = catalog.items(wanted)
        found.update(read)
        held = {component.sku for item in read.values() for component in item.components}
        wanted = held - found.keys()
        if not wanted:
            return found
    raise Invalid(f"bundles are nested in more than {LEVELS} levels", code="too_many_levels")


def parts_of(sku: str, items: Mapping[str, Item]) -> dict[str, int]:
    """Units of each stocked SKU in one unit of ``sku``, through every level of bundles; an item
    that is no bundle is its own part. ``items`` are those of ``with_components``.

    Raises ``Invalid`` (``unknown_sku``) when a part is not among them, and ``Unavailable`` when
    bundles contain each other: none is stored so, but records read at different times may say so.
    """
    return _parts(sku, items, {}, frozenset())


def _parts(
    sku: str, items: Mapping[str, Item], known: dict[str, dict[str, int]], within: frozenset[str]
) -> dict[str, int]:
    """``known`` keeps what was worked out, so that a part of many bundles is looked at once."""
    if sku in within:
        raise Unavailable(f"the bundle {sku} is being changed")
    if sku not in known:
        known[sku] = _parts_of_one(sku, items, known, within | {sku})
    return known[sku]


def _parts_of_one(
    sku: str, items: Mapping[str, Item], known: dict[str, dict[str, int]], within: frozenset[str]
) -> dict[str, int]:
    item = items.get(sku)
    if item is None:
        raise Invalid(f"{sku!r} is not in the catalogue", code="unknown_sku")
    if not item.components:
        return {sku: 1}
    parts: dict[str, int] = {}
    for component in item.components:
        for part, units in _parts(component.sku, items, known, within).items():
            parts[part] = parts.get(part, 0) + component.quantity * units
    return parts
