"""DynamoDB's tables in memory, behind the client that the stores have: as much of it as they use,
some hundred times as fast as over HTTP. What it does not know it refuses, and what DynamoDB
refuses as well: two operations of a transaction on one item, more than 100, a value that no
expression has, a reserved word. One request at a time, so each is atomic.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local import expressions
from local.expressions import Item, NotUnderstood

_MOST_WRITES = 100
_MOST_READ_AT_ONCE = 100
_MOST_WRITTEN_AT_ONCE = 25
_WRITES = frozenset({"Put", "Update", "Delete", "ConditionCheck"})
_LARGEST_ITEM = 400 * 1024
_LONGEST = {"pk": 2048, "sk": 1024}
_WRITTEN = frozenset(
    {
        "TableName",
        "Key",
        "Item",
        "ConditionExpression",
        "UpdateExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    }
)
_READ = frozenset(
    {
        "TableName",
        "IndexName",
        "KeyConditionExpression",
        "FilterExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ScanIndexForward",
        "ExclusiveStartKey",
        "ConsistentRead",
        "Limit",
    }
)

Place = tuple[str, str]


@dataclass
class _Index:
    partition: str
    sort: str
    places: dict[str, set[Place]] = field(default_factory=dict)


@dataclass
class _Table:
    indexes: dict[str, _Index] = field(default_factory=dict)
    partitions: dict[str, dict[str, Item]] = field(default_factory=dict)

    def find(self, place: Place) -> Item | None:
        return self.partitions.get(place[0], {}).get(place[1])

    def set(self, place: Place, item: Item | None) -> None:
        """None: it is no longer there."""
        before = self.find(place)
        for index in self.indexes.values():
            if before is not None and index.partition in before and index.sort in before:
                index.places[before[index.partition]["S"]].discard(place)
            if item is not None and index.partition in item and index.sort in item:
                index.places.setdefault(item[index.partition]["S"], set()).add(place)
        if item is not None:
            self.partitions.setdefault(place[0], {})[place[1]] = item
        elif before is not None:
            del self.partitions[place[0]][place[1]]


class Tables:
    """A DynamoDB client."""

    def __init__(self) -> None:
        self.exceptions = _exceptions()
        self._tables: dict[str, _Table] = {}
        self._lock = RLock()

    def create_table(self, **request: Any) -> None:
        self._tables[request["TableName"]] = _Table(
            {
                index["IndexName"]: _Index(*(key["AttributeName"] for key in index["KeySchema"]))
                for index in request.get("GlobalSecondaryIndexes", ())
            }
        )

    # --- writes ---------------------------------------------------------------------------------

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._write_one("Put", "PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._write_one("Update", "UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._write_one("Delete", "DeleteItem", request)

    def transact_write_items(self, *, TransactItems: list[Any]) -> dict[str, Any]:  # noqa: N803
        operation = "TransactWriteItems"
        members = [next(iter(member.items())) for member in TransactItems]
        with self._lock, _refusing(operation):
            _check_members(members)
            held = [self._holds(write) for _, write in members]
            after = [
                self._after(*member) if holds else None
                for member, holds in zip(members, held, strict=True)
            ]
            if not all(held):
                codes = ["None" if one else "ConditionalCheckFailed" for one in held]
                raise self.exceptions.TransactionCanceledException(
                    {
                        "Error": {
                            "Code": "TransactionCanceledException",
                            "Message": f"Transaction cancelled: [{', '.join(codes)}]",
                        },
                        "CancellationReasons": [{"Code": code} for code in codes],
                    },
                    operation,
                )
            for (kind, write), item in zip(members, after, strict=True):
                if kind != "ConditionCheck":
                    self._table(write).set(_place(write), item)
        return {}

    def _write_one(self, kind: str, operation: str, write: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock, _refusing(operation):
            _check_write(kind, write)
            if self._holds(write):
                self._table(write).set(_place(write), self._after(kind, write))
                return {}
            answer: dict[str, Any] = {
                "Error": {
                    "Code": "ConditionalCheckFailedException",
                    "Message": "The conditional request failed",
                }
            }
            old = self._table(write).find(_place(write))
            if old is not None and write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                answer["Item"] = old
            raise self.exceptions.ConditionalCheckFailedException(answer, operation)

    def _holds(self, write: Mapping[str, Any]) -> bool:
        text = write.get("ConditionExpression")
        if text is None:
            return True
        condition = expressions.condition(text, write.get("ExpressionAttributeNames", {}))
        item = self._table(write).find(_place(write)) or {}
        return condition.holds(item, write.get("ExpressionAttributeValues", {}))

    def _after(self, kind: str, write: Mapping[str, Any]) -> Item | None:
        if kind == "Delete":
            return None
        if kind == "Put":
            return dict(write["Item"])
        before = self._table(write).find(_place(write)) or dict(write["Key"])
        if kind == "ConditionCheck":
            return before
        update = expressions.update(
            write["UpdateExpression"], write.get("ExpressionAttributeNames", {})
        )
        return update.changed(before, write.get("ExpressionAttributeValues", {}))

    # --- reads ----------------------------------------------------------------------------------

    def get_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Mapping[str, Any],  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
    ) -> dict[str, Any]:
        with self._lock, _refusing("GetItem"):
            found = self._table({"TableName": TableName}).find(_place({"Key": Key}))
        return {} if found is None else {"Item": found}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        responses: dict[str, list[Item]] = {}
        with self._lock, _refusing("BatchGetItem"):
            for name, request in RequestItems.items():
                if not request.keys() <= {"Keys", "ConsistentRead"}:
                    raise NotUnderstood(f"{list(request)}")
                places = [_place({"Key": key}) for key in request["Keys"]]
                if len(set(places)) != len(places) or len(places) > _MOST_READ_AT_ONCE:
                    raise NotUnderstood("an item is asked for twice, or too many are")
                table = self._table({"TableName": name})
                found = (table.find(place) for place in places)
                responses[name] = [item for item in found if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        with self._lock, _refusing("BatchWriteItem"):
            for name, members in RequestItems.items():
                if any(member.keys() != {"PutRequest"} for member in members):
                    raise NotUnderstood(f"{members}")
                puts = [{"TableName": name, **member["PutRequest"]} for member in members]
                places = [_place(put) for put in puts]
                if len(set(places)) != len(places) or not 0 < len(places) <= _MOST_WRITTEN_AT_ONCE:
                    raise NotUnderstood("an item is written twice, or too many or none are")
                for put in puts:
                    self.put_item(**put)
        return {"UnprocessedItems": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        with self._lock, _refusing("Query"):
            _check_read(request)
            table = self._table(request)
            index = table.indexes[request["IndexName"]] if "IndexName" in request else None
            found = list(_in_range(table, index, request))
            found.sort(key=lambda item: _order(item, index))
            if not request.get("ScanIndexForward", True):
                found.reverse()
            return _page(found, index, request)

    def scan(self, *, TableName: str, ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            partitions = self._table({"TableName": TableName}).partitions.values()
            items = [item for partition in partitions for item in partition.values()]
        return {"Items": items, "Count": len(items)}

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self, operation)

    def _table(self, request: Mapping[str, Any]) -> _Table:
        return self._tables[request["TableName"]]


@dataclass(frozen=True, slots=True)
class _Pages:
    tables: Tables
    operation: str

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        if self.operation == "scan":
            yield self.tables.scan(**request)
            return
        size = request.pop("PaginationConfig", {}).get("PageSize")
        if size is not None:
            request["Limit"] = size
        while True:
            page = self.tables.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class _refusing:  # noqa: N801
    """What is not understood is answered as DynamoDB answers it."""

    __slots__ = ("operation",)

    def __init__(self, operation: str) -> None:
        self.operation = operation

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotUnderstood):
            answer = {"Error": {"Code": "ValidationException", "Message": str(error)}}
            raise ClientError(answer, self.operation)  # type: ignore[arg-type]


def _check_members(members: list[tuple[str, Mapping[str, Any]]]) -> None:
    places = {(write["TableName"], _place(write)) for _, write in members}
    if not 0 < len(members) <= _MOST_WRITES:
        raise NotUnderstood(f"a transaction of {len(members)} items")
    if len(places) < len(members):
        raise NotUnderstood("a transaction may not have two operations on one item")
    for kind, write in members:
        _check_write(kind, write)
        if "ReturnValuesOnConditionCheckFailure" in write:
            raise NotUnderstood("a transaction gives back no items here")


def _check_write(kind: str, write: Mapping[str, Any]) -> None:
    key = "Item" if kind == "Put" else "Key"
    if kind not in _WRITES or not write.keys() <= _WRITTEN or key not in write:
        raise NotUnderstood(f"{kind} with {sorted(write)}")
    if (kind == "Update") != ("UpdateExpression" in write):
        raise NotUnderstood(f"{kind} with {sorted(write)}")
    if kind != "Put" and write["Key"].keys() != _LONGEST.keys():
        raise NotUnderstood(f"{sorted(write['Key'])} is no key")
    names = write.get("ExpressionAttributeNames", {})
    parsed: list[expressions.Parsed | expressions.ParsedUpdate] = []
    if "ConditionExpression" in write:
        parsed.append(expressions.condition(write["ConditionExpression"], names))
    elif kind == "ConditionCheck":
        raise NotUnderstood("a check without a condition")
    if kind == "Update":
        update = expressions.update(write["UpdateExpression"], names)
        if not update.attributes.isdisjoint(_LONGEST):
            raise NotUnderstood("a key is not changed")
        parsed.append(update)
    _check_placeholders(parsed, write)
    for value in (*write.get("ExpressionAttributeValues", {}).values(), *write[key].values()):
        _check_value(value)
    if kind == "Put":
        size = sum(len(name) + len(str(*value.values())) for name, value in write["Item"].items())
        if size > _LARGEST_ITEM:
            raise NotUnderstood("an item of more than 400 kB")


def _check_value(value: Any) -> None:
    """A text, or a whole number written as one."""
    match value:
        case {"S": str()} if len(value) == 1:
            return
        case {"N": str(number)} if len(value) == 1 and number.removeprefix("-").isdecimal():
            return
    raise NotUnderstood(f"neither text nor whole number: {value}")


def _check_read(request: Mapping[str, Any]) -> None:
    if not request.keys() <= _READ:
        raise NotUnderstood(f"{sorted(request)}")
    if "IndexName" in request and request.get("ConsistentRead"):
        raise NotUnderstood("an index is not read consistently")
    if request.get("Limit", 1) < 1:
        raise NotUnderstood("a limit below 1")
    names = request.get("ExpressionAttributeNames", {})
    texts = [request["KeyConditionExpression"]]
    if "FilterExpression" in request:
        texts.append(request["FilterExpression"])
    _check_placeholders([expressions.condition(text, names) for text in texts], request)


def _check_placeholders(
    parsed: Iterable[expressions.Parsed | expressions.ParsedUpdate], request: Mapping[str, Any]
) -> None:
    """Each that is used is defined, and each that is defined is used."""
    parsed = list(parsed)
    names = {name for one in parsed for name in one.names}
    values = {name for one in parsed for name in one.values}
    for used, defined in ((names, "Names"), (values, "Values")):
        given = request.get(f"ExpressionAttribute{defined}")
        if (given or {}).keys() != used or given == {}:
            raise NotUnderstood(f"{defined}: {sorted(used)} are used, {given} are defined")


def _place(write: Mapping[str, Any]) -> Place:
    key = write.get("Item") or write["Key"]
    place = key["pk"]["S"], key["sk"]["S"]
    for text, longest in zip(place, _LONGEST.values(), strict=True):
        if not 0 < len(text.encode()) <= longest:
            raise NotUnderstood(f"a key of {len(text)} characters")
    return place


def _in_range(table: _Table, index: _Index | None, request: Mapping[str, Any]) -> Iterator[Item]:
    """``pk = :value``, and what follows of the sort key."""
    names, values = (
        request.get("ExpressionAttributeNames", {}),
        request["ExpressionAttributeValues"],
    )
    first, _, rest = request["KeyConditionExpression"].partition(" AND ")
    name, sign, value = first.split(" ")
    partition, sort = ("pk", "sk") if index is None else (index.partition, index.sort)
    if sign != "=" or names.get(name, name) != partition or not _is_range(rest, sort, names):
        raise NotUnderstood(request["KeyConditionExpression"])
    of = values[value]["S"]
    if index is None:
        items: Iterable[Item] = table.partitions.get(of, {}).values()
    else:
        places = index.places.get(of, ())
        items = [item for place in places if (item := table.find(place)) is not None]
    if not rest:
        return iter(items)
    holds = expressions.condition(rest, names).holds
    return (item for item in items if holds(item, values))


def _is_range(rest: str, sort: str, names: Mapping[str, str]) -> bool:
    """One comparison of the sort key, or nothing."""
    if not rest:
        return True
    word, _, after = rest.removeprefix("begins_with(").replace(",", " ").partition(" ")
    return names.get(word, word) == sort and " OR " not in rest and after.count(" AND ") <= 1


def _page(found: list[Item], index: _Index | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """As DynamoDB, one that is full says where it ended, even at the end of what there is."""
    if "ExclusiveStartKey" in request:
        start = _order(request["ExclusiveStartKey"], index)
        forward = request.get("ScanIndexForward", True)
        found = [
            item
            for item in found
            if (_order(item, index) > start if forward else _order(item, index) < start)
        ]
    limit = request.get("Limit", len(found) + 1)
    page: dict[str, Any] = {}
    if len(found) >= limit:
        found = found[:limit]
        page["LastEvaluatedKey"] = {name: found[-1][name] for name in _key_names(index)}
    if "FilterExpression" in request:
        names, values = (
            request.get("ExpressionAttributeNames", {}),
            request["ExpressionAttributeValues"],
        )
        holds = expressions.condition(request["FilterExpression"], names).holds
        found = [item for item in found if holds(item, values)]
    return {**page, "Items": found, "Count": len(found)}


def _order(item: Item, index: _Index | None) -> tuple[str, ...]:
    if index is None:
        return (item["sk"]["S"],)
    return item[index.sort]["S"], item["pk"]["S"], item["sk"]["S"]


def _key_names(index: _Index | None) -> tuple[str, ...]:
    return ("pk", "sk") if index is None else ("pk", "sk", index.partition, index.sort)


@cache
def _exceptions() -> Any:
    """Those of a real client, which asks nobody anything."""
    return boto3.client("dynamodb", region_name="us-east-1").exceptions
