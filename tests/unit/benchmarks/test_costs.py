from typing import Any

import pytest

from benchmarks import costs
from benchmarks.system import Invocation


def invocation(function: str, about: str, **changes: Any) -> Invocation:
    values: dict[str, Any] = {
        "function": function,
        "causes": [about],
        "started": 0.0,
        "cpu_ms": 1.0,
        "wall_ms": 10.0,
        "cold": False,
        "failed": False,
        "memory_mb": 50.0,
        "reads": {},
        "writes": {},
        "refused": [],
        "published": [],
        "event": {},
    }
    return Invocation(**(values | changes))


CAPTURE = invocation(
    "orders",
    "POST /v1/orders",
    cpu_ms=4.0,
    writes={"Orders-1": 4.0},
    event={"routeKey": "POST /v1/orders"},
)
RELAY = invocation("relay", "stream", started=1.0, published=["order_captured"], cpu_ms=2.0)
MAIL = invocation(
    "notifications",
    "order_captured",
    started=2.0,
    cpu_ms=7.0,
    reads={"Orders-1": 1.0},
    writes={"Views-1": 2.0},
    event={"Records": [{"eventSource": "aws:sqs"}]},
)
RESERVE = invocation("sourcing", "reserve", started=3.0, cpu_ms=6.0)
ORDER = [CAPTURE, RELAY, MAIL, RESERVE]


def test_placing_counts_what_has_to_happen_and_not_what_happens_beside_it() -> None:
    time = costs.cpu_time(ORDER)

    assert time == costs.CpuTime(placing=12.0, placing_itself=10.0, lifecycle=19.0)


def test_work_adds_up_units_messages_events_and_calls() -> None:
    work = costs.work(ORDER, lambda _: 512, transitions=8, mails=1)

    assert (work.write_units, work.read_units, work.invocations) == (6.0, 1.0, 4)
    assert (work.messages, work.bus_events, work.api_calls) == (1, 1, 1)
    assert (work.transitions, work.mails) == (8, 1)


def test_time_is_charged_for_the_memory_that_a_function_was_given() -> None:
    work = costs.work([CAPTURE], lambda _: 1024, transitions=0, mails=0)

    assert work.gb_seconds == pytest.approx(0.010)


def test_steps_are_in_the_order_in_which_they_began_and_name_tables_shortly() -> None:
    steps = costs.steps([MAIL, CAPTURE, RELAY], {"Orders-1": "orders", "Views-1": "views"})

    assert [step.function for step in steps] == ["orders", "relay", "notifications"]
    assert [step.about for step in steps][1] == "order_captured"
    assert steps[2].writes == {"views": 2.0} and steps[2].reads == {"orders": 1.0}


def test_best_and_median_of_what_was_measured() -> None:
    assert costs.best_and_median([3.0, 1.0, 10.0]) == costs.BestAndMedian(1.0, 3.0)
