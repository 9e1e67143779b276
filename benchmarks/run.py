"""``make bench``: what an order costs, measured on the stack as it is deployed.

Prints a table and writes the same as JSON to build/benchmark.json. ``--save`` also keeps it, under
today's date, in benchmarks/results. docs/benchmarks.md says how to read it.
"""

import argparse
import os
import platform
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    cold_starts,
    costs,
    detours,
    hot_sku,
    journey,
    money,
    off_path,
    payments,
    promising,
    routing,
    throughput,
)
from benchmarks.cold_starts import ColdStart, Followed
from benchmarks.costs import best_and_median
from benchmarks.report import Cpu, Report, as_json, as_text
from benchmarks.system import Invocation, System, deployed
from local.engine import ROOT
from local.failure import LocalFailure

WARM_UPS = 3
ORDERS = 10
COUNTED = "counted"
LATEST = ROOT / "build" / "benchmark.json"
KEPT = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the results under today's date")
    words = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as state, deployed(Path(state)) as system:
            report = measure(system)
    except LocalFailure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(as_text(report))
    kept = [LATEST, *([KEPT / f"{report.date}.json"] if words.save else [])]
    for file in kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_json(report))
        print(f"written: {file.relative_to(ROOT)}")
    return 0


def measure(system: System) -> Report:
    journey.stock_up(system, "first")
    _say("orders a second")
    speed = throughput.measure(system)
    system.wait_until_quiet()

    _say("what an order consumes")
    system.probe(units=True)
    journey.stock_up(system, COUNTED)
    off_path.visit(system, COUNTED)
    recorded = system.invocations()
    _follow(system, f"{COUNTED}-warm-up")
    mails = system.mails()
    order_id, counted = _follow(system, COUNTED)
    work = costs.work(
        counted,
        system.memory_mb,
        journey.transitions(system, order_id),
        system.mails() - mails,
    )

    _say("what a split, a reject and a pickup add")
    added = detours.measure(system, work)

    _say("what a capture, a refund and a return cost")
    steps_of_money = money.measure(system)

    _say("what its CPU time is")
    system.probe(units=False)
    for number in range(WARM_UPS):
        _follow(system, f"warm-up-{number}")
    runs = [_follow(system, f"timed-{number}")[1] for number in range(ORDERS)]
    warm = [run for run in runs if not any(one.cold for one in run)]

    _say("a hot SKU")
    rushes = hot_sku.measure()

    _say("promises")
    promises = promising.measure()

    _say("routing")
    routed = routing.measure()

    _say("payments")
    folds = payments.measure()

    _say("cold starts")
    system.pause_deliveries()
    cold = cold_starts.measure(system, [*recorded, *counted], Followed(COUNTED, order_id))
    return Report(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        interpreter=_interpreter(),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[1]:.1f}",
        work=work,
        steps=costs.steps(counted, system.table_names),
        cpu=_cpu(warm),
        throughput=speed,
        cold=cold,
        memory_mb=_memory(
            system, cold, [*recorded, *counted, *(one for run in runs for one in run)]
        ),
        rushes=rushes,
        promising=promises,
        detours=added,
        money=steps_of_money,
        routing=routed,
        payments=folds,
    )


def _follow(system: System, number: str) -> tuple[str, list[Invocation]]:
    """One order, all the way, and what it made the functions do."""
    system.forget()
    order_id = journey.place(system, number)
    journey.fulfil(system, order_id)
    system.wait_until_quiet()
    return order_id, system.invocations()


def _cpu(warm: Sequence[Sequence[Invocation]]) -> Cpu:
    times = [costs.cpu_time(run) for run in warm]
    return Cpu(
        orders=len(times),
        placing=best_and_median([one.placing for one in times]),
        placing_itself=best_and_median([one.placing_itself for one in times]),
        lifecycle=best_and_median([one.lifecycle for one in times]),
    )


def _memory(
    system: System, cold: Mapping[str, ColdStart], invocations: Iterable[Invocation]
) -> dict[str, float]:
    """The most that each function ever had."""
    most = {name: cold[name].best.memory_mb for name in system.functions}
    for one in invocations:
        most[one.function] = max(most[one.function], one.memory_mb)
    return most


def _interpreter() -> str:
    options = str(sysconfig.get_config_var("CONFIG_ARGS"))
    profiled = "with" if "--enable-optimizations" in options else "without"
    return f"{platform.python_implementation()} {platform.python_version()} {profiled} PGO"


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
