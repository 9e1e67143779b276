"""Where a line is made to order, of what, and on which days."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import Component
from oms.orders.model import Address, Allocation, Effort
from oms.routing.making import make
from oms.routing.request import Maker, RoutingRequest, Want

AT = Address("Ana", "Rua A", "São Paulo", "BR")
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
CAKE = Want("1", "CAKE", 2)
FLOUR, EGG = Component("FLOUR", 500), Component("EGG", 3)
BAKERY = Maker("bakery", (FLOUR, EGG), "oven", 2)
OTHER = Maker("bakery-2", (FLOUR, EGG), "oven", 2)
ENOUGH = {"FLOUR": 1000, "EGG": 6}
MONDAY, TUESDAY = "2026-05-04", "2026-05-05"


def asked(
    *makers: Maker,
    days: tuple[tuple[str, int], ...] = ((MONDAY, 3), (TUESDAY, 3)),
    excluded: frozenset[str] = frozenset(),
    has_capacity: frozenset[str] = frozenset(),
) -> RoutingRequest:
    return RoutingRequest(
        "ord_1",
        "web",
        "BRL",
        0,
        AT,
        (CAKE,),
        NOW,
        makers={"CAKE": makers},
        excluded={"1": excluded},
        production={"oven": days},
        has_capacity=has_capacity,
    )


def test_a_line_is_made_with_its_components_on_the_first_days_that_have_room() -> None:
    made = make(CAKE, asked(BAKERY), {"bakery": ENOUGH})

    assert made.allocations == (
        Allocation(
            "1",
            "CAKE",
            "bakery",
            2,
            tracked=False,
            make=True,
            effort=(Effort("oven", MONDAY, 3), Effort("oven", TUESDAY, 1)),
        ),
        Allocation("1", "EGG", "bakery", 6, make=True, component=True),
        Allocation("1", "FLOUR", "bakery", 1000, make=True, component=True),
    )


def test_a_node_without_a_component_is_passed_over() -> None:
    made = make(CAKE, asked(BAKERY, OTHER), {"bakery": {"FLOUR": 1000}, "bakery-2": ENOUGH})

    assert {one.node for one in made.allocations} == {"bakery-2"}


def test_a_node_that_said_no_is_passed_over() -> None:
    made = make(CAKE, asked(BAKERY, excluded=frozenset({"bakery"})), {"bakery": ENOUGH})

    assert not made.allocations
    assert made.why_not == "every node that makes CAKE has said no"


def test_it_says_which_component_is_lacking() -> None:
    made = make(CAKE, asked(BAKERY), {"bakery": {"EGG": 6, "FLOUR": 999}})

    assert made.why_not == "bakery has too little of FLOUR"


def test_it_says_that_nobody_makes_it() -> None:
    assert make(CAKE, asked(), {}).why_not == "no node makes CAKE"


def test_without_capacity_nothing_is_made() -> None:
    made = make(CAKE, asked(BAKERY, days=((MONDAY, 3),)), {"bakery": ENOUGH})

    assert made.why_not == "oven has no capacity left for CAKE"


def test_what_the_order_takes_for_another_line_is_not_there_twice() -> None:
    first = make(CAKE, asked(BAKERY), {"bakery": ENOUGH}).allocations

    again = make(CAKE, asked(BAKERY), {"bakery": ENOUGH}, first)

    assert again.why_not == "oven has no capacity left for CAKE"


def test_what_was_promised_took_its_capacity_then() -> None:
    request = asked(BAKERY, days=(), has_capacity=frozenset({"1"}))

    made = make(CAKE, request, {"bakery": ENOUGH})

    assert made.allocations[0].effort == ()


def test_a_part_of_a_unit_takes_components_and_effort_rounded_up() -> None:
    half = Want("1", "CAKE", 5, scale=1)

    made = make(half, asked(Maker("bakery", (EGG,), "oven", 3)), {"bakery": ENOUGH})

    assert made.allocations[0].effort == (Effort("oven", MONDAY, 2),)
    assert made.allocations[1].quantity == 2


@given(
    days=st.lists(st.integers(0, 9), max_size=6),
    units=st.integers(1, 8),
    effort=st.integers(1, 3),
)
def test_exactly_what_it_takes_is_booked_and_no_day_beyond_what_it_has(
    days: list[int], units: int, effort: int
) -> None:
    free = tuple((f"2026-05-{number:02}", left) for number, left in enumerate(days, 1))
    maker = Maker("bakery", (), "oven", effort)

    made = make(Want("1", "CAKE", units), asked(maker, days=free), {})

    if sum(days) < units * effort:
        assert not made.allocations
        return
    booked = {one.day: one.units for one in made.allocations[0].effort}
    assert sum(booked.values()) == units * effort
    assert all(booked[day] <= dict(free)[day] for day in booked)
