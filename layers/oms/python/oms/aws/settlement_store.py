"""What we believe moved at providers, and settlement reports, in the table of views.

==========================  =============================  ====================================
pk                          sk                             what
==========================  =============================  ====================================
``paid#<provider>#<day>``   ``<time>#<event id>``          money that moved, as we have it
``settlement#<id>``         ``report``                     a report, and how much is resolved
``settlement#<id>``         ``resolved#<number>``          that a person has ended a difference
``settlement#<id>#<run>``   ``differences#<number>``       its differences from this one on
``settlement#<id>#<run>``   ``matched#<number>``           ids of what it settles, from this one
``settlements#<provider>``  ``<from>#<id>``                that the provider has the report
==========================  =============================  ====================================

Differences and ids are kept some hundred to an item, written before the report: who finds the
report finds all of it. Days begin in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.writes import Write
from oms.reporting.money_moved import MovementPage
from oms.reporting.settlement import Belief, Difference, SettlementOutcome
from oms.reporting.settlements import (
    DifferencePage,
    NumberedDifference,
    ReportPage,
    Resolution,
    SettlementReport,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
# An item has at most 400 KB.
_CHUNK_BYTES = 250_000
_CHUNKS_READ = 20
_DAY = timedelta(days=1)
# In a cursor: nothing of its day is passed.
_NOTHING = "-"
# What is after every number and every id.
_LAST = "\uffff"


class SettlementStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # --- what we believe -------------------------------------------------------------------------

    def keep(self, provider: str, belief: Belief) -> None:
        at = rfc3339(belief.at)
        self._client.put_item(
            TableName=self._table,
            Item={
                **_key(_day_of(provider, at), f"{at}#{belief.id}"),
                "document": dynamo.text(to_json(belief)),
            },
        )

    def withdraw(self, provider: str, belief: Belief) -> None:
        at = rfc3339(belief.at)
        key = _key(_day_of(provider, at), f"{at}#{belief.id}")
        self._client.delete_item(TableName=self._table, Key=key)

    def between(self, provider: str, since: datetime, until: datetime) -> Sequence[Belief]:
        found: list[Belief] = []
        for day in _days(provider, since, until):
            pages = self._client.get_paginator("query").paginate(**self._of_day(day, since, until))
            found += [_belief(item) for page in pages for item in page["Items"]]
        return found

    def page(
        self, provider: str, since: datetime, until: datetime, limit: int, cursor: str | None
    ) -> MovementPage:
        days = list(_days(provider, since, until))
        day, after = _place(cursor, days, since, until) if cursor else (days[0], _NOTHING)
        found: list[Belief] = []
        wanted = min(limit, _LARGEST_PAGE)
        for number in range(days.index(day), len(days)):
            request: dict[str, Any] = self._of_day(days[number], since, until)
            if after != _NOTHING:
                request["ExclusiveStartKey"] = _key(days[number], after)
                after = _NOTHING
            answer = self._client.query(**request, Limit=wanted - len(found))
            found += [_belief(item) for item in answer["Items"]]
            if answer.get("LastEvaluatedKey"):
                return MovementPage(tuple(found), dynamo.encode_cursor(answer["LastEvaluatedKey"]))
            if len(found) == wanted and number + 1 < len(days):
                following = _key(days[number + 1], _NOTHING)
                return MovementPage(tuple(found), dynamo.encode_cursor(following))
        return MovementPage(tuple(found), None)

    def _of_day(self, day: str, since: datetime, until: datetime) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :day AND sk BETWEEN :since AND :until",
            "ExpressionAttributeValues": {
                ":day": dynamo.text(day),
                ":since": dynamo.text(rfc3339(since)),
                # What happens at ``until`` has its event's id behind the time, and is after it.
                ":until": dynamo.text(rfc3339(until)),
            },
        }

    # --- reports ---------------------------------------------------------------------------------

    def add(
        self, report: SettlementReport, differences: Sequence[Difference], matched: Sequence[str]
    ) -> bool:
        for name, kept in (("differences", differences), ("matched", matched)):
            for first, chunk in _chunks(kept):
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        **_key(_parts(report), f"{name}#{first:06d}"),
                        "document": dynamo.text(f"[{','.join(chunk)}]"),
                    },
                )
        taken = Conflict("the report is there", code="entry_exists")
        listed = _key(f"settlements#{report.provider}", f"{rfc3339(report.since)}#{report.id}")
        items = (
            {**_report_key(report.id), "document": dynamo.text(to_json(report))},
            {**listed, "report": dynamo.text(report.id), "document": dynamo.text(to_json(report))},
        )
        try:
            dynamo.transact(
                self._client,
                [
                    Write(
                        {
                            "Put": {
                                "TableName": self._table,
                                "Item": item,
                                "ConditionExpression": "attribute_not_exists(pk)",
                            }
                        },
                        taken,
                    )
                    for item in items
                ],
            )
        except Conflict:
            return False
        return True

    def find(self, report_id: str) -> SettlementReport | None:
        item = self._get(_report_key(report_id))
        return None if item is None else _report(item)

    def of_provider(self, provider: str, limit: int, cursor: str | None) -> ReportPage:
        partition = f"settlements#{provider}"
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :provider",
            "ExpressionAttributeValues": {":provider": dynamo.text(partition)},
            "ScanIndexForward": False,
            "Limit": min(limit, _LARGEST_PAGE),
        }
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(**request)
        return ReportPage(
            tuple(_report(item) for item in answer["Items"]),
            dynamo.encode_cursor(answer.get("LastEvaluatedKey")),
        )

    def beginning(
        self, provider: str, since: datetime, until: datetime
    ) -> Sequence[SettlementReport]:
        return [
            _report(item)
            for item in self._all(
                f"settlements#{provider}", rfc3339(since), f"{rfc3339(until)}{_LAST}"
            )
        ]

    def matched(self, report: SettlementReport) -> Set[str]:
        found: set[str] = set()
        for item in self._all(_parts(report), "matched#", f"matched#{_LAST}"):
            found.update(from_json(dynamo.read_text(item, "document"), list[str]))
        return found

    # --- differences -----------------------------------------------------------------------------

    def all_differences(self, report: SettlementReport) -> Sequence[NumberedDifference]:
        resolutions = self._resolutions(report.id, 0)
        items = self._all(_parts(report), "differences#", f"differences#{_LAST}")
        return [one for item in items for one in _numbered(item, resolutions)]

    def differences(
        self,
        report: SettlementReport,
        bucket: SettlementOutcome | None,
        *,
        open_only: bool,
        limit: int,
        cursor: str | None,
    ) -> DifferencePage:
        wanted, after = min(limit, _LARGEST_PAGE), _after(report, cursor)
        resolutions = self._resolutions(report.id, after + 1)
        found: list[NumberedDifference] = []
        for _ in range(_CHUNKS_READ):
            chunk = self._chunk_with(report, after + 1, resolutions)
            if not chunk:
                return DifferencePage(tuple(found), None)
            for one in chunk:
                after = one.number
                if bucket not in (None, one.difference.bucket) or (open_only and one.resolution):
                    continue
                found.append(one)
                if len(found) == wanted:
                    is_last = after == report.differences
                    return DifferencePage(tuple(found), None if is_last else _cursor(report, after))
        return DifferencePage(tuple(found), _cursor(report, after))

    def difference(self, report: SettlementReport, number: int) -> NumberedDifference | None:
        item = self._get(_resolution_key(report.id, number))
        resolutions = {} if item is None else {number: _resolution(item)}
        chunk = self._chunk_with(report, number, resolutions) if number > 0 else []
        return chunk[0] if chunk and chunk[0].number == number else None

    def resolve(self, report: SettlementReport, resolution: Resolution) -> bool:
        item = {
            **_resolution_key(report.id, resolution.number),
            "document": dynamo.text(to_json(resolution)),
        }
        taken = Conflict("it was resolved before", code="entry_exists")
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        count = {
            "TableName": self._table,
            "Key": _report_key(report.id),
            "UpdateExpression": "ADD resolved :one",
            "ExpressionAttributeValues": {":one": dynamo.number(1)},
        }
        try:
            dynamo.transact(
                self._client, [Write({"Put": put}, taken), Write({"Update": count}, taken)]
            )
        except Conflict:
            return False
        return True

    def _chunk_with(
        self, report: SettlementReport, number: int, resolutions: Mapping[int, Resolution]
    ) -> list[NumberedDifference]:
        """The rest of the item that has the number, from it on."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :parts AND sk BETWEEN :first AND :number",
            ExpressionAttributeValues={
                ":parts": dynamo.text(_parts(report)),
                ":first": dynamo.text("differences#"),
                ":number": dynamo.text(f"differences#{number:06d}"),
            },
            ScanIndexForward=False,
            Limit=1,
        )
        found = [one for item in answer["Items"] for one in _numbered(item, resolutions)]
        return [one for one in found if one.number >= number]

    def _resolutions(self, report_id: str, since: int) -> dict[int, Resolution]:
        items = self._all(f"settlement#{report_id}", f"resolved#{since:06d}", f"resolved#{_LAST}")
        return {one.number: one for one in map(_resolution, items)}

    def _all(self, partition: str, first: str, last: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": dynamo.text(partition),
                ":first": dynamo.text(first),
                ":last": dynamo.text(last),
            },
        )
        for page in pages:
            yield from page["Items"]

    def _get(self, key: dynamo.Item) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}


def _report_key(report_id: str) -> dynamo.Item:
    return _key(f"settlement#{report_id}", "report")


def _resolution_key(report_id: str, number: int) -> dynamo.Item:
    return _key(f"settlement#{report_id}", f"resolved#{number:06d}")


def _parts(report: SettlementReport) -> str:
    return f"settlement#{report.id}#{report.run}"


def _day_of(provider: str, at: str) -> str:
    return f"paid#{provider}#{at[:10]}"


def _days(provider: str, since: datetime, until: datetime) -> Iterator[str]:
    """The partitions of a period."""
    day = parse_rfc3339(f"{rfc3339(since)[:10]}T00:00:00Z")
    while day < until:
        yield _day_of(provider, rfc3339(day))
        day += _DAY


def _place(cursor: str, days: Sequence[str], since: datetime, until: datetime) -> tuple[str, str]:
    """The day where a page begins, and after what of it. DynamoDB refuses a place that is outside
    what is asked for as if we had erred."""
    key = dynamo.decode_cursor(cursor, {}, ("pk", "sk"))
    day, after = key["pk"]["S"], key["sk"]["S"]
    within = after == _NOTHING or rfc3339(since) <= after < rfc3339(until)
    if day not in days or not within:
        raise Invalid("the cursor is not one that this list gave out", code="invalid_cursor")
    return day, after


def _chunks(kept: Sequence[object]) -> Iterator[tuple[int, list[str]]]:
    """As JSON, with the number of the first of each."""
    chunk: list[str] = []
    first, size = 1, 0
    for number, one in enumerate(kept, start=1):
        written = to_json(one)
        length = len(written.encode()) + 1
        if chunk and size + length > _CHUNK_BYTES:
            yield first, chunk
            chunk, first, size = [], number, 0
        chunk.append(written)
        size += length
    if chunk:
        yield first, chunk


def _belief(item: Mapping[str, Any]) -> Belief:
    return from_json(dynamo.read_text(item, "document"), Belief)


def _report(item: Mapping[str, Any]) -> SettlementReport:
    kept = from_json(dynamo.read_text(item, "document"), SettlementReport)
    return replace(kept, resolved=dynamo.read_number(item, "resolved"))


def _resolution(item: Mapping[str, Any]) -> Resolution:
    return from_json(dynamo.read_text(item, "document"), Resolution)


def _numbered(
    item: Mapping[str, Any], resolutions: Mapping[int, Resolution]
) -> list[NumberedDifference]:
    first = int(dynamo.read_text(item, "sk").rpartition("#")[2])
    kept = from_json(dynamo.read_text(item, "document"), list[Difference])
    return [
        NumberedDifference(number, one, resolutions.get(number))
        for number, one in enumerate(kept, start=first)
    ]


def _cursor(report: SettlementReport, after: int) -> str | None:
    return dynamo.encode_cursor(_key(f"settlement#{report.id}", str(after)))


def _after(report: SettlementReport, cursor: str | None) -> int:
    if not cursor:
        return 0
    key = dynamo.decode_cursor(cursor, {"pk": f"settlement#{report.id}"})
    after = key["sk"]["S"]
    if not (after.isascii() and after.isdigit() and len(after) < 8):
        raise Invalid("the cursor is not one that this list gave out", code="invalid_cursor")
    return int(after)
