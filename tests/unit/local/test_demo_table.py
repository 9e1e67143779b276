"""How the orders are shown, and for how long each has been under way."""

from io import StringIO

from rich.console import Console

from local.demo.progress import Progress
from local.demo.samples import Sample
from local.demo.table import Lines, LiveTable, Stopwatch
from tests.unit.local.orders import order, parcel

SAMPLE = Sample("orders/x.json", "web", "WEB-1", "the story", nodes=("sp",))


def shown(width: int) -> str:
    """The table with one order, on a terminal so wide."""
    console = Console(file=StringIO(), force_terminal=True, width=width)
    found = order(parcels=(parcel("sp"),))
    with LiveTable(console, (SAMPLE,)) as show:
        show({found.key: found})
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_wide_terminal_shows_what_an_order_is_there_for() -> None:
    table = shown(width=150)

    assert all(word in table for word in ("web", "WEB-1", "completed", "sp", "the story"))


def test_a_narrow_terminal_shows_the_orders_alone() -> None:
    table = shown(width=80)

    assert "WEB-1" in table and "the story" not in table


def test_without_a_terminal_each_change_is_a_line_of_its_own() -> None:
    said: list[str] = []
    new, done = order(state="captured", status="new"), order(parcels=(parcel("sp"),))
    with Lines(said.append) as show:
        show({new.key: new})
        show({new.key: new})
        show({done.key: done})

    assert [line.rpartition(",")[0] for line in said] == [
        "web WEB-1: captured (new)",
        "web WEB-1: completed (completed) at sp",
    ]


def test_the_stopwatch_of_an_order_stops_when_it_is_final() -> None:
    now = iter([10.0, 12.0, 15.0, 99.0])
    stopwatch = Stopwatch(lambda: next(now))
    under_way, final = order(state="captured", status="new"), order()

    readings = [stopwatch.seconds(found) for found in (under_way, under_way, final, final)]

    assert readings == [0.0, 2.0, 5.0, 5.0]


def test_a_step_says_what_begins_and_what_was_done_with_the_seconds_since_the_start() -> None:
    now = iter([0.0, 1.0, 3.5])
    console = Console(file=StringIO(), width=80)
    progress = Progress(console, clock=lambda: next(now))

    with progress.step("stack: deploying", "stack: deployed"):
        pass

    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == [
        "   1.0 s  stack: deploying …",
        "   3.5 s  stack: deployed",
    ]
