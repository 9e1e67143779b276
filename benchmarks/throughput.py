"""How many orders a second the local engine places while four callers post them.

The engine, its database and the functions share this machine's cores, so that the figure says
whether anything is in the way of anything, and not what AWS would do.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks import journey
from benchmarks.system import System, eventually

CALLERS = 4
WARM_UP = 12
ORDERS = 60


@dataclass(frozen=True, slots=True)
class Throughput:
    """Orders a second: answered with 201, and authorised (reserved and paid for)."""

    captured: float
    placed: float


def measure(system: System) -> Throughput:
    _place(system, "warm", WARM_UP)
    eventually(lambda: _placed(system) >= WARM_UP)
    started = time.perf_counter()
    _place(system, "rush", ORDERS)
    captured = time.perf_counter() - started
    eventually(lambda: _placed(system) >= WARM_UP + ORDERS)
    placed = time.perf_counter() - started
    return Throughput(ORDERS / captured, ORDERS / placed)


def _place(system: System, name: str, orders: int) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        numbers = [f"{name}-{number}" for number in range(orders)]
        list(callers.map(lambda number: journey.place(system, number), numbers))


def _placed(system: System) -> int:
    """How many orders have been authorised, ever."""
    pages = system.dynamodb.get_paginator("scan").paginate(
        TableName=system.deployment.orders_table,
        FilterExpression="entered = :authorized",
        ExpressionAttributeValues={":authorized": {"S": "authorized"}},
        Select="COUNT",
    )
    return sum(page["Count"] for page in pages)
