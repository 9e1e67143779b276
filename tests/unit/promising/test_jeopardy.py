"""Which promises hold when supply moves. In these tests a parcel takes two days from everywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.model import Balance
from oms.inventory.position import Position, Supply
from oms.orders.model import Counts, PromisedPart
from oms.promising.demand import DemandLine, demands, pegged, still_to_ship
from oms.promising.jeopardy import (
    Arrival,
    Finding,
    Pool,
    look,
    missing_at,
    pools_of,
)
from oms.promising.model import Destination
from oms.promising.severity import Severity, severity_of
from tests.samples import NOW

TO = Destination("BR", "SP", "São Paulo", "01310-100")
TRANSIT = timedelta(days=2)
TODAY = NOW.date()


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def arrives(line: DemandLine, part: PromisedPart, ready_at: datetime) -> Arrival | None:
    if part.node == "closed":
        return None
    return Arrival(ready_at, (ready_at + TRANSIT).date())


def part(source: str, arrives_in: int, units: int = 1, node: str = "sp-dc") -> PromisedPart:
    ship_by = NOW + timedelta(days=arrives_in) - TRANSIT
    return PromisedPart("MUG", node, units, source, ship_by, day(arrives_in), "standard")


def line(
    *parts: PromisedPart, order: str = "a", priority: int = 5, held: bool = False
) -> DemandLine:
    promised = max(each.arrive_by for each in parts)
    return DemandLine(order, "MUG", "MUG", priority, NOW, promised, parts, TO, "BRL", held)


def pool(source: str, ready_in: int, units: int = 1, node: str = "sp-dc") -> Pool:
    return Pool(node, source, NOW + timedelta(days=ready_in), units)


def looked(
    lines: Iterable[DemandLine], pools: Sequence[Pool], missing: dict[str, int] | None = None
) -> dict[str, Finding]:
    found = look(lines, pools, missing or {}, arrives)
    return {each.line.order_id: each for each in found}


def test_a_promise_whose_supply_comes_as_it_should_holds() -> None:
    found = looked([line(part("supply:po", 12))], [pool("supply:po", 10)])["a"]
    assert (found.is_late, found.severity, found.is_news) == (False, None, False)


def test_a_supply_that_slips_makes_the_line_as_late_as_it_is() -> None:
    found = looked([line(part("supply:po", 12))], [pool("supply:po", 14)])["a"]
    assert (found.expected, found.days_late, found.severity) == (day(16), 4, Severity.MEDIUM)
    assert found.is_news


@pytest.mark.parametrize(
    ("days", "severity"), [(1, "low"), (2, "low"), (3, "medium"), (6, "medium"), (7, "high")]
)
def test_the_severity_follows_from_the_days(days: int, severity: str) -> None:
    assert severity_of(days) == severity


def test_what_nothing_would_fill_is_as_severe_as_can_be() -> None:
    found = looked([line(part("supply:po", 12))], [])["a"]
    assert (found.expected, found.days_late, found.severity) == (None, None, Severity.HIGH)


def test_what_was_told_is_no_news() -> None:
    told = replace(line(part("supply:po", 12)), severity="medium", expected=day(16))
    assert not looked([told], [pool("supply:po", 14)])["a"].is_news
    assert looked([told], [pool("supply:po", 15)])["a"].is_news


def test_a_line_that_is_in_time_again_is_news_once() -> None:
    told = replace(line(part("supply:po", 12)), severity="medium", expected=day(16))
    assert looked([told], [pool("supply:po", 10)])["a"].is_news


def test_a_slip_that_another_supply_of_the_node_makes_up_for_breaks_nothing() -> None:
    pools = [pool("supply:po", 14), pool("supply:asn", 9)]
    assert not looked([line(part("supply:po", 12))], pools)["a"].is_late


def test_early_units_are_left_to_whoever_needs_them() -> None:
    late = line(part("supply:b", 12), order="late")
    early = line(part("supply:a", 5), order="early", priority=1)
    found = looked([late, early], [pool("supply:a", 3), pool("supply:b", 10)])
    assert not found["late"].is_late
    assert not found["early"].is_late


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (line(part("supply:a", 12), priority=9), line(part("supply:a", 6), order="b")),
        (line(part("supply:a", 6)), line(part("supply:a", 12), order="b")),
        (
            line(part("supply:a", 6)),
            replace(line(part("supply:a", 6), order="A"), promised_at=NOW + timedelta(hours=1)),
        ),
    ],
    ids=["priority", "promised day", "age"],
)
def test_who_comes_first_is_served_first(first: DemandLine, second: DemandLine) -> None:
    found = looked([second, first], [pool("supply:a", 4)])
    assert not found[first.order_id].is_late
    assert found[second.order_id].is_late


def test_a_part_that_is_made_depends_on_no_supply() -> None:
    assert not looked([line(part("production:oven", 12))], [])["a"].is_late
    assert not looked([line(part("infinite", 12))], [])["a"].is_late


def test_a_line_waits_for_its_last_part() -> None:
    both = line(part("on_hand", 3), part("supply:po", 12))
    found = looked([both], [pool("on_hand", 0), pool("supply:po", 13)])["a"]
    assert (found.expected, found.days_late) == (day(15), 3)


def test_another_node_that_would_keep_the_day_is_proposed() -> None:
    pools = [pool("supply:po", 14), pool("supply:other", 8, node="rj-store")]
    (proposed,) = looked([line(part("supply:po", 12))], pools)["a"].alternative
    assert (proposed.node, proposed.source) == ("rj-store", "supply:other")
    assert (proposed.arrive_by, proposed.ship_by) == (day(10), NOW + timedelta(days=8))


def test_the_same_units_are_not_proposed_twice() -> None:
    lines = [line(part("supply:po", 12), order=order) for order in "ab"]
    pools = [pool("supply:po", 14, 2), pool("on_hand", 0, 1, "rj-store")]
    found = looked(lines, pools)
    assert found["a"].alternative
    assert not found["b"].alternative


def test_what_others_need_is_not_proposed() -> None:
    other = line(part("on_hand", 3, node="rj-store"), order="b")
    pools = [pool("supply:po", 14), pool("on_hand", 0, 1, "rj-store")]
    assert not looked([line(part("supply:po", 12)), other], pools)["a"].alternative


def test_a_node_that_does_not_ship_is_not_proposed() -> None:
    pools = [pool("supply:po", 14), pool("on_hand", 0, 1, "closed")]
    assert looked([line(part("supply:po", 12))], pools)["a"].alternative == ()


def test_who_holds_stock_waits_for_no_supply() -> None:
    assert not looked([line(part("on_hand", 3), held=True)], [])["a"].is_late


def test_a_count_that_finds_too_few_hits_those_who_come_last() -> None:
    lines = [line(part("on_hand", 3), order=order, held=True) for order in "ab"]
    found = looked(lines, [pool("supply:po", 5)], {"sp-dc": 1})
    assert not found["a"].is_late
    assert found["b"].expected == day(7)


def test_the_pools_are_what_is_available_and_what_is_due() -> None:
    position = Position(
        "MUG",
        (Balance("MUG", "sp-dc", 5, 3, available=2), Balance("MUG", "rj-store", 1, 3, 0, -2)),
        supplies=(Supply("po", "MUG", "sp-dc", NOW + timedelta(days=4), 6, 6),),
    )
    pools = {(each.node, each.source): each for each in pools_of(position, NOW)}
    assert pools["sp-dc", "on_hand"].units == 2
    assert pools["sp-dc", "supply:po"].units == 6
    assert ("rj-store", "on_hand") not in pools
    assert missing_at(position) == {"rj-store": 2}


def test_an_overdue_supply_is_not_expected_before_tomorrow() -> None:
    position = Position("MUG", supplies=(Supply("po", "MUG", "sp-dc", NOW, 6),))
    (overdue,) = pools_of(position, NOW)
    assert overdue.ready_at == NOW + timedelta(days=1)


def test_only_what_waits_for_supply_is_dated_demand() -> None:
    both = line(part("on_hand", 3, 2), part("supply:po", 12, 3))
    assert [(each.part, each.quantity) for each in demands(both)] == [(0, 2), (1, 3)]
    assert pegged(both) == {"po": 3}
    held = replace(both, held=True)
    assert demands(held) == ()
    assert pegged(held) == {}


def test_what_was_due_first_leaves_first() -> None:
    both = line(part("on_hand", 3, 2), part("supply:po", 12, 3))
    left = still_to_ship(both, 5, Counts(shipped=3))
    assert left is not None
    assert [(each.source, each.quantity) for each in left.parts] == [("supply:po", 2)]
    assert still_to_ship(both, 5, Counts(shipped=3, delivered=2)) is None


# --- properties ---------------------------------------------------------------------------------

NODES = st.sampled_from(["sp-dc", "rj-store"])
SOURCES = st.sampled_from(["on_hand", "supply:a", "supply:b"])
PARTS = st.builds(part, SOURCES, st.integers(2, 20), st.integers(1, 4), NODES)
POOLS = st.lists(st.builds(pool, SOURCES, st.integers(0, 20), st.integers(1, 6), NODES), max_size=6)


@st.composite
def lines(draw: st.DrawFn) -> list[DemandLine]:
    return [
        line(
            *draw(st.lists(PARTS, min_size=1, max_size=3)),
            order=f"o{number}",
            priority=draw(st.integers(0, 9)),
            held=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


MISSING = st.dictionaries(NODES, st.integers(1, 5), max_size=2)


@given(lines(), POOLS)
def test_who_comes_later_takes_nothing_from_who_came_first(
    several: list[DemandLine], pools: list[Pool]
) -> None:
    found = look(several, pools, {}, arrives)
    for number in range(len(found)):
        alone = look([each.line for each in found[: number + 1]], pools, {}, arrives)
        assert [each.expected for each in alone] == [each.expected for each in found[: number + 1]]


@given(lines(), POOLS)
def test_no_unit_is_promised_twice(several: list[DemandLine], pools: list[Pool]) -> None:
    """Of a node's units no more are found for its lines than there are."""
    found = look(several, pools, {}, arrives)
    there = sum(each.units for each in pools)
    filled = [each.line for each in found if each.expected is not None and not each.line.held]
    assert sum(each.quantity for kept in filled for each in kept.parts) <= there


@given(lines(), POOLS, MISSING)
def test_an_alternative_keeps_the_day_and_every_unit(
    several: list[DemandLine], pools: list[Pool], missing: dict[str, int]
) -> None:
    for found in look(several, pools, missing, arrives):
        if found.alternative:
            assert found.is_late
            assert max(each.arrive_by for each in found.alternative) <= found.line.promised
            assert [each.quantity for each in found.alternative] == [
                each.quantity for each in found.line.parts
            ]


@given(lines(), POOLS, MISSING)
def test_what_is_told_is_told_once(
    several: list[DemandLine], pools: list[Pool], missing: dict[str, int]
) -> None:
    told = [
        replace(
            found.line,
            severity=str(found.severity or ""),
            expected=found.expected if found.is_late else None,
        )
        for found in look(several, pools, missing, arrives)
    ]
    assert not any(found.is_news for found in look(told, pools, missing, arrives))
