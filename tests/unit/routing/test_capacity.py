"""How much work a node takes, on which of its days and in which of its hours."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import NodeCalendar
from oms.catalog.model import Node, SwitchedOff
from oms.orders.model import Slot
from oms.routing.capacity import (
    Load,
    capacity_left,
    closed_because,
    day_of,
    opens_after,
    slot_for,
    takings,
    takings_beyond,
)

SAO_PAULO = NodeCalendar("America/Sao_Paulo", cut_off=time(14))
NODE = Node("sp-dc", "Cajamar", "warehouse", "BR", calendar=SAO_PAULO, capacity_per_day=10)
# A Monday, 10:30 in São Paulo.
NOW = datetime(2026, 5, 4, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 5, 4, 13, 30, tzinfo=UTC), date(2026, 5, 4)),
        # 14:00 there is still in time, a second later is not.
        (datetime(2026, 5, 4, 17, 0, tzinfo=UTC), date(2026, 5, 4)),
        (datetime(2026, 5, 4, 17, 0, 1, tzinfo=UTC), date(2026, 5, 5)),
        # In UTC it is the fifth by then, in São Paulo the fourth, after the cut-off.
        (datetime(2026, 5, 5, 1, 0, tzinfo=UTC), date(2026, 5, 5)),
        # After Friday's cut-off comes Monday.
        (datetime(2026, 5, 8, 18, 0, tzinfo=UTC), date(2026, 5, 11)),
        (datetime(2026, 5, 9, 12, 0, tzinfo=UTC), date(2026, 5, 11)),
    ],
)
def test_work_counts_for_the_nodes_own_working_day(at: datetime, day: date) -> None:
    assert day_of(NODE, at) == day


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        # Today it is open already, what comes next is tomorrow.
        (NOW, datetime(2026, 5, 5, 3, tzinfo=UTC)),
        (datetime(2026, 5, 4, 18, tzinfo=UTC), datetime(2026, 5, 5, 3, tzinfo=UTC)),
        # Friday after the cut-off, and Saturday.
        (datetime(2026, 5, 8, 18, tzinfo=UTC), datetime(2026, 5, 11, 3, tzinfo=UTC)),
        (datetime(2026, 5, 9, 12, tzinfo=UTC), datetime(2026, 5, 11, 3, tzinfo=UTC)),
    ],
)
def test_a_node_opens_when_its_next_working_day_begins(at: datetime, opens: datetime) -> None:
    assert opens_after(NODE, at) == opens


def test_a_node_that_never_works_never_opens() -> None:
    never = replace(NODE, calendar=replace(SAO_PAULO, working_days=()))
    assert opens_after(never, NOW) is None


def test_without_a_calendar_every_day_counts_in_utc() -> None:
    plain = replace(NODE, calendar=None)
    assert day_of(plain, datetime(2026, 5, 9, 23, 59, tzinfo=UTC)) == date(2026, 5, 9)


def test_a_node_that_is_closed_for_good_takes_nothing() -> None:
    closed = replace(NODE, calendar=NodeCalendar(working_days=()))
    assert day_of(closed, NOW) is None
    assert slot_for(closed, NOW, Load()) is None
    assert capacity_left(closed, NOW, Load()) == 0


def test_a_day_that_is_full_has_no_slot() -> None:
    assert slot_for(NODE, NOW, Load(9)) == Slot("sp-dc", "2026-05-04")
    assert slot_for(NODE, NOW, Load(10)) is None
    assert (capacity_left(NODE, NOW, Load(9)), capacity_left(NODE, NOW, Load(12))) == (1, 0)


def test_zero_takes_none_and_no_limit_takes_all() -> None:
    assert slot_for(replace(NODE, capacity_per_day=0), NOW, Load()) is None
    unlimited = replace(NODE, capacity_per_day=None)
    assert capacity_left(unlimited, NOW, Load(1000)) is None
    assert closed_because(unlimited, NOW, Load(1000)) == ""
    assert takings([unlimited], {}, NOW) == takings_beyond([unlimited], NOW) == ()


def test_an_hour_that_is_full_passes_its_work_on_to_the_next_of_that_day() -> None:
    hourly = replace(NODE, capacity_per_day=None, capacity_per_hour=2)
    slots = [slot_for(hourly, NOW, Load(0, hours)) for hours in ({}, {10: 2}, {10: 2, 11: 2})]

    assert [slot.hour if slot else "" for slot in slots] == [
        "2026-05-04T10",
        "2026-05-04T11",
        "2026-05-04T12",
    ]


def test_the_hour_of_the_cut_off_is_the_last() -> None:
    hourly = replace(NODE, capacity_per_day=None, capacity_per_hour=1)
    full = Load(0, dict.fromkeys(range(10, 15), 1))
    assert slot_for(hourly, NOW, full) is None
    assert capacity_left(hourly, NOW, Load()) == 5


def test_the_next_day_begins_with_its_first_hour() -> None:
    hourly = replace(NODE, capacity_per_hour=1)
    late = NOW + timedelta(hours=5)
    assert slot_for(hourly, late, Load()) == Slot("sp-dc", "2026-05-05", "2026-05-05T00")


def test_a_node_says_why_it_takes_no_work() -> None:
    until = NOW + timedelta(hours=1)
    off = replace(NODE, switched_off=SwitchedOff(NOW, until, "flood"))

    assert closed_because(off, NOW, Load()) == "switched_off"
    assert closed_because(off, until, Load()) == ""
    assert closed_because(NODE, NOW, Load(10)) == "no_capacity"
    assert closed_because(replace(off, switched_off=SwitchedOff(NOW)), until, Load())


def test_what_was_promised_is_taken_beyond_the_limit() -> None:
    (taking,) = takings_beyond([NODE], NOW)
    assert (taking.slot, taking.below_day) == (Slot("sp-dc", "2026-05-04"), None)


@given(
    per_day=st.none() | st.integers(0, 6),
    per_hour=st.none() | st.integers(0, 3),
    cut_off=st.none() | st.integers(0, 23).map(time),
    hour=st.integers(0, 23),
    asked=st.integers(0, 80),
)
def test_a_day_gives_out_what_was_left_of_it_and_no_more(
    per_day: int | None, per_hour: int | None, cut_off: time | None, hour: int, asked: int
) -> None:
    calendar = NodeCalendar(cut_off=cut_off)
    node = replace(NODE, calendar=calendar, capacity_per_day=per_day, capacity_per_hour=per_hour)
    now = datetime(2026, 5, 4, hour, tzinfo=UTC)
    left, given_out, load = capacity_left(node, now, Load()), 0, Load()
    while given_out < asked and (slot := slot_for(node, now, load)):
        hours = dict(load.hours)
        if slot.hour:
            at = int(slot.hour[-2:])
            hours[at] = hours.get(at, 0) + 1
        load, given_out = Load(load.day + 1, hours), given_out + 1

    assert given_out == (asked if left is None else min(left, asked))
    assert per_day is None or load.day <= per_day
    assert per_hour is None or all(taken <= per_hour for taken in load.hours.values())
