"""What is delivered and comes back, counted by month, in the table of views.

========================  ============  ==========================================================
pk                        sk            what
========================  ============  ==========================================================
``<by>#<subject>``        a month       units ``delivered`` and ``returned``, ``reason#<word>``
``counted#<event id>``    ``counted``   that the event is counted; forgotten after three months
``settings#return_rate``  ``settings``  which rates are high
========================  ============  ==========================================================

``by`` is ``product`` or ``customer``. A month in which something came back is in the index
``waiting`` under ``returned#<by>#<month>``, by how much. That a rate is high is put into the table
of orders, in an item of its own with the event, so that its stream publishes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, Invalid, StockContended
from oms.kernel.quantity import quantity_number
from oms.kernel.writes import Write
from oms.reporting.return_counts import HighRate, RatePage
from oms.reporting.return_rates import (
    SCALE,
    Counted,
    MonthCount,
    RankedBy,
    RateOf,
    RateSettings,
    ReturnRate,
    in_words,
    rank,
    ranked,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Those of which most came back in a month: of more than so many, with as many delivered, a rate is
# not high.
CANDIDATES = 2000
_INDEX_PAGE = 1000
_KEEP = timedelta(days=92)
_ATTEMPTS = 5
_REASON = "reason#"
_SETTINGS: dynamo.Item = {
    "pk": dynamo.text("settings#return_rate"),
    "sk": dynamo.text("settings"),
}


class ReturnRateStore:
    """``orders`` is only needed to tell what is high."""

    def __init__(self, client: DynamoDBClient, table: str, orders: str = "") -> None:
        self._client = client
        self._table = table
        self._orders = orders

    def count(self, guard: str, month: str, counted: Sequence[Counted], now: datetime) -> bool:
        if not counted:
            return False
        known = Conflict("it is counted", code="entry_exists")
        once = {
            "TableName": self._table,
            "Item": {
                "pk": dynamo.text(f"counted#{guard}"),
                "sk": dynamo.text("counted"),
                "expires_at": dynamo.number(int((now + _KEEP).timestamp())),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        for attempt in range(1, _ATTEMPTS + 1):
            changes = [self._change(one, month) for one in counted]
            try:
                dynamo.transact(self._client, [Write({"Put": once}, known), *changes])
            except StockContended:
                if attempt == _ATTEMPTS:
                    raise
            except Conflict:
                return False
            else:
                return True
        raise AssertionError("unreachable")

    def of(self, by: RateOf, subject: str, months: Sequence[str]) -> Sequence[MonthCount]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :subject AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":subject": dynamo.text(f"{by}#{subject}"),
                ":first": dynamo.text(months[0]),
                ":last": dynamo.text(months[-1]),
            },
            ConsistentRead=True,
        )
        return [_month(item) for item in answer["Items"]]

    def page(
        self,
        by: RateOf,
        months: Sequence[str],
        ranked_by: RankedBy,
        minimum: int,
        limit: int,
        cursor: str | None,
    ) -> RatePage:
        found = ranked(self._rates(by, months), ranked_by, minimum)
        listed = f"{by}#{months[0]}#{months[-1]}#{ranked_by}#{minimum}"
        start = 0
        if cursor:
            last = _read_rank(dynamo.decode_cursor(cursor, {"pk": listed})["sk"]["S"], by)
            start = sum(rank(one, ranked_by) <= rank(last, ranked_by) for one in found)
        page = tuple(found[start : start + limit])
        if start + limit >= len(found):
            return RatePage(page, None)
        end = {"pk": dynamo.text(listed), "sk": dynamo.text(_written_rank(page[-1]))}
        return RatePage(page, dynamo.encode_cursor(end))

    def settings(self) -> RateSettings:
        answer = self._client.get_item(TableName=self._table, Key=_SETTINGS)
        item = answer.get("Item")
        if item is None:
            return RateSettings()
        return from_json(dynamo.read_text(item, "document"), RateSettings)

    def put_settings(self, settings: RateSettings) -> None:
        item = {**_SETTINGS, "document": dynamo.text(to_json(settings))}
        self._client.put_item(TableName=self._table, Item=item)

    def tell_high(self, high: HighRate, at: datetime, correlation_id: str) -> bool:
        name = f"return_rate#{high.month}#{high.found.by}#{high.found.subject}"
        told = {"type": "return_rate_high", "data": _data(high)}
        item = {
            "pk": dynamo.text(name),
            "sk": dynamo.text("told"),
            "version": dynamo.number(1),
            "at": dynamo.text(rfc3339(at)),
            "by": dynamo.text("reports"),
            "reason": dynamo.text(""),
            "correlation_id": dynamo.text(correlation_id),
            "events": dynamo.text(to_json([told])),
        }
        try:
            self._client.put_item(
                TableName=self._orders, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            return False
        return True

    def _change(self, counted: Counted, month: str) -> Write:
        if not counted.returned:
            return self._update(counted, month, {}, {}, "", "")
        before = self._returned(counted, month)
        after = before + counted.returned
        names = {f"#r{n}": f"{_REASON}{reason}" for n, reason in enumerate(counted.reasons)}
        values = {
            f":r{n}": dynamo.number(units) for n, units in enumerate(counted.reasons.values())
        }
        values |= {
            ":after": dynamo.number(after),
            ":list": dynamo.text(f"returned#{counted.by}#{month}"),
            ":rank": dynamo.text(f"{after:018d}"),
        }
        if before:
            values[":before"] = dynamo.number(before)
        reasons = "".join(f", #r{n} :r{n}" for n in range(len(counted.reasons)))
        change = f"{reasons} SET returned = :after, waiting = :list, since = :rank"
        condition = "returned = :before" if before else "attribute_not_exists(returned)"
        return self._update(counted, month, names, values, change, condition)

    def _update(
        self,
        counted: Counted,
        month: str,
        names: Mapping[str, str],
        values: Mapping[str, Any],
        change: str,
        condition: str,
    ) -> Write:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _month_key(counted.by, counted.subject, month),
            "UpdateExpression": f"ADD delivered :delivered{change}",
            "ExpressionAttributeValues": {
                ":delivered": dynamo.number(counted.delivered),
                **values,
            },
        }
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        if condition:
            request["ConditionExpression"] = condition
        return Write({"Update": request}, StockContended("another return is counted"))

    def _returned(self, counted: Counted, month: str) -> int:
        answer = self._client.get_item(
            TableName=self._table,
            Key=_month_key(counted.by, counted.subject, month),
            ConsistentRead=True,
        )
        return dynamo.read_number(answer.get("Item") or {}, "returned")

    def _rates(self, by: RateOf, months: Sequence[str]) -> Iterator[ReturnRate]:
        subjects = sorted({one for month in months for one in self._most_returned(by, month)})
        keys = [_month_key(by, subject, month) for subject in subjects for month in months]
        items = dynamo.read_batch(self._client, self._table, keys, consistent=False)
        counts: dict[str, list[MonthCount]] = {subject: [] for subject in subjects}
        for item in items:
            subject = dynamo.read_text(item, "pk").removeprefix(f"{by}#")
            counts[subject].append(_month(item))
        for subject, found in counts.items():
            yield ReturnRate(by, subject, tuple(sorted(found, key=lambda one: one.month)))

    def _most_returned(self, by: RateOf, month: str) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="waiting",
            KeyConditionExpression="waiting = :list",
            ExpressionAttributeValues={":list": dynamo.text(f"returned#{by}#{month}")},
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": CANDIDATES, "PageSize": _INDEX_PAGE},
        )
        for page in pages:
            for item in page["Items"]:
                yield dynamo.read_text(item, "pk").removeprefix(f"{by}#")


def _month_key(by: RateOf, subject: str, month: str) -> dynamo.Item:
    return {"pk": dynamo.text(f"{by}#{subject}"), "sk": dynamo.text(month)}


def _month(item: Mapping[str, Any]) -> MonthCount:
    return MonthCount(
        month=dynamo.read_text(item, "sk"),
        delivered=dynamo.read_number(item, "delivered"),
        returned=dynamo.read_number(item, "returned"),
        reasons={
            name.removeprefix(_REASON): dynamo.read_number(item, name)
            for name in sorted(item)
            if name.startswith(_REASON)
        },
    )


def _written_rank(found: ReturnRate) -> str:
    return f"{found.returned}:{found.delivered}:{found.subject}"


def _read_rank(text: str, by: RateOf) -> ReturnRate:
    returned, _, rest = text.partition(":")
    delivered, _, subject = rest.partition(":")
    if not (returned.isdecimal() and delivered.isdecimal()):
        raise Invalid("the cursor is not one that this list gave out", code="invalid_cursor")
    return ReturnRate(by, subject, (MonthCount("", int(delivered), int(returned)),))


def _data(high: HighRate) -> dict[str, object]:
    found = high.found
    return {
        "by": str(found.by),
        "subject": found.subject,
        "month": high.month,
        "channel": high.channel,
        "delivered": _number(found.delivered),
        "returned": _number(found.returned),
        "rate": in_words(found.rate),
        "reasons": {reason: _number(units) for reason, units in found.reasons.items()},
    }


def _number(units: int) -> int | float:
    shown = quantity_number(units, SCALE)
    return int(shown) if shown == int(shown) else float(shown)
