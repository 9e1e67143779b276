"""How entries become writes: each goes into the ledger, and the balances move with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oms.aws import dynamo
from oms.inventory.model import QUANTITIES, Entry
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import to_json
from oms.kernel.errors import Conflict, OmsError
from oms.kernel.writes import Write

ENTRY_TWICE = Conflict("the ledger has this entry already", code="entry_exists")

Key = dict[str, dict[str, str]]

# What is counted beside the quantities, and never falls.
_EVER = ("sold", "rejected")


def partition_of(sku: str, counter: int = 0) -> str:
    """Where the balances of a SKU are, and until when reservations hold units of it."""
    return f"counter#{sku}#{counter}" if counter else sku


def ledger_of(sku: str, node: str, counter: int = 0) -> str:
    """A counter has a ledger of its own, so that this is not one hot partition either."""
    return f"{sku}#{node}#{counter}" if counter else f"{sku}#{node}"


def balance_key(sku: str, node: str, counter: int = 0) -> Key:
    return {"pk": dynamo.text(partition_of(sku, counter)), "sk": dynamo.text(f"node#{node}")}


def book(table: str, entries: Iterable[Entry], lacking: OmsError) -> list[Write]:
    """The entries, and one change of each balance; ``lacking`` when a quantity would go below zero.

    The entries come first: of two refusals the one that says "done before" is to be heard.
    """
    by_balance: dict[tuple[str, str, int], list[Entry]] = {}
    for entry in entries:
        by_balance.setdefault((entry.sku, entry.node, entry.counter), []).append(entry)
    return [
        *(put_entry(table, entry) for one in by_balance.values() for entry in one),
        *(
            change(table, one, *_not_below_zero(one), lacking)
            for one in by_balance.values()
            if any(changes_of(one).values())
        ),
    ]


def change(
    table: str,
    entries: Sequence[Entry],
    condition: str,
    values: Mapping[str, Any],
    refusal: OmsError,
) -> Write:
    """The change of one balance by all ``entries``, which are of it."""
    changes = {name: units for name, units in changes_of(entries).items() if units}
    changes["version"] = 1
    first = entries[0]
    request: dict[str, Any] = {
        "Key": balance_key(first.sku, first.node, first.counter),
        "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in changes),
        "ExpressionAttributeValues": {
            **{f":{name}": dynamo.number(units) for name, units in changes.items()},
            **values,
        },
    }
    if condition:
        request["ConditionExpression"] = condition
    return write(table, "Update", request, refusal)


def changes_of(entries: Sequence[Entry]) -> dict[str, int]:
    return {
        name: sum(getattr(entry, name) for entry in entries)
        for name in (*QUANTITIES, "available", *_EVER)
    }


def put_entry(table: str, entry: Entry) -> Write:
    return write(
        table,
        "Put",
        {
            "Item": {
                "pk": dynamo.text(ledger_of(entry.sku, entry.node, entry.counter)),
                "sk": dynamo.text(f"{rfc3339(entry.at)}#{entry.id}"),
                "record": dynamo.text(to_json(entry)),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        },
    )


def write(
    table: str, kind: str, request: Mapping[str, Any], refusal: OmsError = ENTRY_TWICE
) -> Write:
    return Write({kind: {"TableName": table, **request}}, refusal)


def same(name: str, value: int) -> str:
    """The condition that a quantity is still ``:before``; one that was never moved is not there."""
    if value:
        return f"{name} = :before"
    return f"(attribute_not_exists({name}) OR {name} = :before)"


def _not_below_zero(entries: Sequence[Entry]) -> tuple[str, dict[str, Any]]:
    taken = {
        name: -units
        for name, units in changes_of(entries).items()
        if units < 0 and name not in _EVER
    }
    condition = " AND ".join(f"{name} >= :{name}_taken" for name in taken)
    return condition, {f":{name}_taken": dynamo.number(units) for name, units in taken.items()}
