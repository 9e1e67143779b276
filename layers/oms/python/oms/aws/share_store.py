"""Channels' parts of a SKU in DynamoDB, in the table of stock.

================  ==================================  ==========================================
pk                sk                                  what
================  ==================================  ==========================================
sku               ``share#<channel>``                 a part: its rule, ``granted left lent``
``taken#<sku>``   holder id                           what an order or a reservation took of it
``borrow#<sku>``  ``open#<at>#<holder>#<lender>``     units that are owed, oldest first
``borrow#<sku>``  ``returned#<at>#<holder>#…``        a borrow that was returned
``shares#<sku>``  ``shares``                          that its rules were changed
================  ==================================  ==========================================

A condition cannot compute, so what is left of a part is kept: whoever takes ``q`` writes under the
condition ``left >= q``. All writes are prepared here and committed with the stock they are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.inventory.model import Entry
from oms.inventory.position import Position, Share, ShareRule
from oms.inventory.shares import (
    Borrow,
    Change,
    Holding,
    Part,
    Repayment,
    borrowed,
    changed,
    free_units,
    give_back,
    give_back_unknown,
    parted,
    parts_for,
    rearrange,
    receive,
    take,
    together,
    withdraw,
)
from oms.inventory.store import BorrowPage
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, OmsError, StockContended
from oms.kernel.events import Cause, Envelope
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARE = "share#"
TAKEN = "taken#"
BORROW = "borrow#"
_OPEN = "open#"
_LARGEST_PAGE = 100
# Two writes for each, beside one for each part: a receipt against a purchase order of many dates
# still fits one transaction. What is owed beyond these is repaid by what comes next.
_REPAID_AT_ONCE = 12
_MOVED = StockContended("a channel's part of the stock changed at the same moment")
# Under which name it is held, the holding, and what of it is given back.
_Some = tuple[str, Holding, tuple[Part, ...]]
_TAKEN_TWICE = Conflict("the holder has taken its part already", code="entry_exists")


class ShareStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # --- holders ----------------------------------------------------------------------------

    def take(
        self,
        channel: str,
        units: Mapping[str, int],
        holder: str,
        positions: Mapping[str, Position],
        at: datetime,
    ) -> list[Write]:
        """Writes that take ``units`` by SKU out of what the channel may have; none for a SKU
        without shares. Raises ``StockContended`` when the parts do not suffice."""
        writes: list[Write] = []
        for sku, wanted in sorted(units.items()):
            shares = positions[sku].shares if sku in positions else ()
            if not shares:
                continue
            parts = parts_for(channel, wanted, shares)
            if parts is None:
                raise StockContended(f"{channel} may no longer have {wanted} of {sku}")
            # Never older than the parts, whenever the taking was begun.
            taken_at = max([at, *(share.since for share in shares if share.since)])
            holding = Holding(sku, holder, channel, taken_at, parts)
            writes.append(self._hold(holding))
            writes += self._changes(sku, take(channel, parts), shares)
            writes += [self._put_borrow(borrow) for borrow in _borrows(holding)]
        return writes

    def give_back(self, units: Mapping[str, int], holder: str, at: datetime) -> list[Write]:
        """Writes that give back what ``holder`` took, once. ``units`` by SKU are what it had in
        all: what it took before the SKU had shares is everybody's."""
        writes: list[Write] = []
        for sku, had in sorted(units.items()):
            writes += self._give_back(sku, had, holder, self.shares(sku), at)
        return writes

    def reduce(
        self, units: Mapping[str, int], holder: str, at: datetime, *, lost: bool = False
    ) -> list[Write]:
        return [
            write
            for sku, some in sorted(units.items())
            if some
            for write in self._some_back(sku, some, holder, at, lost)
        ]

    def hand_over(self, skus: Iterable[str], holder: str, to: str, at: datetime) -> list[Write]:
        """Writes that make what ``holder`` took the units of ``to``."""
        writes: list[Write] = []
        for sku in sorted(set(skus)):
            item = self._held(sku, holder)
            if item is None or "returned" in item:
                continue
            holding = from_json(dynamo.read_text(item, "document"), Holding)
            writes += [self._end_holding(sku, holder, at), self._hold(holding, to)]
        return writes

    # --- what comes and goes ----------------------------------------------------------------

    def follow(self, entries: Iterable[Entry], at: datetime) -> list[Write]:
        """Writes by which the parts follow what a movement does to what can be sold."""
        writes: list[Write] = []
        for sku, units in free_units(entries).items():
            writes += self.change(sku, units, at)
        return writes

    def change(self, sku: str, units: int, at: datetime) -> list[Write]:
        """``units`` (signed) more can be sold; nothing for a SKU without shares."""
        shares = self.shares(sku) if units else ()
        if not shares:
            return []
        if units < 0:
            return self._changes(sku, withdraw(-units, shares), shares)
        channels = {share.channel for share in shares}
        debts = self._debts(sku, channels) if any(share.lent for share in shares) else ()
        changes, repayments = receive(units, shares, debts)
        writes = self._changes(sku, changes, shares)
        return writes + [write for each in repayments for write in self._repay(each, at)]

    # --- rules ------------------------------------------------------------------------------

    def shares(self, sku: str) -> tuple[Share, ...]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :sku AND begins_with(sk, :share)",
            ExpressionAttributeValues={":sku": dynamo.text(sku), ":share": dynamo.text(SHARE)},
            ConsistentRead=True,
        )
        return in_order(read_share(item) for item in answer["Items"])

    def put_rules(
        self, sku: str, rules: Sequence[ShareRule], free: int, cause: Cause
    ) -> tuple[Share, ...]:
        """Grant ``free`` units anew by ``rules``; without any the SKU has no shares. Raises
        ``StockContended`` when a part changed meanwhile."""
        before = {share.channel: share for share in self.shares(sku)}
        after = rearrange(free, rules, tuple(before.values()), cause.at) if rules else ()
        writes = [
            self._put_share(sku, number, share, before.pop(share.channel, None))
            for number, share in enumerate(after)
        ]
        writes += [self._drop_share(sku, share) for share in before.values()]
        if writes:
            dynamo.transact(self._client, [*writes, self._tell(sku, cause)])
        return after

    def borrows(self, sku: str, limit: int, cursor: str | None) -> BorrowPage:
        partition = f"{BORROW}{sku}"
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :borrow",
            ExpressionAttributeValues={":borrow": dynamo.text(partition)},
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        borrows = tuple(_read_borrow(item) for item in answer["Items"])
        return BorrowPage(borrows, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def owed_by(self, sku: str) -> Mapping[str, int]:
        owed: dict[str, int] = {}
        for borrow in self._owed(sku):
            owed[borrow.borrower] = owed.get(borrow.borrower, 0) + borrow.open
        return owed

    # --- a holder's units -------------------------------------------------------------------

    def _give_back(
        self, sku: str, had: int, holder: str, shares: Sequence[Share], at: datetime
    ) -> list[Write]:
        """Of a SKU that has no shares any more the holdings end all the same, and what is owed for
        them: else their holder could not take of new ones."""
        names, holdings = self._holdings(sku, holder)
        if not names:
            if not shares:
                return []
            changes = self._changes(sku, give_back_unknown(had), shares)
            return [self._never_held(sku, holder, at), *changes]
        if not holdings:
            return []
        held = sum(_units(holding.parts) for _, holding in holdings)
        unknown = max(0, had - held) if holder not in names else 0
        everything = [(name, one, one.parts) for name, one in holdings]
        return self._returned(sku, everything, unknown, shares, at)

    def _some_back(
        self, sku: str, units: int, holder: str, at: datetime, lost: bool
    ) -> list[Write]:
        """What was taken last comes back first."""
        shares = self.shares(sku)
        _, holdings = self._holdings(sku, holder)
        some: list[_Some] = []
        left = units
        for name, holding in reversed(holdings):
            _, returned = parted(holding.parts, left)
            left -= _units(returned)
            if returned:
                some.append((name, holding, returned))
        return self._returned(sku, some, left, shares, at, units if lost else 0)

    def _returned(
        self,
        sku: str,
        some: Sequence[_Some],
        unknown: int,
        shares: Sequence[Share],
        at: datetime,
        lost: int = 0,
    ) -> list[Write]:
        """Parts of holdings are given back, and so are ``unknown`` units that were taken from no
        part; of all these ``lost`` are gone."""
        # What is held comes first: of two refusals the one that says "done before" is to be heard.
        writes = [
            self._without(name, one, parted(one.parts, _units(returned))[0], at)
            for name, one, returned in some
        ]
        changes = list(give_back_unknown(unknown))
        for _, holding, returned in some:
            given = replace(holding, parts=returned)
            owed: dict[str, int] = {}
            for part in _borrows(given):
                if debt := self._open(part):
                    owed[debt.lender] = min(part.units, debt.open)
                    writes += self._repay(Repayment(debt, owed[debt.lender]), at)
            changes += give_back(given, owed, shares)
        if not shares:
            return writes
        made = together(changes)
        if lost:
            made = together([*made, *withdraw(lost, changed(shares, made))])
        return [*writes, *self._changes(sku, made, shares)]

    def _without(self, name: str, holding: Holding, kept: tuple[Part, ...], at: datetime) -> Write:
        if not kept:
            return self._end_holding(holding.sku, name, at)
        request = {
            "Key": _holding_key(holding.sku, name),
            "UpdateExpression": "SET document = :after",
            "ConditionExpression": "document = :before AND attribute_not_exists(returned)",
            "ExpressionAttributeValues": {
                ":before": dynamo.text(to_json(holding)),
                ":after": dynamo.text(to_json(replace(holding, parts=kept))),
            },
        }
        return self._write("Update", request)

    def _holdings(self, sku: str, holder: str) -> tuple[set[str], list[tuple[str, Holding]]]:
        """The names under which a holder ever took of a SKU, and with its name each holding that
        was not given back, oldest first. One that was handed over is known by who has it now."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :taken AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":taken": dynamo.text(f"{TAKEN}{sku}"),
                ":first": dynamo.text(holder),
                ":last": dynamo.text(f"{holder}#~"),
            },
            ConsistentRead=True,
        )
        items = {
            name: item
            for page in pages
            for item in page["Items"]
            if (name := dynamo.read_text(item, "sk")) == holder or name.startswith(f"{holder}#")
        }
        holdings = [(name, held) for name, item in items.items() for held in read_holding(item)]
        return set(items), sorted(holdings, key=lambda one: one[1].at)

    def _held(self, sku: str, holder: str) -> Mapping[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_holding_key(sku, holder), ConsistentRead=True
        )
        return answer.get("Item")

    def _hold(self, holding: Holding, holder: str = "") -> Write:
        """``holder`` when it is another than the one whose name the borrows carry."""
        item = {
            **_holding_key(holding.sku, holder or holding.holder),
            "document": dynamo.text(to_json(holding)),
        }
        condition = "attribute_not_exists(pk) OR attribute_exists(returned)"
        return self._write("Put", {"Item": item, "ConditionExpression": condition}, _TAKEN_TWICE)

    def _never_held(self, sku: str, holder: str, at: datetime) -> Write:
        item = {**_holding_key(sku, holder), "returned": dynamo.text(rfc3339(at))}
        absent = "attribute_not_exists(pk)"
        return self._write("Put", {"Item": item, "ConditionExpression": absent}, _TAKEN_TWICE)

    def _end_holding(self, sku: str, holder: str, at: datetime) -> Write:
        """Marked, not deleted: it is given back once, however often that is asked for."""
        request = {
            "Key": _holding_key(sku, holder),
            "UpdateExpression": "SET returned = :at",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(returned)",
            "ExpressionAttributeValues": {":at": dynamo.text(rfc3339(at))},
        }
        return self._write("Update", request, _TAKEN_TWICE)

    # --- borrows ----------------------------------------------------------------------------

    def _debts(self, sku: str, borrowers: Set[str]) -> tuple[Borrow, ...]:
        owed = (borrow for borrow in self._owed(sku) if borrow.borrower in borrowers)
        return tuple(islice(owed, _REPAID_AT_ONCE))

    def _owed(self, sku: str) -> Iterator[Borrow]:
        """What is owed of a SKU, oldest first, read as far as it is looked at."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :borrow AND begins_with(sk, :open)",
            ExpressionAttributeValues={
                ":borrow": dynamo.text(f"{BORROW}{sku}"),
                ":open": dynamo.text(_OPEN),
            },
            ConsistentRead=True,
            PaginationConfig={"PageSize": _LARGEST_PAGE},
        )
        return (_read_borrow(item) for page in pages for item in page["Items"])

    def _open(self, borrow: Borrow) -> Borrow | None:
        """The borrow as it is owed now; None when it has been repaid."""
        answer = self._client.get_item(
            TableName=self._table, Key=_borrow_key(borrow, "open"), ConsistentRead=True
        )
        return _read_borrow(answer["Item"]) if "Item" in answer else None

    def _put_borrow(self, borrow: Borrow) -> Write:
        return self._write("Put", {"Item": _borrow_item(borrow, "open")})

    def _repay(self, repayment: Repayment, at: datetime) -> list[Write]:
        borrow = repayment.borrow
        same = {
            "Key": _borrow_key(borrow, "open"),
            "ConditionExpression": "#open = :before",
            "ExpressionAttributeNames": {"#open": "open"},
        }
        before = {":before": dynamo.number(borrow.open)}
        if repayment.units < borrow.open:
            values = {**before, ":units": dynamo.number(-repayment.units)}
            update = {"UpdateExpression": "ADD #open :units", "ExpressionAttributeValues": values}
            return [self._write("Update", same | update)]
        returned = replace(borrow, open=0, returned_at=at)
        return [
            self._write("Delete", same | {"ExpressionAttributeValues": before}),
            self._write("Put", {"Item": _borrow_item(returned, "returned")}),
        ]

    # --- parts ------------------------------------------------------------------------------

    def _changes(self, sku: str, changes: Iterable[Change], shares: Sequence[Share]) -> list[Write]:
        rules = {share.channel: share.rule for share in shares}
        return [self._change(sku, change, rules.get(change.source)) for change in changes]

    def _change(self, sku: str, change: Change, rule: ShareRule | None) -> Write:
        by = {"granted": change.granted, "left": change.left, "lent": change.lent}
        by = {name: units for name, units in by.items() if units}
        conditions = ["attribute_exists(pk)"]
        values = {f":{name}": dynamo.number(units) for name, units in by.items()}
        for name, units in by.items():
            if units < 0:
                conditions.append(f"#{name} >= :{name}_taken")
                values[f":{name}_taken"] = dynamo.number(-units)
        if change.lent > 0 and rule is not None and rule.lends is not None:
            conditions.append("#lent <= :lendable")
            values[":lendable"] = dynamo.number(rule.lends - change.lent)
        if change.granted > 0 and change.left > 0 and rule is not None and rule.cap is not None:
            # What is granted has to fit below the cap; what comes back besides is its own.
            conditions.append("#left <= :room")
            values[":room"] = dynamo.number(rule.cap - change.granted)
        return self._write(
            "Update",
            {
                "Key": _share_key(sku, change.source),
                "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in by),
                "ConditionExpression": " AND ".join(conditions),
                "ExpressionAttributeNames": {f"#{name}": name for name in by},
                "ExpressionAttributeValues": values,
            },
        )

    def _put_share(self, sku: str, number: int, share: Share, before: Share | None) -> Write:
        item = {
            **_share_key(sku, share.channel),
            "granted": dynamo.number(share.granted),
            "left": dynamo.number(share.left),
            "lent": dynamo.number(share.lent),
            "place": dynamo.number(number),
            "document": dynamo.text(to_json(share.rule)),
            **({"since": dynamo.text(rfc3339(share.since))} if share.since else {}),
        }
        if before is None:
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
            return self._write("Put", {"Item": item, **condition})
        return self._write("Put", {"Item": item, **_unchanged(before)})

    def _tell(self, sku: str, cause: Cause) -> Write:
        """Whoever waits may have enough by the new rules."""
        told = Envelope(
            id=f"{sku}#shares:{rfc3339(cause.at)}",
            type="shares_changed",
            subject=sku,
            version=0,
            at=cause.at,
            by=cause.by,
            reason=cause.reason,
            correlation_id=cause.correlation_id,
            data={"skus": [sku]},
        )
        key = {"pk": dynamo.text(f"shares#{sku}"), "sk": dynamo.text("shares")}
        return self._write("Put", {"Item": {**key, "envelopes": dynamo.text(to_json([told]))}})

    def _drop_share(self, sku: str, share: Share) -> Write:
        return self._write("Delete", {"Key": _share_key(sku, share.channel), **_unchanged(share)})

    def _write(self, kind: str, request: Mapping[str, Any], refusal: OmsError = _MOVED) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


def read_share(item: Mapping[str, Any]) -> tuple[int, Share]:
    """A part and the place of its rule."""
    share = Share(
        channel=dynamo.read_text(item, "sk").removeprefix(SHARE),
        granted=dynamo.read_number(item, "granted"),
        left=dynamo.read_number(item, "left"),
        lent=dynamo.read_number(item, "lent"),
        rule=from_json(dynamo.read_text(item, "document"), ShareRule),
        since=parse_rfc3339(since) if (since := dynamo.read_text(item, "since")) else None,
    )
    return dynamo.read_number(item, "place"), share


def read_holding(item: Mapping[str, Any]) -> list[Holding]:
    """Nothing once it was given back."""
    if "returned" in item:
        return []
    return [from_json(dynamo.read_text(item, "document"), Holding)]


def read_owed_borrow(item: Mapping[str, Any]) -> list[Borrow]:
    """Nothing once it was returned."""
    is_owed = dynamo.read_text(item, "sk").startswith(_OPEN)
    return [_read_borrow(item)] if is_owed else []


def in_order(placed: Iterable[tuple[int, Share]]) -> tuple[Share, ...]:
    """The parts in the order of their rules, which is the order in which they are granted."""
    return tuple(share for _, share in sorted(placed, key=lambda each: each[0]))


def _units(parts: Iterable[Part]) -> int:
    return sum(part.units for part in parts)


def _borrows(holding: Holding) -> list[Borrow]:
    """The borrows among a holding's parts, as they were when it was taken."""
    return [
        Borrow(
            holding.sku,
            holding.holder,
            holding.channel,
            part.source,
            part.units,
            part.units,
            holding.at,
        )
        for part in borrowed(holding.channel, holding.parts)
    ]


def _borrow_item(borrow: Borrow, state: str) -> dict[str, Any]:
    """``open`` is counted beside the document: a repayment takes from it."""
    return {
        **_borrow_key(borrow, state),
        "document": dynamo.text(to_json(borrow)),
        "open": dynamo.number(borrow.open),
    }


def _read_borrow(item: Mapping[str, Any]) -> Borrow:
    borrow = from_json(dynamo.read_text(item, "document"), Borrow)
    return replace(borrow, open=dynamo.read_number(item, "open"))


def _unchanged(share: Share) -> dict[str, Any]:
    counted = {"granted": share.granted, "left": share.left, "lent": share.lent}
    return {
        "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in counted),
        "ExpressionAttributeNames": {f"#{name}": name for name in counted},
        "ExpressionAttributeValues": {
            f":{name}": dynamo.number(units) for name, units in counted.items()
        },
    }


def _share_key(sku: str, channel: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(f"{SHARE}{channel}")}


def _holding_key(sku: str, holder: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"{TAKEN}{sku}"), "sk": dynamo.text(holder)}


def _borrow_key(borrow: Borrow, state: str) -> dict[str, dict[str, str]]:
    sort_key = f"{state}#{rfc3339(borrow.at)}#{borrow.holder}#{borrow.lender}"
    return {"pk": dynamo.text(f"{BORROW}{borrow.sku}"), "sk": dynamo.text(sort_key)}
