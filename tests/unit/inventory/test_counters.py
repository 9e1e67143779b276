from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.counters import first, is_short, pick, shares
from oms.inventory.model import Balance
from oms.inventory.position import Position
from oms.orders.model import Allocation
from oms.orders.on_counters import on_counters

AVAILABLE = st.lists(st.integers(-3, 20), min_size=1, max_size=16)


@given(AVAILABLE, st.integers(1, 60), st.text(max_size=8))
def test_a_taking_finds_all_it_wants_or_nothing(
    available: list[int], quantity: int, key: str
) -> None:
    taken = pick(available, quantity, key)
    there = sum(max(0, units) for units in available)
    assert sum(units for _, units in taken) == (quantity if there >= quantity else 0)
    assert all(0 < units <= available[counter] for counter, units in taken)
    assert len({counter for counter, _ in taken}) == len(taken)


@given(AVAILABLE, st.integers(1, 60), st.text(max_size=8))
def test_several_counters_are_taken_from_only_when_no_single_one_has_enough(
    available: list[int], quantity: int, key: str
) -> None:
    taken = pick(available, quantity, key)
    assert (len(taken) == 1) == (max(available) >= quantity)
    begins = first(key, len(available))
    if available[begins] >= quantity:
        assert taken == ((begins, quantity),)


@given(AVAILABLE)
def test_sharing_out_gives_what_is_at_home_and_makes_no_unit(available: list[int]) -> None:
    given_ = shares(available)
    after = [available[0] - sum(given_), *map(sum, zip(available[1:], given_, strict=True))]
    assert all(units >= 0 for units in given_)
    assert sum(after) == sum(available)
    assert not any(given_) or after[0] >= 0


def test_what_does_not_divide_stays_at_home() -> None:
    assert shares((10, 0, 0, 0)) == (2, 2, 2)
    assert shares((3, 0, 0, 0)) == (0, 0, 0)
    assert shares((20, 9, 1)) == (1, 9)


def test_a_counter_is_short_when_most_is_at_home_and_something_else_was_taken_from() -> None:
    key = next(str(number) for number in range(99) if first(str(number), 2) == 1)
    assert is_short((9, 0), 0, key)
    assert not is_short((9, 0), 1, key)
    assert not is_short((4, 5), 0, key)


# --- an order's allocations ---------------------------------------------------------------------


def spread(*available: int) -> dict[str, Position]:
    parts = tuple(
        (Balance("MUG", "dc", available=units, counter=counter),)
        for counter, units in enumerate(available)
    )
    balance = Balance("MUG", "dc", available=sum(available), counters=len(available))
    return {"MUG": Position("MUG", (balance,), counters=parts)}


def test_two_lines_of_one_sku_do_not_count_on_the_same_units() -> None:
    lines = [Allocation("a", "MUG", "dc", 3), Allocation("b", "MUG", "dc", 3)]
    placed = on_counters(lines, spread(3, 3), "ord_1")
    assert {(one.line_id, one.quantity) for one in placed} == {("a", 3), ("b", 3)}
    assert {one.counter for one in placed} == {0, 1}


def test_a_line_is_split_when_no_counter_has_all_of_it() -> None:
    placed = on_counters([Allocation("a", "MUG", "dc", 5)], spread(3, 3), "ord_1")
    assert sum(one.quantity for one in placed) == 5
    assert {one.counter for one in placed} == {0, 1}


def test_what_is_not_spread_stays_as_it_is() -> None:
    lines = [Allocation("a", "MUG", "dc", 5)]
    assert on_counters(lines, {"MUG": Position("MUG")}, "ord_1") == tuple(lines)
