"""Cold starts: each function in fresh interpreters, with an order of its own to work on.

The engine is quiet meanwhile: no queue and no stream invokes anything, and what the engine would
have invoked is invoked here, one after the other, with the events that it had recorded before.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import journey
from benchmarks.system import Invocation, System
from local.engine import ROOT
from local.engine import environment as environment_of

ROUNDS = 5
FLOOR = "floor"
FLOOR_WITH_CLIENT = "floor_with_client"
API = ("docs", "orders", "catalog", "inventory", "fulfillment", "webhooks")

# The recorded invocation that a function repeats, in the order that an order needs them.
_EVENTS = (
    ("docs", "GET /health"),
    ("catalog", "PUT /v1/items/{sku}"),
    ("inventory", "POST /v1/inventory/movements"),
    ("orders", "POST /v1/orders"),
    ("relay", "order_captured"),
    ("notifications", "order_captured"),
    ("callbacks", "order_captured"),
    ("sourcing", "reserve"),
    ("payment", "authorize"),
    ("release", "release"),
    ("projections", "order_released"),
    ("supervision", "await"),
    ("fulfillment", "POST /v1/fulfillments/{fulfillment_id}/accept"),
    ("lifecycle", "fulfillment_delivered"),
    ("webhooks", "POST /v1/webhooks/{source}"),
    ("inbox", "delivery"),
    ("refunds", "refund_requested"),
    ("clock", "schedule"),
)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """CPU milliseconds of the import and of the first call."""

    import_ms: float
    call_ms: float
    memory_mb: float

    @property
    def cpu_ms(self) -> float:
        return self.import_ms + self.call_ms


@dataclass(frozen=True, slots=True)
class Followed:
    """An order of the web shop."""

    number: str
    id: str


def measure(
    system: System, recorded: Iterable[Invocation], order: Followed
) -> dict[str, ColdStart]:
    """The best of several for each function and for both floors. ``order`` is the one that the
    recorded invocations were about."""
    events = _find(recorded)
    rounds = [_round(system, events, order, f"cold-{number}") for number in range(ROUNDS)]
    return {name: min((r[name] for r in rounds), key=lambda one: one.cpu_ms) for name in rounds[0]}


def _find(recorded: Iterable[Invocation]) -> dict[str, str]:
    """JSON texts of the events to repeat, by function."""
    known = list(recorded)
    found = {"clock": "{}"}
    for function, cause in _EVENTS:
        for invocation in known:
            if invocation.function == function and cause in (
                *invocation.causes,
                *invocation.published,
            ):
                found[function] = json.dumps(invocation.event)
    missing = [function for function, _ in _EVENTS if function not in found]
    if missing:
        raise LookupError(f"nothing was recorded of {', '.join(missing)}")
    return found


def _round(
    system: System, events: Mapping[str, str], recorded: Followed, number: str
) -> dict[str, ColdStart]:
    new = Followed(number, journey.place(system, number))
    measured = {
        name: _start(system, f"benchmarks.{name}", {}, "{}") for name in (FLOOR, FLOOR_WITH_CLIENT)
    }
    for function, _ in _EVENTS:
        if function == "lifecycle":
            _bring_home(system, new)
        event = _event(function, events[function], recorded, new)
        variables = system.variables(function)
        measured[function] = _start(system, f"functions.{function}.handler", variables, event)
    return measured


def _event(function: str, recorded: str, old: Followed, new: Followed) -> str:
    if function == "webhooks":
        return recorded  # another body than the signed one would be refused
    if function == "orders":
        return recorded.replace(old.number, f"{new.number}-again")  # for the order is there
    return retarget(recorded, old, new)


def retarget(event: str, old: Followed, new: Followed) -> str:
    """The same event about another order; ids of its parts hold the order's."""
    of_the_parts = event.replace(old.id.removeprefix("ord_"), new.id.removeprefix("ord_"))
    return of_the_parts.replace(old.number, new.number)


def _bring_home(system: System, order: Followed) -> None:
    """The lifecycle is told that an order was delivered, and so it was."""
    for step in journey.STEPS[1:]:
        journey.advance(system, order.id, step)


def _start(system: System, module: str, variables: Mapping[str, str], event: str) -> ColdStart:
    layer = ROOT / "layers" / "oms" / "python"
    environment = {
        **environment_of(system.engine),
        **variables,
        "AWS_LAMBDA_FUNCTION_NAME": module,
        "PYTHONPATH": os.pathsep.join((str(layer), str(ROOT))),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cold_start", module],
        input=event,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} did not start: {done.stderr.strip()[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return ColdStart(**measured)
