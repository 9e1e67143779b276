"""The terms of a number add up to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position, Share, Supply
from oms.promising.atp import available_to_promise
from oms.promising.explain import Term, availability, channel_limit

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
POSITION = Position(
    "MUG",
    (
        Balance("MUG", "sp", on_hand=10, reserved=2, safety_stock=1, available=7),
        Balance("MUG", "rj", on_hand=1, reserved=3, available=-2),
    ),
    supplies=(Supply("po_1", "MUG", "sp", NOW + timedelta(days=3), 9, 4),),
    policy=SellingPolicy(held_back={"web": 2}),
    owed=3,
)


def shown(terms: tuple[Term, ...]) -> list[tuple[str, int]]:
    return [(term.name, term.units) for term in terms]


def test_what_is_available_now_is_on_hand_less_what_others_have() -> None:
    found = availability(POSITION, "web", NOW, NOW)
    assert found.units == 2
    assert shown(found.terms) == [
        ("on_hand", 11),
        ("reserved", -5),
        ("safety_stock", -1),
        ("overdrawn", 2),
        ("owed", -3),
        ("held_back", -2),
    ]


def test_what_is_available_later_counts_what_comes_until_then() -> None:
    found = availability(POSITION, "", NOW, NOW + timedelta(days=4))
    assert found.units == 9
    assert ("supply", 5) in shown(found.terms)
    assert [bucket.units for bucket in found.buckets] == [4, 9]


def test_a_node_is_explained_by_its_own_terms() -> None:
    found = availability(POSITION, "", NOW, NOW, "rj")
    assert (found.units, shown(found.terms)[:2]) == (0, [("on_hand", 1), ("reserved", -3)])


def test_what_is_not_tracked_never_runs_out() -> None:
    endless = Position("MUG", policy=SellingPolicy(tracked=False))
    assert availability(endless, "web", NOW, NOW).units is None


units = st.integers(0, 9)
positions = st.builds(
    lambda rows, coming, owed_to, held, granted, closed: Position(
        "MUG",
        tuple(
            Balance("MUG", f"n{n}", on_hand=a, reserved=b, safety_stock=c, available=a - b - c)
            for n, (a, b, c) in enumerate(rows)
        ),
        supplies=tuple(
            Supply(f"s{n}", "MUG", f"n{node}", NOW + timedelta(days=due - 1), left, promised)
            for n, (node, due, left, promised) in enumerate(coming)
        ),
        policy=SellingPolicy(held_back={"web": held}, not_sold_at=closed),
        shares=() if granted is None else (Share("app", granted, granted),),
        owed=sum(owed_to.values()),
        owed_to=owed_to,
    ),
    st.lists(st.tuples(units, units, units), max_size=3),
    st.lists(st.tuples(st.integers(0, 3), units, units, units), max_size=4),
    st.dictionaries(st.sampled_from(["web", "app"]), units),
    units,
    st.none() | units,
    st.sampled_from([(), ("n1",)]),
)


@given(positions, st.sampled_from(["", "web", "app"]), units, st.sampled_from([None, "n0", "n1"]))
def test_the_terms_add_up(position: Position, channel: str, days: int, node: str | None) -> None:
    found = availability(position, channel, NOW, NOW + timedelta(days=days), node)
    assert found.units == sum(term.units for term in found.terms)
    assert found.units >= 0
    numbers = [bucket.units for bucket in found.buckets]
    assert numbers == sorted(numbers)


@given(positions)
def test_a_channel_has_no_more_than_everybody_together(position: Position) -> None:
    position = replace(position, supplies=())
    everybody = availability(position, "", NOW, NOW).units
    web = availability(position, "web", NOW, NOW).units
    assert web is not None and everybody is not None
    assert web <= everybody or position.shares
    assert web <= channel_limit("web", position)


def test_who_waits_for_the_part_of_one_channel_holds_up_no_other() -> None:
    position = Position(
        "MUG",
        (Balance("MUG", "sp", on_hand=5, available=5),),
        shares=(Share("app", 0, 0), Share("web", 5, 5)),
        owed=8,
        owed_to={"app": 7, "web": 1},
    )
    web, app = (availability(position, channel, NOW, NOW) for channel in ("web", "app"))
    assert (web.units, app.units) == (4, 0)
    assert shown(web.terms)[-1] == ("owed", -1)
    assert available_to_promise(position, NOW, 4, 1).total() == 4
