from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.bundles import parts_of
from oms.catalog.delivery import Promising
from oms.catalog.model import Component, Item
from oms.kernel.errors import Invalid
from oms.kernel.money import Money, total
from oms.kernel.quantity import LARGEST
from oms.orders.bundles import with_parts
from oms.orders.model import Line
from oms.pricing.shares import extended_price
from tests.samples import line, money

MUG, TEA, TEE = Item("MUG", "Mug"), Item("TEA", "Tea", scale=3), Item("TEE", "Tee")


def kit(*parts: tuple[Item, int]) -> dict[str, Item]:
    components = tuple(Component(item.sku, units) for item, units in parts)
    return {"KIT": Item("KIT", "Kit", components=components)} | {
        item.sku: item for item, _ in parts
    }


def gross(lines: tuple[Line, ...]) -> Money:
    return total([extended_price(x.unit_price, x.quantity, x.scale) for x in lines], "BRL")


def test_a_bundle_becomes_a_line_for_each_part_that_says_where_it_came_from() -> None:
    mug, tee = with_parts((line("KIT", 2, 3000, "7"),), kit((MUG, 2), (TEE, 1)))
    assert (mug.line_id, mug.sku, mug.name, mug.quantity, mug.bundle) == (
        "7/MUG",
        "MUG",
        "Mug",
        4,
        "7",
    )
    assert (tee.line_id, tee.quantity, tee.unit_price) == ("7/TEE", 2, money(1000))


def test_what_is_no_bundle_stays_as_it_is_and_where_it_is() -> None:
    lines = (line("TEE"), line("KIT"), line("MUG"))
    assert [part.line_id for part in with_parts(lines, kit((MUG, 1), (TEE, 1)))] == [
        "TEE",
        "KIT/MUG",
        "KIT/TEE",
        "MUG",
    ]


def test_prices_are_spread_by_quantity_whatever_it_is_counted_in() -> None:
    mug, tea = with_parts((line("KIT", 1, 1500),), kit((MUG, 1), (TEA, 500)))
    assert (mug.net, tea.net) == (money(1000), money(500))
    assert tea.unit_price == money(1000)


def test_prices_are_spread_by_cost_where_it_is_known_of_every_part() -> None:
    dear = replace(MUG, promising=Promising(unit_cost=money(900)))
    cheap = replace(TEE, promising=Promising(unit_cost=money(100)))
    by_cost = with_parts((line("KIT", 1, 1500),), kit((dear, 1), (cheap, 1)))
    assert [part.net for part in by_cost] == [money(1350), money(150)]
    by_quantity = with_parts((line("KIT", 1, 1500),), kit((dear, 1), (TEE, 1)))
    assert [part.net for part in by_quantity] == [money(750), money(750)]


def test_a_price_that_does_not_divide_is_rounded_up_and_the_discount_takes_the_rest() -> None:
    (mug,) = with_parts((line("KIT", 1, 1000),), kit((MUG, 3)))
    assert (mug.unit_price, mug.discount, mug.net) == (money(334), money(2), money(1000))


def test_a_part_is_taxed_at_the_rate_of_the_bundle() -> None:
    sent = replace(line("KIT", 1, 1000), tax=money(230), tax_rate="0.23")
    parts = with_parts((sent,), kit((MUG, 1), (TEE, 1)))
    assert [(part.tax, part.tax_rate) for part in parts] == [(money(115), "0.23")] * 2


def test_more_of_a_part_than_can_be_counted_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        with_parts((line("KIT", 2, 1),), kit((MUG, LARGEST)))
    assert refused.value.problem_code == "invalid_quantity"


@st.composite
def orders(draw: st.DrawFn) -> tuple[Line, dict[str, Item]]:
    items = draw(st.lists(st.sampled_from([MUG, TEA, TEE]), min_size=1, unique=True))
    held = [(item, draw(st.integers(1, 2000 if item.scale else 7))) for item in items]
    sent = line("KIT", draw(st.integers(1, 12)), draw(st.integers(0, 100_000)))
    discount = money(draw(st.integers(0, sent.net.minor)))
    return replace(sent, discount=discount, tax=money(draw(st.integers(0, 5000)))), kit(*held)


@given(orders())
def test_the_parts_come_to_the_bundle_to_the_last_cent(order: tuple[Line, dict[str, Item]]) -> None:
    sent, items = order
    parts = with_parts((sent,), items)
    rounding = gross(parts) - gross((sent,))
    assert total([part.net for part in parts], "BRL") == sent.net
    assert total([part.tax for part in parts], "BRL") == sent.tax
    assert total([part.discount for part in parts], "BRL") == sent.discount + rounding
    assert all(part.net.minor >= 0 and part.discount.minor >= 0 for part in parts)
    assert all(part.tax.minor >= 0 for part in parts)
    units = {part.sku: part.quantity for part in parts}
    assert units == {sku: n * sent.quantity for sku, n in parts_of("KIT", items).items()}


@given(orders())
def test_a_discount_is_exact_where_each_part_is_in_the_bundle_once(
    order: tuple[Line, dict[str, Item]],
) -> None:
    sent, items = order
    once = kit(*((items[sku], 10 ** items[sku].scale) for sku in parts_of("KIT", items)))
    assert total([part.discount for part in with_parts((sent,), once)], "BRL") == sent.discount
