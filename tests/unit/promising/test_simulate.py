"""What if: a supply slips, an oven fails, a node closes. Nothing is committed."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import Production, Promising, PromisingMode
from oms.inventory.position import Supply
from oms.promising.model import CapacityDay, Demand
from oms.promising.simulate import (
    CapacityChange,
    Changes,
    Effect,
    OrderEffect,
    Scenario,
    StockChange,
    SupplyChange,
    simulate,
)
from tests.unit.promising.baskets import MONDAY, NOW, SP, coming, held, item, position

SHOWN = {"sp": SP}


def row(order_id: str, units: int, ship_in: int, priority: int = 0, **changed: str) -> Demand:
    source = changed.get("source", "supply:po-MUG-2")
    sku = changed.get("sku", "MUG")
    ship_by = NOW + timedelta(days=ship_in, hours=5)
    return Demand(order_id, sku, sku, "sp", units, ship_by, MONDAY, source, NOW, priority)


def scenario(*rows: Demand, on_hand: int = 0, supplies: tuple[Supply, ...] = ()) -> Scenario:
    return Scenario(
        NOW,
        rows,
        {"MUG": position("MUG", [held("MUG", on_hand)], supplies)},
        {"MUG": item("MUG")},
        SHOWN,
    )


def shown(effects: tuple[OrderEffect, ...]) -> dict[str, tuple[Effect, int]]:
    return {effect.order_id: (effect.effect, effect.days) for effect in effects}


def test_a_supply_that_slips_makes_the_orders_late_that_it_was_for() -> None:
    asked = scenario(
        row("a", 4, 2),
        row("b", 6, 3),
        row("c", 1, 9),
        supplies=(coming("MUG", 10, 2, promised=10), coming("MUG", 5, 8)),
    )
    slips = Changes((SupplyChange("MUG", "po-MUG-2", due=NOW + timedelta(days=7)),))
    assert shown(simulate(asked, slips)) == {
        "a": (Effect.LATE, 5),
        "b": (Effect.LATE, 4),
        "c": (Effect.UNCHANGED, 0),
    }


def test_the_higher_priority_is_served_first_of_what_is_left() -> None:
    supplies = (coming("MUG", 10, 2, promised=10),)
    asked = scenario(row("a", 5, 2), row("b", 5, 2, priority=5), supplies=supplies)
    short = Changes((SupplyChange("MUG", "po-MUG-2", quantity=5),))
    assert shown(simulate(asked, short)) == {
        "a": (Effect.UNFILLED, 0),
        "b": (Effect.UNCHANGED, 0),
    }


def test_a_supply_that_comes_earlier_helps_and_a_new_one_fills() -> None:
    supplies = (coming("MUG", 4, 7, promised=4),)
    mine = "supply:po-MUG-7"
    asked = scenario(row("a", 4, 9, source=mine), row("b", 9, 9, source=mine), supplies=supplies)
    better = Changes(
        (
            SupplyChange("MUG", "po-MUG-7", due=NOW + timedelta(days=1)),
            SupplyChange("MUG", "new", "sp", NOW + timedelta(days=2), 9),
        )
    )
    assert shown(simulate(asked, better)) == {"a": (Effect.EARLIER, 6), "b": (Effect.EARLIER, 0)}


def test_a_count_that_finds_less_breaks_promises() -> None:
    asked = scenario(row("a", 3, 0), on_hand=3)
    assert shown(simulate(asked, Changes(stock=(StockChange("MUG", "sp", -1),)))) == {
        "a": (Effect.UNFILLED, 0)
    }


def test_units_that_others_were_promised_are_not_there_for_these() -> None:
    asked = scenario(row("a", 4, 3), supplies=(coming("MUG", 10, 2, promised=10),))
    fewer = Changes((SupplyChange("MUG", "po-MUG-2", quantity=9),))
    assert shown(simulate(asked, fewer)) == {"a": (Effect.UNFILLED, 0)}


def test_a_node_that_closes_ships_the_next_day_it_works() -> None:
    asked = scenario(row("a", 3, 0), on_hand=3)
    closed = Changes(closed={"sp": (MONDAY, MONDAY + timedelta(days=1))})
    assert shown(simulate(asked, closed)) == {"a": (Effect.LATE, 2)}


def test_a_lead_time_that_grows_makes_late() -> None:
    desk = item("DESK", Promising(PromisingMode.LEAD_TIME, lead_time_days=2))
    asked = replace(
        scenario(row("a", 3, 2, sku="DESK", source="lead_time")),
        items={"DESK": desk},
        positions={"DESK": position("DESK")},
    )
    assert shown(simulate(asked, Changes(lead_times={"DESK": 3}))) == {"a": (Effect.LATE, 1)}


def test_an_oven_that_fails_delays_what_it_was_to_make() -> None:
    cake = item("CAKE", Promising(PromisingMode.CTP, production=Production("oven", ("sp",), 2)))
    days = [CapacityDay(MONDAY + timedelta(days=n), 10, 0) for n in range(5)]
    asked = replace(
        scenario(
            row("a", 5, 1, sku="CAKE", source="production:oven"),
            row("b", 5, 2, sku="CAKE", source="production:oven"),
        ),
        items={"CAKE": cake},
        positions={"CAKE": position("CAKE")},
        capacity={"oven": days},
    )
    fails = Changes(capacity=(CapacityChange("oven", MONDAY + timedelta(days=1), 0),))
    assert shown(simulate(asked, fails)) == {
        "a": (Effect.UNCHANGED, 0),
        "b": (Effect.LATE, 1),
    }


rows = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9), st.integers(0, 2)), max_size=6).map(
    lambda drawn: [
        row(f"o{number}", units, ship_in, priority)
        for number, (units, ship_in, priority) in enumerate(drawn)
    ]
)
supplies = st.dictionaries(st.integers(1, 9), st.integers(1, 9), max_size=4).map(
    lambda drawn: tuple(coming("MUG", units, days) for days, units in drawn.items())
)


@given(rows, supplies, st.integers(0, 5))
def test_without_a_change_nothing_happens(
    drawn: list[Demand], supplied: tuple[Supply, ...], on_hand: int
) -> None:
    effects = simulate(scenario(*drawn, on_hand=on_hand, supplies=supplied), Changes())
    assert {effect.effect for effect in effects} <= {Effect.UNCHANGED}


@given(rows, supplies, st.integers(0, 5), st.integers(1, 9), st.integers(1, 9))
def test_more_supply_makes_nothing_late_and_less_nothing_earlier(
    drawn: list[Demand], supplied: tuple[Supply, ...], on_hand: int, due: int, units: int
) -> None:
    asked = scenario(*drawn, on_hand=on_hand, supplies=supplied)
    more = SupplyChange("MUG", "new", "sp", NOW + timedelta(days=due), units)
    better = {effect.effect for effect in simulate(asked, Changes((more,)))}
    assert better <= {Effect.UNCHANGED, Effect.EARLIER}
    for supply in supplied:
        gone = Changes((SupplyChange("MUG", supply.id, removed=True),))
        worse = {effect.effect for effect in simulate(asked, gone)}
        assert worse <= {Effect.UNCHANGED, Effect.LATE, Effect.UNFILLED}
