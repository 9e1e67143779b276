"""As much of DynamoDB as a taking needs, in memory: fast enough to sell thousands of units through
the real stores. Its expressions are the few that these write; any other is refused, so that nothing
is measured that would not happen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]

_COMPARED = re.compile(r"(\w+) (>=|=) (:\w+)")
_RANGE = "pk = :sku AND sk BETWEEN :first AND :last"
_BEGINS = "pk = :sku AND begins_with(sk, :node)"


@dataclass
class OneTable:
    """``exceptions`` are those of a real client."""

    exceptions: Any
    partitions: dict[str, dict[str, Item]] = field(default_factory=dict)

    def load(self, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            self._put(dict(item))

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803
        members = [next(iter(member.items())) for member in TransactItems]
        if not all(self._holds(write) for _, write in members):
            reasons = [
                {"Code": "None" if self._holds(write) else "ConditionalCheckFailed"}
                for _, write in members
            ]
            answer = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": reasons,
            }
            raise self.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        for kind, write in members:
            self._apply(kind, write)

    def get_item(self, **request: Any) -> Item:
        found = self._find(request["Key"])
        return {} if found is None else {"Item": found}

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self, operation)

    def query(self, **request: Any) -> Iterator[Item]:
        values = request["ExpressionAttributeValues"]
        partition = self.partitions.get(values[":sku"]["S"], {})
        match request["KeyConditionExpression"]:
            case expression if expression == _RANGE:
                first, last = values[":first"]["S"], values[":last"]["S"]
                keys = [key for key in partition if first <= key <= last]
            case expression if expression == _BEGINS:
                keys = [key for key in partition if key.startswith(values[":node"]["S"])]
            case expression:
                raise ValueError(expression)
        return (partition[key] for key in sorted(keys))

    def scan(self, **_: Any) -> Iterator[Item]:
        return (item for partition in self.partitions.values() for item in partition.values())

    def _holds(self, write: Mapping[str, Any]) -> bool:
        condition = write.get("ConditionExpression")
        item = self._find(write.get("Item") or write["Key"])
        if not condition:
            return True
        values = write.get("ExpressionAttributeValues", {})
        return all(_is_true(part, item, values) for part in condition.split(" AND "))

    def _apply(self, kind: str, write: Mapping[str, Any]) -> None:
        if kind == "Put":
            self._put(write["Item"])
        elif kind == "Delete":
            key = write["Key"]
            self.partitions.get(key["pk"]["S"], {}).pop(key["sk"]["S"], None)
        else:
            self._put(_added(self._find(write["Key"]) or dict(write["Key"]), write))

    def _put(self, item: Item) -> None:
        self.partitions.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item

    def _find(self, key: Mapping[str, Any]) -> Item | None:
        return self.partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])


@dataclass(frozen=True, slots=True)
class _Pages:
    table: OneTable
    operation: str

    def paginate(self, **request: Any) -> Iterator[Item]:
        read = {"query": self.table.query, "scan": self.table.scan}[self.operation]
        yield {"Items": list(read(**request))}


def _is_true(part: str, item: Item | None, values: Mapping[str, Any]) -> bool:
    if part == "attribute_not_exists(pk)":
        return item is None
    compared = _COMPARED.fullmatch(part)
    if compared is None:
        raise ValueError(part)
    name, sign, value = compared.groups()
    if item is None or name not in item:
        return False
    there, asked = int(item[name]["N"]), int(values[value]["N"])
    return there >= asked if sign == ">=" else there == asked


def _added(item: Item, write: Mapping[str, Any]) -> Item:
    verb, _, changes = write["UpdateExpression"].partition(" ")
    if verb != "ADD":
        raise ValueError(write["UpdateExpression"])
    changed = dict(item)
    for change in changes.split(", "):
        name, value = change.split(" ")
        before = int(changed[name]["N"]) if name in changed else 0
        after = before + int(write["ExpressionAttributeValues"][value]["N"])
        changed[name] = {"N": str(after)}
    return changed
