"""What is delivered and comes back, counted by month, in the table of views.

============================  ===================  ===============================================
pk                            sk                   what
============================  ===================  ===============================================
``delivered#<by>#<subject>``  ``<time>#<event>``   ``units`` that an event delivered; for 400 days
``<by>#<subject>``            a month              ``returned`` units, ``reason#<word>``;
                                                   ``delivered`` as it was when something came back
                                                   last, ``settled`` of those added up for good
``<by>#<subject>``            ``settled``          up to which delivery they are: ``upto``
``counted#<event id>``        ``counted``          that a return is counted; for three months
``settings#return_rate``      ``settings``         which rates are high
============================  ===================  ===============================================

``by`` is ``product`` or ``customer``. Every order is delivered, and little comes back: a delivery
writes an item of its own for each subject, which is the same when its event comes again, needs no
guard, and is in nobody's way. Who takes a return adds them up, each once: those of two days ago
and before for good, the others anew each time. A delivery that is heard of a day late or later is
beside the others, as ``late#<time>#<event>``, and is never among those added up for good.

A month in which something came back is in the index ``waiting`` under ``returned#<by>#<month>``, by
how much. That a rate is high is put into the table of orders, in an item of its own with the event,
so that its stream publishes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
# Longer than a report may look back.
_KEEP_DELIVERED = timedelta(days=400)
_LATE = timedelta(days=1)
_SETTLED = timedelta(days=2)
_LATE_MARK = "late#"
# What is before every time.
_BEGIN = "0"
# Deliveries that are read, and added up, at once.
_CHUNK = 5000
_ATTEMPTS = 5
_REASON = "reason#"
_SETTINGS: dynamo.Item = {
    "pk": dynamo.text("settings#return_rate"),
    "sk": dynamo.text("settings"),
}


@dataclass(frozen=True, slots=True)
class _Known:
    """``months`` as they were shown last; ``settled`` units delivered in each, up to ``upto``."""

    months: Mapping[str, MonthCount]
    settled: Mapping[str, int]
    upto: str

    def with_delivered(self, units: Mapping[str, int]) -> list[MonthCount]:
        return [
            replace(self.months.get(month, MonthCount(month)), delivered=units.get(month, 0))
            for month in sorted({*self.months, *units})
        ]


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

    def deliver(
        self, event_id: str, at: datetime, counted: Sequence[Counted], now: datetime
    ) -> None:
        place = f"{rfc3339(at)}#{event_id}"
        is_late = now - at > _LATE
        if is_late:
            counted = [one for one in counted if not self._is_noted(one, place)]
        dynamo.put_batch(
            self._client,
            self._table,
            [
                {
                    **_delivery_key(one, f"{_LATE_MARK}{place}" if is_late else place),
                    "units": dynamo.number(one.delivered),
                    "expires_at": dynamo.number(int((now + _KEEP_DELIVERED).timestamp())),
                }
                for one in counted
            ],
        )

    def catch_up(self, by: RateOf, subject: str, now: datetime) -> Sequence[MonthCount]:
        known = self._known(by, subject)
        delivered = Counter(known.settled)
        before = rfc3339(now - _SETTLED)
        upto = known.upto
        for chunk in self._deliveries(by, subject, upto):
            delivered.update(_by_month(chunk))
            passed = [place for place in chunk if place < before]
            if not passed:
                continue
            last = max(passed)
            if not self._settle(by, subject, upto, last, _by_month({p: chunk[p] for p in passed})):
                return self.catch_up(by, subject, now)  # Somebody else did it.
            upto = last
        months = known.with_delivered(delivered)
        for one in months:
            if known.months.get(one.month, MonthCount(one.month)).delivered != one.delivered:
                self._show(by, subject, one.month, one.delivered)
        return months

    def of(self, by: RateOf, subject: str, months: Sequence[str]) -> Sequence[MonthCount]:
        known = self._known(by, subject)
        delivered = Counter(known.settled)
        for chunk in self._deliveries(by, subject, known.upto):
            delivered.update(_by_month(chunk))
        return [one for one in known.with_delivered(delivered) if one.month in months]

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

    def _is_noted(self, counted: Counted, place: str) -> bool:
        key = _delivery_key(counted, place)
        return "Item" in self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)

    def _known(self, by: RateOf, subject: str) -> _Known:
        """All months of a subject: one small item each."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :subject",
            ExpressionAttributeValues={":subject": dynamo.text(f"{by}#{subject}")},
            ConsistentRead=True,
        )
        items = {dynamo.read_text(item, "sk"): item for page in pages for item in page["Items"]}
        upto = dynamo.read_text(items.pop("settled", {}), "upto", _BEGIN)
        return _Known(
            {month: _month(item) for month, item in items.items()},
            {month: dynamo.read_number(item, "settled") for month, item in items.items()},
            upto,
        )

    def _deliveries(self, by: RateOf, subject: str, after: str) -> Iterator[dict[str, int]]:
        """Units by place, some thousands at once, in their order."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :subject AND sk > :after",
            "ExpressionAttributeValues": {
                ":subject": dynamo.text(f"delivered#{by}#{subject}"),
                ":after": dynamo.text(after),
            },
            "ConsistentRead": True,
            "Limit": _CHUNK,
        }
        while True:
            answer = self._client.query(**request)
            yield {
                dynamo.read_text(item, "sk"): dynamo.read_number(item, "units")
                for item in answer["Items"]
            }
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _settle(
        self, by: RateOf, subject: str, before: str, upto: str, units: Mapping[str, int]
    ) -> bool:
        """Whether nobody else added them up in the meantime."""
        pointer: dict[str, Any] = {
            "TableName": self._table,
            "Item": {**_month_key(by, subject, "settled"), "upto": dynamo.text(upto)},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if before != _BEGIN:
            pointer["ConditionExpression"] = "upto = :before"
            pointer["ExpressionAttributeValues"] = {":before": dynamo.text(before)}
        taken = Conflict("somebody else added them up", code="entry_exists")
        sums = [
            Write(
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": _month_key(by, subject, month),
                        "UpdateExpression": "ADD settled :units",
                        "ExpressionAttributeValues": {":units": dynamo.number(of_month)},
                    }
                },
                taken,
            )
            for month, of_month in units.items()
        ]
        try:
            dynamo.transact(self._client, [Write({"Put": pointer}, taken), *sums])
        except Conflict:
            return False
        return True

    def _show(self, by: RateOf, subject: str, month: str, units: int) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_month_key(by, subject, month),
            UpdateExpression="SET delivered = :units",
            ExpressionAttributeValues={":units": dynamo.number(units)},
        )

    def _change(self, counted: Counted, month: str) -> Write:
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
        reasons = ", ".join(f"#r{n} :r{n}" for n in range(len(counted.reasons)))
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _month_key(counted.by, counted.subject, month),
            "UpdateExpression": (
                f"ADD {reasons} SET returned = :after, waiting = :list, since = :rank"
            ),
            "ConditionExpression": (
                "returned = :before" if before else "attribute_not_exists(returned)"
            ),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
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


def _delivery_key(counted: Counted, place: str) -> dynamo.Item:
    return {
        "pk": dynamo.text(f"delivered#{counted.by}#{counted.subject}"),
        "sk": dynamo.text(place),
    }


def _by_month(units: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for place, of_place in units.items():
        found[place.removeprefix(_LATE_MARK)[:7]] += of_place
    return found


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
