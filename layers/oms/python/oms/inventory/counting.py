"""Counting what a node said no to. Pure.

Whoever says no because of the goods says that the balance is wrong: what is missing leaves it, what
is unfit is put aside, and the rest of the SKU is not sold from there until somebody has counted it.
A node that is closed or too busy says nothing of its stock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from oms.inventory.model import Entry, Need
from oms.kernel.events import Cause
from oms.kernel.writes import Write

# What a rejected unit is by the reason; for any other it is as good as it was.
_MISSING = frozenset({"not_in_stock"})
_DAMAGED = frozenset({"damaged", "display_worn"})
_HELD_FOR_QUALITY = frozenset({"mismatch"})
COUNTED = _MISSING | _DAMAGED | _HELD_FOR_QUALITY


@dataclass(frozen=True, slots=True)
class CountTask:
    """Somebody is to count a SKU at a node; until then it is not sold from there. ``units``: to how
    many the node said no, the last time."""

    node: str
    sku: str
    since: datetime
    reason: str
    units: int
    fulfillment_id: str = ""


@dataclass(frozen=True, slots=True)
class CountTaskPage:
    """Of one node, by SKU."""

    tasks: tuple[CountTask, ...]
    cursor: str | None


class CountTasks(Protocol):
    """What is to be counted. ``oms.aws.count_store`` implements it."""

    def ask(self, task: CountTask) -> list[Write]:
        """Have it counted, and not sold from there until then."""

    def tasks(self, node: str, limit: int, cursor: str | None) -> CountTaskPage: ...


def is_lost(reason: str, *, made: bool) -> bool:
    """Whether rejected units are no longer there to be sold. Of what is made only the node knows
    which component it lacks: all are counted, and none is taken for lost before."""
    return reason in COUNTED and not made


def entries_of(
    needs: Sequence[Need], entry_id: str, order_id: str, reason: str, lost: bool, cause: Cause
) -> tuple[Entry, ...]:
    """What a no does to the ledger: the units are reserved no more and, where they are ``lost``,
    not on hand either."""
    return tuple(
        Entry(
            id=entry_id,
            kind="reject",
            sku=need.sku,
            node=need.node,
            at=cause.at,
            by=cause.by,
            on_hand=-need.quantity if lost else 0,
            reserved=-need.quantity,
            reason=reason,
            order_id=order_id,
            counter=need.counter,
        )
        for need in needs
    )


def put_aside(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The unfit units among them: they lie apart, at home and in none of the further counters."""
    for entry in entries:
        units = -entry.on_hand
        if units and entry.reason in _DAMAGED | _HELD_FOR_QUALITY:
            damaged = units if entry.reason in _DAMAGED else 0
            yield replace(
                entry,
                counter=0,
                on_hand=0,
                reserved=0,
                damaged=damaged,
                quality_hold=units - damaged,
            )
