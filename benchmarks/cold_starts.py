"""Cold starts: each function in fresh interpreters, with an order of its own to work on.

The engine is quiet meanwhile: no queue and no stream invokes anything, and what the engine would
have invoked is invoked here, one after the other, with the events that it had recorded before.

CPU time is not free of what else the machine does, so that each start is followed by one of the
floor, and the ratio is the median of those pairs.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import journey
from benchmarks.system import Invocation, System
from local.engine import ROOT
from local.engine import environment as environment_of

ROUNDS = 5
FEWEST_ROUNDS = 3
SECONDS = 75.0
FLOOR = "floor"
FLOOR_WITH_CLIENT = "floor_with_client"
API = (
    "docs",
    "orders",
    "catalog",
    "inventory",
    "reservations",
    "selling",
    "allocations",
    "purchasing",
    "promising",
    "fulfillment",
    "parcels",
    "pickup",
    "accounts",
    "payments",
    "returns",
    "reports",
    "webhooks",
)

# The recorded invocation that a function repeats, in the order that an order needs them.
_EVENTS = (
    ("docs", "GET /health"),
    ("catalog", "PUT /v1/items/{sku}"),
    ("inventory", "POST /v1/inventory/movements"),
    ("reservations", "POST /v1/reservations"),
    ("selling", "GET /v1/inventory/{sku}/policy"),
    ("allocations", "GET /v1/inventory/{sku}/shares"),
    ("purchasing", "POST /v1/purchase-orders"),
    ("promising", "GET /v1/availability"),
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
    ("parcels", "GET /v1/fulfillments/{fulfillment_id}/tracking"),
    ("pickup", "POST /v1/fulfillments/{fulfillment_id}/ready"),
    ("accounts", "POST /v1/accounts"),
    ("payments", "GET /v1/orders/{order_id}/refunds"),
    ("returns", "GET /v1/orders/{order_id}/returns"),
    ("reports", "GET /v1/reports/returns"),
    ("lifecycle", "fulfillment_delivered"),
    ("webhooks", "POST /v1/webhooks/{source}"),
    ("inbox", "delivery"),
    ("refunds", "refund_requested"),
    ("jeopardy", "stock_adjusted"),
    ("rerouting", "fulfillment_rejected"),
    ("replenishment", "node_sold_out"),
    ("availability", "delivery"),
    ("clock", "schedule"),
)

# A message that comes seconds later, about however many changes: no order's invocation.
_LOOK = {
    "messageId": "look",
    "receiptHandle": "look",
    "body": json.dumps({"sku": "MUG", "until": 1}),
    "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "MUG"},
    "messageAttributes": {},
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:availability.fifo",
    "awsRegion": "us-east-1",
}


@dataclass(frozen=True, slots=True)
class Start:
    """CPU milliseconds of one import and of the first call."""

    import_ms: float
    call_ms: float
    memory_mb: float

    @property
    def cpu_ms(self) -> float:
        return self.import_ms + self.call_ms


@dataclass(frozen=True, slots=True)
class ColdStart:
    """``best`` of several; ``ratio`` to the floor."""

    best: Start
    ratio: float


@dataclass(frozen=True, slots=True)
class Followed:
    """An order of the web shop."""

    number: str
    id: str


Pair = tuple[Start, Start]


def measure(
    system: System, recorded: Iterable[Invocation], order: Followed
) -> dict[str, ColdStart]:
    """Of each function and of both floors. ``order`` is the one that ``recorded`` is about."""
    events = _find(recorded)
    rounds: list[dict[str, Pair]] = []
    deadline = time.monotonic() + SECONDS
    while len(rounds) < FEWEST_ROUNDS or (len(rounds) < ROUNDS and time.monotonic() < deadline):
        rounds.append(_round(system, events, order, f"cold-{len(rounds)}"))
    return {name: cold_start([pairs[name] for pairs in rounds]) for name in rounds[0]}


def cold_start(pairs: Sequence[Pair]) -> ColdStart:
    """Of pairs of a start and the floor's beside it."""
    starts = [start for start, _ in pairs]
    ratios = [start.cpu_ms / floor.cpu_ms for start, floor in pairs]
    return ColdStart(min(starts, key=lambda start: start.cpu_ms), statistics.median(ratios))


def _find(recorded: Iterable[Invocation]) -> dict[str, str]:
    """JSON texts of the events to repeat, by function."""
    known = list(recorded)
    found = {"clock": "{}", "availability": json.dumps({"Records": [_LOOK]})}
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
) -> dict[str, Pair]:
    new = Followed(number, journey.place(system, number))
    pairs = {
        name: (_start_floor(system, name), _start_floor(system))
        for name in (FLOOR, FLOOR_WITH_CLIENT)
    }
    for function, _ in _EVENTS:
        if function == "lifecycle":
            _bring_home(system, new)
        event = _event(function, events[function], recorded, new)
        variables = system.variables(function)
        start = _start(system, f"functions.{function}.handler", variables, event)
        pairs[function] = (start, _start_floor(system))
    return pairs


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
    for step in list(journey.STEPS)[1:]:
        journey.advance(system, order.id, step)


def _start_floor(system: System, name: str = FLOOR) -> Start:
    return _start(system, f"benchmarks.{name}", {}, "{}")


def _start(system: System, module: str, variables: Mapping[str, str], event: str) -> Start:
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
    return Start(**measured)
