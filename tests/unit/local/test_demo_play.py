"""The turns of the demo: who is sent when, and when it is over."""

from collections.abc import Iterable

import pytest

from local.demo.board import Board, Order
from local.demo.play import play
from local.demo.samples import Key, Sample
from local.failure import LocalFailure
from tests.unit.local.orders import order, parcel

FIRST, *REST = (Sample("orders/x.json", "web", f"WEB-{number}", "") for number in range(1, 5))


class Days:
    """Shows one board after another; the last one stays. Time passes with each."""

    def __init__(self, *boards: Iterable[Order]) -> None:
        self._boards = [{found.key: found for found in board} for board in boards]
        self.today = 0

    def look(self) -> Board:
        board = self._boards[min(self.today, len(self._boards) - 1)]
        self.today += 1
        return board

    def clock(self) -> float:
        return float(self.today)

    def pause(self, seconds: float) -> None:
        pass


def played(samples: list[Sample], days: Days, seconds: float = 10) -> list[tuple[int, Key]]:
    """The day on which each sample was sent, counted from 1."""
    placed: list[tuple[int, Key]] = []
    play(
        samples,
        lambda sample: placed.append((days.today, sample.key)),
        [],
        days,
        lambda board: None,
        seconds=seconds,
        clock=days.clock,
        pause=days.pause,
    )
    return placed


def at_node(number: str) -> Order:
    return order(number, "released", "waiting_for_node", parcels=(parcel("sp", "open"),))


def test_the_first_order_goes_ahead_until_it_is_at_its_node_and_then_two_a_turn() -> None:
    captured = order("WEB-1", "captured", "new")
    final = [order(f"WEB-{number}") for number in range(1, 5)]

    placed = played(
        [FIRST, *REST], Days([], [captured], [at_node("WEB-1")], [at_node("WEB-1")], final)
    )

    assert [day for day, _ in placed] == [1, 3, 3, 4]
    assert [number for _, (_, number) in placed] == ["WEB-1", "WEB-2", "WEB-3", "WEB-4"]


def test_it_is_not_over_while_a_refund_is_on_its_way() -> None:
    refunding = order("WEB-1", "cancelled", "refunding")
    days = Days([refunding], [refunding], [order("WEB-1", "cancelled", "refunded")])

    played([FIRST], days)

    assert days.today == 3


def test_an_order_that_needs_a_person_ends_it_at_once() -> None:
    stuck = order("WEB-1", "sourced", "exception", exception="Authorize: Timeout")

    with pytest.raises(LocalFailure, match="WEB-1 of web needs a person: Authorize: Timeout"):
        played([FIRST], Days([stuck]))


def test_after_the_deadline_it_says_which_orders_are_late_and_where_they_are() -> None:
    late = order("WEB-1", "released", "picking")

    with pytest.raises(LocalFailure, match=r"after 10 s order WEB-1 of web is released/picking$"):
        played([FIRST], Days([late]))
