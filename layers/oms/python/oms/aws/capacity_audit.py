"""Reads both tables and holds what is taken of nodes' days against the orders that hold it. For
maintenance: orders that move meanwhile may seem not to add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.aws.capacity_store import LOAD, read_load
from oms.kernel.encoding import from_json
from oms.orders.model import Progress, Slot
from oms.orders.slots import held_by

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def audit(client: DynamoDBClient, inventory: str, orders: str) -> list[str]:
    """What does not add up, in words. Days that are forgotten are not looked at."""
    taken, days = Counter[tuple[str, str]](), set[tuple[str, str]]()
    for item in _scan(client, inventory):
        if not dynamo.read_text(item, "pk").startswith(LOAD):
            continue
        slot, load = read_load(item)
        days.add((slot.node, slot.day))
        taken[slot.node, slot.day] = load.day
        for hour, units in load.hours.items():
            taken[slot.node, f"{slot.day}T{hour:02}"] = units
    held = Counter[tuple[str, str]]()
    for progress in _newest(client, orders):
        for slot in held_by(progress):
            held.update(key for key in _keys(slot) if (slot.node, slot.day) in days)
    return [
        f"{node} {'at' if 'T' in when else 'on'} {when}: {taken[node, when]} taken,"
        f" {held[node, when]} held"
        for node, when in sorted(taken.keys() | held.keys())
        if taken[node, when] != held[node, when]
    ]


def _keys(slot: Slot) -> Iterator[tuple[str, str]]:
    yield slot.node, slot.day
    if slot.hour:
        yield slot.node, slot.hour


def _newest(client: DynamoDBClient, table: str) -> Iterator[Progress]:
    """The progress of every order, as its last commit left it."""
    versions: dict[str, tuple[int, str]] = {}
    for item in _scan(client, table):
        if "progress" not in item:
            continue
        order, version = dynamo.read_text(item, "pk"), dynamo.read_number(item, "version")
        if version > versions.get(order, (0, ""))[0]:
            versions[order] = (version, dynamo.read_text(item, "progress"))
    return (from_json(progress, Progress) for _, progress in versions.values())


def _scan(client: DynamoDBClient, table: str) -> Iterator[dynamo.Item]:
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return (dict(item) for page in pages for item in page["Items"])
