"""Available to promise: worked examples first, then what holds for any supply and demand."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position, Supply
from oms.promising.atp import Atp, Inflow, Outflow, available_to_promise, consume
from oms.promising.model import ON_HAND, supply_source

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


def supply(name: str, due: int, units: int, promised: int = 0, node: str = "sp") -> Supply:
    return Supply(name, "MUG", node, day(due), units, promised)


def held(units: int, node: str = "sp") -> Balance:
    return Balance("MUG", node, on_hand=units, available=units)


def by_day(atp: Atp, node: str | None = None) -> list[tuple[int, int]]:
    return [((bucket.at - NOW).days, bucket.units) for bucket in atp.cumulative(node)]


def test_a_demand_leaves_what_is_there_to_those_who_need_it_at_once() -> None:
    inflows = [Inflow(ON_HAND, "sp", day(0), 5), Inflow("po", "sp", day(7), 5)]
    left = consume(inflows, [Outflow("order", "sp", day(10), 5)]).left
    assert left == (Inflow(ON_HAND, "sp", day(0), 5),)


def test_a_demand_that_nothing_meets_in_time_takes_the_next_supply() -> None:
    inflows = [Inflow("po-1", "sp", day(7), 5), Inflow("po-2", "sp", day(9), 5)]
    consumed = consume(inflows, [Outflow("order", "sp", day(3), 6)])
    assert [(take.source, take.units) for take in consumed.takes] == [("po-1", 5), ("po-2", 1)]
    assert not consumed.short


def test_demand_beyond_all_supply_is_short() -> None:
    assert consume([], [Outflow("order", "sp", day(3), 6)]).short == {"order": 6}


def test_what_is_there_and_what_is_coming_add_up_by_date() -> None:
    position = Position("MUG", (held(3),), supplies=(supply("a", 7, 10, 4), supply("b", 3, 2)))
    atp = available_to_promise(position, NOW)
    assert by_day(atp) == [(0, 3), (3, 5), (7, 11)]
    ready = atp.earliest(6)
    assert ready is not None
    assert (ready.at, [(take.source, take.units) for take in ready.takes]) == (
        day(7),
        [(supply_source("a"), 6)],
    )


def test_units_that_orders_wait_for_are_not_promised_again() -> None:
    position = Position("MUG", (held(3),), supplies=(supply("a", 7, 10),), owed=5)
    assert by_day(available_to_promise(position, NOW)) == [(7, 8)]


def test_units_that_are_owed_and_promised_from_a_supply_are_taken_from_it_once() -> None:
    position = Position("MUG", supplies=(supply("a", 7, 10, 5),), owed=5)
    assert by_day(available_to_promise(position, NOW)) == [(7, 5)]


def test_nobody_overtakes_who_waits_even_for_units_that_another_supply_will_bring() -> None:
    position = Position("MUG", (held(3),), supplies=(supply("a", 7, 10, 5),), owed=5)
    assert by_day(available_to_promise(position, NOW)) == [(7, 5)]


def test_where_it_is_declared_out_of_stock_nothing_is_promised() -> None:
    policy = SellingPolicy(not_sold_at=("rj",))
    balances = (held(3), held(4, "rj"))
    position = Position("MUG", balances, policy=policy, supplies=(supply("a", 3, 5, 0, "rj"),))
    assert by_day(available_to_promise(position, NOW)) == [(0, 3)]


def test_a_supply_that_is_promised_beyond_what_still_comes_is_made_good_by_another() -> None:
    position = Position("MUG", supplies=(supply("a", 3, 2, 5), supply("b", 7, 10)))
    assert by_day(available_to_promise(position, NOW)) == [(7, 7)]


def test_a_supply_that_is_hours_late_is_expected_the_next_day_and_then_not_counted_on() -> None:
    late = Supply("a", "MUG", "sp", NOW - timedelta(hours=3), 4)
    lost = Supply("b", "MUG", "sp", NOW - timedelta(days=3), 9)
    atp = available_to_promise(Position("MUG", supplies=(late, lost)), NOW)
    assert [(bucket.at - NOW, bucket.units) for bucket in atp.cumulative()] == [
        (timedelta(hours=21), 4)
    ]


def test_a_channel_is_promised_no_more_of_what_is_there_than_it_may_sell() -> None:
    position = Position("MUG", (held(3), held(4, "rj")), supplies=(supply("a", 7, 10),))
    atp = available_to_promise(position, NOW, limit=2)
    assert by_day(atp) == [(0, 2), (7, 12)]
    assert by_day(atp, "rj") == [(0, 2)]
    ready = atp.earliest(2, "rj")
    assert ready is not None
    assert by_day(atp.without(ready.takes)) == [(7, 10)]


NODES = st.sampled_from(["sp", "rj"])
DAYS = st.integers(0, 9)
UNITS = st.integers(1, 9)
inflows = st.lists(st.tuples(NODES, DAYS, UNITS), max_size=6).map(
    lambda rows: [
        Inflow(f"s{index}", node, day(due), units) for index, (node, due, units) in enumerate(rows)
    ]
)
outflows = st.lists(st.tuples(NODES, DAYS, UNITS), max_size=6).map(
    lambda rows: [
        Outflow(f"d{index}", node, day(due), units) for index, (node, due, units) in enumerate(rows)
    ]
)
positions = st.builds(
    lambda there, coming, owed: Position(
        "MUG",
        tuple(held(units, node) for node, units in there.items()),
        supplies=tuple(
            supply(f"s{index}", due, units, promised, node)
            for index, (node, due, units, promised) in enumerate(coming)
        ),
        owed=owed,
    ),
    st.dictionaries(NODES, st.integers(0, 9)),
    st.lists(st.tuples(NODES, DAYS, UNITS, st.integers(0, 9)), max_size=5),
    st.integers(0, 20),
)


def left_by(left: tuple[Inflow, ...], node: str, at: datetime) -> int:
    return sum(inflow.units for inflow in left if inflow.node == node and inflow.at <= at)


@given(inflows, outflows)
def test_what_is_left_is_what_the_definition_says(
    supplied: list[Inflow], demanded: list[Outflow]
) -> None:
    left = consume(supplied, demanded).left
    for node in ("sp", "rj"):
        for number in range(10):
            ahead = [
                sum(s.units for s in supplied if s.node == node and s.at <= day(u))
                - sum(d.units for d in demanded if d.node == node and d.at <= day(u))
                for u in range(number, 10)
            ]
            assert left_by(left, node, day(number)) == max(0, min(ahead))


@given(inflows, outflows)
def test_every_unit_is_left_or_taken_once(supplied: list[Inflow], demanded: list[Outflow]) -> None:
    consumed = consume(supplied, demanded)
    taken = sum(take.units for take in consumed.takes)
    assert taken + sum(inflow.units for inflow in consumed.left) == sum(s.units for s in supplied)
    assert taken + sum(consumed.short.values()) == sum(d.units for d in demanded)


@given(positions)
def test_never_more_is_promised_than_is_there_or_coming_and_it_never_falls(
    position: Position,
) -> None:
    atp = available_to_promise(position, NOW)
    units = [bucket.units for bucket in atp.cumulative()]
    assert units == sorted(units)
    on_hand = sum(balance.available for balance in position.balances)
    coming = sum(supplied.open - supplied.promised for supplied in position.supplies)
    promised = sum(supplied.promised for supplied in position.supplies)
    lacking = max(0, position.owed - on_hand)
    assert atp.total() == max(0, on_hand - position.owed) + max(
        0, coming - max(0, lacking - promised)
    )
    assert atp.total() == sum(atp.total(node) for node in atp.nodes)


def no_later(one: Atp, other: Atp, quantity: int) -> bool:
    """Whether ``one`` has it no later than ``other``, at each node and in all."""
    for node in (None, "sp", "rj"):
        first, second = one.earliest(quantity, node), other.earliest(quantity, node)
        if second is not None and (first is None or first.at > second.at):
            return False
    return True


@given(positions, NODES, DAYS, UNITS, st.integers(1, 20))
def test_more_supply_never_makes_a_date_later(
    position: Position, node: str, due: int, units: int, quantity: int
) -> None:
    more = (*position.supplies, supply("more", due, units, 0, node))
    richer = Position("MUG", position.balances, supplies=more, owed=position.owed)
    assert no_later(
        available_to_promise(richer, NOW), available_to_promise(position, NOW), quantity
    )


@given(positions, UNITS, st.integers(1, 20))
def test_more_demand_never_makes_a_date_earlier(
    position: Position, units: int, quantity: int
) -> None:
    poorer = Position(
        "MUG", position.balances, supplies=position.supplies, owed=position.owed + units
    )
    assert no_later(
        available_to_promise(position, NOW), available_to_promise(poorer, NOW), quantity
    )


@given(inflows, outflows, NODES, DAYS, UNITS)
def test_another_dated_demand_leaves_no_more_by_any_date(
    supplied: list[Inflow], demanded: list[Outflow], node: str, due: int, units: int
) -> None:
    before = consume(supplied, demanded).left
    after = consume(supplied, [*demanded, Outflow("more", node, day(due), units)]).left
    for number in range(10):
        assert left_by(after, node, day(number)) <= left_by(before, node, day(number))
