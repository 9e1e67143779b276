"""Options for a basket: where from, by when, at what cost, and why."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import (
    Band,
    Component,
    NodeCalendar,
    Production,
    Promising,
    PromisingMode,
)
from oms.catalog.model import Component as Held
from oms.catalog.model import Item
from oms.inventory.model import Balance
from oms.inventory.position import Position, Supply
from oms.kernel.money import Money
from oms.promising.atp import available_to_promise
from oms.promising.model import (
    ON_HAND,
    AcceptedDate,
    CapacityBooking,
    CapacityDay,
    Evidence,
    Offer,
    Option,
    Rank,
)
from oms.promising.options import offer
from oms.promising.sources import Facts
from tests.unit.promising.baskets import (
    EXPRESS,
    GROUND,
    MONDAY,
    RJ,
    SP,
    asked,
    basket,
    coming,
    held,
    item,
    line,
    position,
)


def best(found: Offer, rank: Rank = Rank.FASTEST) -> Option:
    return next(option for option in found.options if rank in option.ranks)


def taken(option: Option) -> set[tuple[str, str, int, str]]:
    return {(each.line_id, each.node, each.quantity, each.source) for each in option.lines}


def rules(evidence: tuple[Evidence, ...]) -> set[str]:
    return {each.rule for each in evidence}


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def test_what_is_there_leaves_today_from_the_node_that_brings_it_first() -> None:
    option = best(asked(basket(line("MUG", 2)), position("MUG", [held("MUG", 5)])))
    assert taken(option) == {("MUG", "sp", 2, ON_HAND)}
    assert (option.ship_by.isoformat(), option.arrive_by) == ("2026-11-23T17:00:00+00:00", day(1))
    assert str(option.cost) == "40.00"
    assert {"on_hand", "transit", "not_enough", "slower"} == rules(option.evidence)


def test_the_cheapest_and_the_most_profitable_take_the_slow_service() -> None:
    found = asked(basket(line("MUG", 2)), position("MUG", [held("MUG", 5)]))
    cheapest = best(found, Rank.CHEAPEST)
    assert cheapest.ranks == (Rank.CHEAPEST, Rank.MOST_PROFITABLE)
    assert (str(cheapest.cost), cheapest.arrive_by) == ("15.00", day(3))
    assert str(cheapest.profit) == "15.00"  # 2 x (20.00 - 5.00) - 15.00


def test_the_option_of_the_rank_that_was_asked_for_comes_first() -> None:
    found = asked(basket(line("MUG", 2), rank=Rank.CHEAPEST), position("MUG", [held("MUG", 5)]))
    assert Rank.CHEAPEST in found.options[0].ranks
    assert [option.id for option in found.options] == ["1", "2"]


def test_without_prices_nothing_is_said_of_profit() -> None:
    found = asked(basket(line("MUG", 2, None)), position("MUG", [held("MUG", 5)]))
    assert all(option.profit is None for option in found.options)
    assert not any(Rank.MOST_PROFITABLE in option.ranks for option in found.options)


def test_what_is_not_there_is_promised_from_the_supply_that_completes_it() -> None:
    stock = position("MUG", [held("MUG", 1)], [coming("MUG", 10, 2), coming("MUG", 10, 9)])
    option = best(asked(basket(line("MUG", 3)), stock))
    assert taken(option) == {("MUG", "sp", 3, "supply:po-MUG-2")}
    assert option.arrive_by == day(3)


def test_a_basket_that_no_node_has_whole_is_split_over_the_fewest_that_do() -> None:
    found = asked(
        basket(line("MUG", 2), line("TEE", 1)),
        position("MUG", [held("MUG", 2)]),
        position("TEE", [held("TEE", 1, "rj")]),
    )
    option = best(found)
    assert taken(option) == {("MUG", "sp", 2, ON_HAND), ("TEE", "rj", 1, ON_HAND)}
    assert str(option.cost) == "49.00"


def test_a_line_in_parts_comes_from_two_nodes() -> None:
    stock = position("MUG", [held("MUG", 2), held("MUG", 2, "rj")])
    option = best(asked(basket(line("MUG", 3)), stock))
    assert sum(each.quantity for each in option.lines) == 3
    assert {each.node for each in option.lines} == {"sp", "rj"}


def test_each_line_may_come_when_it_can() -> None:
    found = asked(
        basket(line("MUG", 1), line("TEE", 1)),
        position("MUG", [held("MUG", 1)]),
        position("TEE", [], [coming("TEE", 1, 7)]),
    )
    by_line = next(option for option in found.options if not option.together)
    assert {each.line_id: each.arrive_by for each in by_line.lines} == {
        "MUG": day(1),
        "TEE": day(8),
    }
    assert best(found).together


def test_two_bundles_and_a_single_that_share_a_component_count_it_once() -> None:
    gift = Item("GIFT", "Gift", components=(Held("MUG", 1), Held("TEE", 1)))
    box = Item("BOX", "Box", components=(Held("MUG", 1),))
    stock = (position("MUG", [held("MUG", 3)]), position("TEE", [held("TEE", 9)]))
    lines = (line("GIFT", 1), line("BOX", 1), line("MUG", 1))
    option = best(asked(basket(*lines), *stock, items=[gift, box]))
    assert sum(each.quantity for each in option.lines if each.sku == "MUG") == 3
    more = asked(basket(line("GIFT", 1), line("BOX", 1), line("MUG", 2)), *stock, items=[gift, box])
    assert not more.options
    assert more.ruled_out[0].rule == "not_enough"


def test_a_channel_is_promised_no_more_than_it_may_sell() -> None:
    stock = position("MUG", [held("MUG", 3), held("MUG", 3, "rj")])
    assert asked(basket(line("MUG", 2)), stock, limits={"MUG": 2}).options
    assert not asked(basket(line("MUG", 3)), stock, limits={"MUG": 2}).options


def test_what_never_runs_out_needs_no_stock() -> None:
    song = item("SONG", Promising(PromisingMode.INFINITE))
    option = best(asked(basket(line("SONG", 99, None)), items=[song]))
    assert {each.source for each in option.lines} == {"infinite"}


def test_a_lead_time_counts_from_the_order_unless_stock_is_sooner() -> None:
    desk = item("DESK", Promising(PromisingMode.LEAD_TIME, lead_time_days=4))
    wanted = basket(line("DESK", 2, None))
    later = best(asked(wanted, position("DESK", [held("DESK", 1)]), items=[desk]))
    assert ({each.source for each in later.lines}, later.arrive_by) == ({"lead_time"}, day(7))
    sooner = best(asked(wanted, position("DESK", [held("DESK", 2)]), items=[desk]))
    assert sooner.arrive_by == day(1)


CAKE = item(
    "CAKE",
    Promising(
        PromisingMode.CTP, production=Production("oven", ("sp",), 2, (Component("FLOUR", 3),))
    ),
)


def oven(*left: int) -> dict[str, list[CapacityDay]]:
    return {"oven": [CapacityDay(day(n), 10, units) for n, units in enumerate(left)]}


def test_what_is_made_waits_for_components_and_books_the_days_that_have_capacity() -> None:
    flour = position("FLOUR", [held("FLOUR", 1)], [coming("FLOUR", 20, 1)])
    found = asked(
        basket(line("CAKE", 4, None)),
        flour,
        position("CAKE", [held("CAKE", 1)]),
        items=[CAKE],
        capacity=oven(9, 4, 0, 9),
    )
    option = best(found)
    assert option.bookings == (
        CapacityBooking("oven", day(1), 4),
        CapacityBooking("oven", day(3), 2),
    )
    assert taken(option) == {("CAKE", "sp", 1, ON_HAND), ("CAKE", "sp", 3, "production:oven")}
    assert [(each.sku, each.quantity, each.source) for each in option.components] == [
        ("FLOUR", 9, "supply:po-FLOUR-1")
    ]
    assert option.arrive_by == day(7)  # made by Thursday, leaves on Friday, arrives on Monday
    assert {"capacity", "production"} <= rules(option.evidence)


def test_nothing_is_made_beyond_the_capacity_or_the_components() -> None:
    wanted = basket(line("CAKE", 4, None))
    flour = position("FLOUR", [held("FLOUR", 99)])
    assert not asked(wanted, flour, items=[CAKE], capacity=oven(4, 3)).options
    assert asked(wanted, flour, items=[CAKE], capacity=oven(4, 4)).options
    short = position("FLOUR", [held("FLOUR", 11)])
    assert not asked(wanted, short, items=[CAKE], capacity=oven(9, 9)).options


def test_two_lines_share_an_oven_and_its_components() -> None:
    tart = replace(CAKE, sku="TART")
    flour = position("FLOUR", [held("FLOUR", 99)])
    wanted = basket(line("CAKE", 2, None), line("TART", 2, None))
    option = best(asked(wanted, flour, items=[CAKE, tart], capacity=oven(4, 4)))
    assert {each.date: each.units for each in option.bookings} == {day(0): 4, day(1): 4}
    short = position("FLOUR", [held("FLOUR", 11)])
    assert not asked(wanted, short, items=[CAKE, tart], capacity=oven(9, 9)).options


def test_a_component_that_is_sold_too_is_not_used_twice() -> None:
    flour = position("FLOUR", [held("FLOUR", 8)])
    wanted = basket(line("CAKE", 2, None), line("FLOUR", 2, None))
    assert asked(wanted, flour, items=[CAKE], capacity=oven(9)).options
    wanted = basket(line("CAKE", 2, None), line("FLOUR", 3, None))
    assert not asked(wanted, flour, items=[CAKE], capacity=oven(9)).options


def test_nothing_is_promised_after_the_day_it_is_wanted_by() -> None:
    stock = position("MUG", [held("MUG", 5)])
    found = asked(basket(line("MUG", 1), wanted_by=day(2)), stock)
    assert {option.arrive_by for option in found.options} == {day(1)}
    late = asked(basket(line("MUG", 1), wanted_by=day(0)), stock)
    assert not late.options
    assert [(each.rule, each.day) for each in late.ruled_out] == [("too_late", day(1))]


def test_the_most_profitable_of_the_days_the_customer_accepts() -> None:
    accepts = (
        AcceptedDate(day(1), Money(3000, "BRL")),
        AcceptedDate(day(4), Money(1000, "BRL")),
        AcceptedDate(day(7), Money(0, "BRL")),
    )
    found = asked(basket(line("MUG", 1), accepts=accepts), position("MUG", [held("MUG", 5)]))
    assert {option.arrive_by for option in found.options} <= {each.day for each in accepts}
    profitable = best(found, Rank.MOST_PROFITABLE)
    assert (profitable.arrive_by, str(profitable.profit)) == (day(4), "10.00")
    assert "accepted_date" in rules(profitable.evidence)
    assert profitable.ship_by.date() == day(1)  # Tuesday: three days to Friday
    assert best(found).arrive_by == day(1)


def test_no_option_on_a_day_that_no_carrier_delivers() -> None:
    found = asked(
        basket(line("MUG", 1), accepts=(AcceptedDate(day(5)),)),
        position("MUG", [held("MUG", 5)]),
    )
    assert not found.options
    assert "not_accepted" in rules(found.ruled_out)


def test_it_is_said_why_nothing_can_be_promised() -> None:
    stock = position("MUG", [held("MUG", 5)])
    abroad = replace(GROUND, countries=("PT",))
    dollars = replace(EXPRESS, currency="USD")
    found = asked(basket(line("MUG", 1)), stock, services=[abroad, dollars])
    assert {"service_unusable", "out_of_reach"} <= rules(found.ruled_out)
    closed = replace(SP, calendar=None, can_ship=False)
    assert not asked(basket(line("MUG", 1)), stock, nodes=[closed, RJ]).options


def test_a_node_that_never_opens_and_no_node_at_all_are_named_as_the_reason() -> None:
    stock = position("MUG", [held("MUG", 5)])
    closed = replace(SP, calendar=NodeCalendar(working_days=()))
    assert rules(asked(basket(line("MUG", 1)), stock, nodes=[closed]).ruled_out) == {"closed"}
    assert "no_node" in rules(asked(basket(line("MUG", 1)), stock, nodes=[]).ruled_out)


def test_weight_and_handling_are_part_of_the_cost() -> None:
    heavy = item("MUG", Promising(weight_grams=700))
    service = replace(GROUND, bands=(replace(GROUND.bands[1], cost_per_kg=100),))
    node = replace(SP, handling_cost=Money(250, "BRL"))
    stock = position("MUG", [held("MUG", 5)])
    found = asked(basket(line("MUG", 3)), stock, items=[heavy], nodes=[node], services=[service])
    assert str(best(found).cost) == "20.50"  # 15.00 + 3 kg at 1.00 + 2.50


def test_the_worked_example_of_the_documentation() -> None:
    placed_at = datetime.fromisoformat("2026-04-17T15:20:00-03:00")
    due = datetime.fromisoformat("2026-04-20T11:00:00-03:00")
    mugs = Position(
        "MUG",
        (Balance("MUG", "sp", on_hand=5, reserved=3, safety_stock=1, available=1),),
        supplies=(Supply("po", "MUG", "sp", due, 10, 4),),
    )
    ground = replace(GROUND, bands=(Band(500, 2, 1500),))
    stock = {"MUG": available_to_promise(mugs, placed_at)}
    found = offer(
        basket(line("MUG", 3), placed_at=placed_at),
        Facts({"MUG": item("MUG")}, stock),
        [SP],
        [ground],
    )
    option = best(found)
    assert taken(option) == {("MUG", "sp", 3, "supply:po")}
    assert option.ship_by == datetime.fromisoformat("2026-04-20T14:00:00-03:00")
    assert option.arrive_by == date(2026, 4, 24)
    assert [each.says for each in option.evidence if each.rule == "holiday"] == [
        "2026-04-21 is a holiday (Tiradentes)",
        "2026-04-23 is a holiday (São Jorge)",
    ]


amounts = st.integers(0, 5)
stocks = st.builds(
    lambda sku_sp, sku_rj, later: [
        position(
            sku,
            [held(sku, sku_sp[index]), held(sku, sku_rj[index], "rj")],
            [coming(sku, later[index], 2 + index)] if later[index] else [],
        )
        for index, sku in enumerate(("A", "B", "C"))
    ],
    *[st.tuples(amounts, amounts, amounts)] * 3,
)
baskets = st.tuples(*[st.integers(1, 4)] * 3)


@given(stocks, baskets)
def test_every_option_serves_the_basket_from_units_that_exist(
    stock: list[Position], wanted: tuple[int, int, int]
) -> None:
    lines = [line(sku, units) for sku, units in zip("ABC", wanted, strict=True)]
    found = asked(basket(*lines), *stock)
    free = {
        (each.sku, balance.node, ON_HAND): balance.available
        for each in stock
        for balance in each.balances
    } | {
        (each.sku, supply.node, f"supply:{supply.id}"): supply.open
        for each in stock
        for supply in each.supplies
    }
    enough = all(
        sum(units for (sku, _, _), units in free.items() if sku == each.sku) >= each.quantity
        for each in lines
    )
    assert bool(found.options) == enough
    for option in found.options:
        used: dict[tuple[str, str, str], int] = {}
        for each in option.lines:
            key = (each.sku, each.node, each.source)
            used[key] = used.get(key, 0) + each.quantity
        assert all(units <= free[key] for key, units in used.items())
        for asked_for in lines:
            served = [each for each in option.lines if each.line_id == asked_for.line_id]
            assert sum(each.quantity for each in served) == asked_for.quantity
        assert option.arrive_by == max(each.arrive_by for each in option.lines)
        assert all(each.ready_at <= each.ship_by for each in option.lines)


@given(stocks, baskets, st.sampled_from("ABC"), st.sampled_from(["sp", "rj"]), st.integers(0, 6))
def test_more_supply_never_makes_the_fastest_option_later(
    stock: list[Position], wanted: tuple[int, int, int], sku: str, node: str, due: int
) -> None:
    lines = [line(name, units) for name, units in zip("ABC", wanted, strict=True)]
    before = asked(basket(*lines), *stock)
    richer = [
        replace(each, supplies=(*each.supplies, replace(coming(sku, 4, due, node), id="more")))
        if each.sku == sku
        else each
        for each in stock
    ]
    after = asked(basket(*lines), *richer)
    if before.options:
        assert best(after).arrive_by <= best(before).arrive_by


@given(stocks, baskets)
def test_the_same_question_has_the_same_answer(
    stock: list[Position], wanted: tuple[int, int, int]
) -> None:
    lines = [line(sku, units) for sku, units in zip("ABC", wanted, strict=True)]
    first = asked(basket(*lines), *stock)
    again = asked(basket(*lines), *reversed(stock), nodes=(RJ, SP))
    assert first == again


ovens = st.lists(st.integers(-2, 6), max_size=6)


@given(ovens, st.integers(1, 6), st.integers(0, 4), st.integers(0, 20))
def test_no_more_is_made_than_there_is_capacity_and_components_for(
    left: list[int], wanted: int, there: int, flour: int
) -> None:
    found = asked(
        basket(line("CAKE", wanted, None)),
        position("FLOUR", [held("FLOUR", flour)]),
        position("CAKE", [held("CAKE", there)]),
        items=[CAKE],
        capacity=oven(*left),
    )
    made = max(0, wanted - there)
    can = made * 2 <= sum(max(0, units) for units in left) and made * 3 <= flour
    assert bool(found.options) == (can or not made)
    for option in found.options:
        assert sum(each.units for each in option.bookings) == made * 2
        assert all(each.units <= left[(each.date - MONDAY).days] for each in option.bookings)
        assert sum(each.quantity for each in option.components) == made * 3


@given(ovens, st.integers(1, 6), st.integers(0, 6), st.integers(1, 6))
def test_more_capacity_never_makes_a_date_later(
    left: list[int], wanted: int, more_on: int, more: int
) -> None:
    flour = position("FLOUR", [held("FLOUR", 99)])
    richer = [*left, *[0] * (7 - len(left))]
    richer[more_on] += more
    before, after = (
        asked(basket(line("CAKE", wanted, None)), flour, items=[CAKE], capacity=oven(*days))
        for days in (left, richer)
    )
    if before.options:
        assert best(after).arrive_by <= best(before).arrive_by


@given(
    st.integers(0, 5),
    st.dictionaries(st.integers(0, 9), st.integers(0, 60), min_size=1, max_size=5),
)
def test_no_accepted_date_is_more_profitable_than_the_one_that_is_named_so(
    there: int, pays: dict[int, int]
) -> None:
    stock = position("MUG", [held("MUG", there)], [coming("MUG", 9, 3, "rj")])
    dates = tuple(AcceptedDate(day(n), Money(units * 100, "BRL")) for n, units in pays.items())
    found = asked(basket(line("MUG", 2), accepts=dates), stock)
    alone = [asked(basket(line("MUG", 2), accepts=(each,)), stock) for each in dates]
    profits = [option.profit for offered in alone for option in offered.options if option.profit]
    assert bool(found.options) == any(offered.options for offered in alone)
    if profits:
        assert best(found, Rank.MOST_PROFITABLE).profit == max(profits)
