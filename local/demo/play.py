"""Sends the sample orders, lets everyone play their part, and waits until all have arrived."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from local.demo.board import Board, is_over
from local.demo.checks import name
from local.demo.samples import Sample
from local.failure import LocalFailure

# Each part acts once a turn: a node needs four for a parcel.
TURN_SECONDS = 0.25
SENT_IN_A_TURN = 2
DEADLINE_SECONDS = 120.0


class Watch(Protocol):
    def look(self) -> Board:
        """Every order so far."""


class Part(Protocol):
    def act(self, board: Board) -> None:
        """Do what is to be done as the board stands."""


def play(
    samples: Sequence[Sample],
    place: Callable[[Sample], None],
    parts: Sequence[Part],
    watch: Watch,
    show: Callable[[Board], None],
    *,
    seconds: float = DEADLINE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Returns when every order is final. Raises `LocalFailure` when one needs a person, and when
    one is not final after so many `seconds`."""
    deadline = clock() + seconds
    waiting = list(samples)
    while True:
        turn = clock()
        board = watch.look()
        show(board)
        _stop_at_exceptions(board)
        if _all_final(board, samples):
            return
        if turn > deadline:
            raise LocalFailure(f"after {seconds:.0f} s {_late(board, samples)}")
        due = _due(waiting, board, samples[0])
        for sample in due:
            place(sample)
        del waiting[: len(due)]
        for part in parts:
            part.act(board)
        pause(max(0.0, turn + TURN_SECONDS - clock()))


def _due(waiting: Sequence[Sample], board: Board, first: Sample) -> Sequence[Sample]:
    """The first order goes ahead alone until it has reached its node: functions that have never run
    start once then, and not once for each order that comes their way meanwhile."""
    if first in waiting:
        return waiting[:1]
    reached_node = first.key in board and board[first.key].parcels
    return waiting[:SENT_IN_A_TURN] if reached_node else ()


def _all_final(board: Board, samples: Sequence[Sample]) -> bool:
    return all(is_over(sample, board) for sample in samples)


def _stop_at_exceptions(board: Board) -> None:
    for order in board.values():
        if order.exception:
            raise LocalFailure(
                f"order {order.number} of {order.channel} needs a person: {order.exception}"
            )


def _late(board: Board, samples: Sequence[Sample]) -> str:
    late = [
        f"{name(sample)} is {_place(board, sample)}"
        for sample in samples
        if not is_over(sample, board)
    ]
    return "; ".join(late)


def _place(board: Board, sample: Sample) -> str:
    order = board.get(sample.key)
    return f"{order.state}/{order.status}" if order else "not there"
