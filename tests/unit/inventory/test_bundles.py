import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.bundles import LEVELS, parts_of, with_components
from oms.catalog.model import Component, Item
from oms.inventory.bundles import Sellable, explode, sellable, sellable_by_node
from oms.kernel.errors import Invalid, Unavailable


def bundle(sku: str, **parts: int) -> Item:
    return Item(sku, sku, components=tuple(Component(part, n) for part, n in parts.items()))


ITEMS = {
    item.sku: item
    for item in (
        Item("MUG", "Mug"),
        Item("TEA", "Tea", scale=3),
        bundle("PAIR", MUG=2),
        bundle("GIFT", PAIR=1, TEA=250),
        bundle("PARTY", GIFT=3, MUG=1),
    )
}


class Catalogue:
    def __init__(self, *items: Item) -> None:
        self.stored = {item.sku: item for item in items}
        self.reads = 0

    def items(self, skus: object) -> dict[str, Item]:
        self.reads += 1
        assert isinstance(skus, set)
        return {sku: self.stored[sku] for sku in skus if sku in self.stored}


def test_a_nested_bundle_is_taken_apart_to_what_lies_on_shelves() -> None:
    assert parts_of("PARTY", ITEMS) == {"MUG": 7, "TEA": 750}
    assert parts_of("MUG", ITEMS) == {"MUG": 1}


def test_a_basket_counts_a_shared_component_once() -> None:
    basket = [("GIFT", 2), ("PAIR", 1), ("MUG", 3)]
    assert explode(basket, ITEMS) == {"MUG": 9, "TEA": 500}


def test_a_bundle_sells_by_its_scarcest_component() -> None:
    assert sellable("GIFT", ITEMS, {"MUG": 9, "TEA": 700}) == Sellable(2, "TEA")
    assert sellable("GIFT", ITEMS, {"MUG": 3, "TEA": 9000}) == Sellable(1, "MUG")


def test_a_component_that_is_not_there_or_owed_leaves_nothing_to_sell() -> None:
    assert sellable("GIFT", ITEMS, {"TEA": 700}) == Sellable(0, "MUG")
    assert sellable("GIFT", ITEMS, {"MUG": -4, "TEA": 700}) == Sellable(0, "MUG")


def test_a_component_that_never_runs_out_does_not_limit() -> None:
    assert sellable("GIFT", ITEMS, {"MUG": 9, "TEA": None}) == Sellable(4, "MUG")
    assert sellable("GIFT", ITEMS, {"MUG": None, "TEA": None}) == Sellable(None)


def test_each_node_sells_what_it_can_put_together_alone() -> None:
    lies = {"here": {"MUG": 4, "TEA": 250}, "there": {"MUG": 2}}
    assert sellable_by_node("GIFT", ITEMS, lies) == {
        "here": Sellable(1, "TEA"),
        "there": Sellable(0, "TEA"),
    }


def test_components_are_read_level_by_level() -> None:
    catalogue = Catalogue(*ITEMS.values())
    assert with_components({"PARTY"}, catalogue).keys() == ITEMS.keys()
    assert catalogue.reads == 3
    assert with_components({"MUG"}, catalogue).keys() == {"MUG"}
    assert catalogue.reads == 4


def test_bundles_nested_too_deep_are_refused() -> None:
    chain = [bundle(f"B{n}", **{f"B{n + 1}": 1}) for n in range(LEVELS)]
    with pytest.raises(Invalid) as refused:
        with_components({"B0"}, Catalogue(*chain, Item("B10", "last")))
    assert refused.value.problem_code == "too_many_levels"


def test_records_that_contain_each_other_are_read_again_later() -> None:
    torn = {"A": bundle("A", B=1), "B": bundle("B", A=1)}
    with pytest.raises(Unavailable):
        parts_of("A", torn)


def test_a_part_that_is_gone_is_told() -> None:
    with pytest.raises(Invalid) as refused:
        explode([("A", 1)], {"A": bundle("A", B=1)})
    assert refused.value.problem_code == "unknown_sku"


@given(
    st.lists(st.tuples(st.sampled_from(sorted(ITEMS)), st.integers(1, 20)), max_size=6),
    st.sampled_from(["PAIR", "GIFT", "PARTY"]),
    st.dictionaries(st.sampled_from(["MUG", "TEA"]), st.integers(-5, 5000)),
)
def test_what_is_sellable_fits_and_one_more_does_not(
    basket: list[tuple[str, int]], sku: str, available: dict[str, int | None]
) -> None:
    found = sellable(sku, ITEMS, available).quantity
    assert found is not None

    def fits(quantity: int) -> bool:
        needs = explode([(sku, quantity)], ITEMS)
        return all(units <= max(0, available.get(part) or 0) for part, units in needs.items())

    assert fits(found) and not fits(found + 1)
    apart = [explode([line], ITEMS) for line in basket]
    for part, units in explode(basket, ITEMS).items():
        assert units == sum(each.get(part, 0) for each in apart)
