"""Stock in DynamoDB: a balance per SKU and node, and the ledger that explains it.

====================  =========================  =============================================
pk                    sk                         what
====================  =========================  =============================================
sku                   ``node#<node>``            the balance
``counter#<sku>#<n>`` ``node#<node>``            a part of it, of a SKU spread over counters
``<sku>#<node>``      ``<time>#<entry id>``      a ledger entry, written with its balance
``<sku>#<node>#<n>``  ``<time>#<entry id>``      the same of a counter
``movement#<id>``     ``movement``               the movement as sent: the guard of its id
``movement#<id>``     ``arrival``                how a transfer arrived: it arrives once
====================  =========================  =============================================

Soft reservations: ``oms.aws.reservation_writes``; counters: ``oms.aws.stock_spread``;
who waits: ``oms.aws.backorder_store``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo, reservation_writes, stock_writes
from oms.aws.backorder_store import BackorderStore
from oms.aws.capacity_store import CapacityStore
from oms.aws.count_store import CountStore
from oms.aws.demand_store import reserved_line
from oms.aws.production_store import ProductionStore
from oms.aws.share_store import ShareStore
from oms.aws.stock_items import (
    Item,
    counters_to_read,
    is_spread,
    read_balance,
    read_entry,
    read_reservation,
    sort_key,
    summed,
)
from oms.aws.stock_position import read_position
from oms.aws.stock_spread import Spreading
from oms.aws.stock_writes import (
    ENTRY_TWICE,
    balance_key,
    ledger_of,
    partition_of,
    put_entry,
    same,
)
from oms.inventory.counters import first
from oms.inventory.counting import entries_of as entries_of_reject
from oms.inventory.counting import put_aside
from oms.inventory.ledger import arrival_entry, count_entry, entries_of
from oms.inventory.model import Balance, Entry, Movement, MovementKind, Need
from oms.inventory.position import Position
from oms.inventory.reservation import (
    Reservation,
    ReservationState,
    reserved_by_sku,
    unhold_entries,
)
from oms.inventory.store import EntryPage
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, NotFound, OmsError, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
# Each is a transaction: what one taking is ready to do for those that came before.
# Places whose sales are looked at to tell which of them sells the least.
_PLACES_LOOKED_AT = 100
_RECLAIMED_AT_ONCE = 25
_RECLAIMS = 40
_GONE = StockContended("what is given back is no longer reserved")


class StockStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._spreading = Spreading(client, table)
        self.backorders = BackorderStore(client, table)
        self.shares = ShareStore(client, table)
        self.counts = CountStore(client, table)
        self.capacity = CapacityStore(client, table)
        self.production = ProductionStore(client, table)

    def balances(self, skus: Set[str]) -> Mapping[str, tuple[Balance, ...]]:
        return {sku: self.balances_of(sku) for sku in sorted(skus)}

    def balances_of(self, sku: str, *, consistent: bool = False) -> tuple[Balance, ...]:
        """As they are stored: what reservations held that have expired is still reserved."""
        home = self._balances_in(sku, 0, consistent)
        further = max((dynamo.read_number(item, "spread", 1) for item in home), default=1)
        parts = [home, *(self._balances_in(sku, n, consistent) for n in range(1, further))]
        return summed([[read_balance(item) for item in part] for part in parts])

    def _balances_in(self, sku: str, counter: int, consistent: bool) -> list[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :sku AND begins_with(sk, :node)",
            ExpressionAttributeValues={
                ":sku": dynamo.text(partition_of(sku, counter)),
                ":node": dynamo.text("node#"),
            },
            ConsistentRead=consistent,
        )
        return [item for page in pages for item in page["Items"]]

    def positions(
        self, skus: Set[str], now: datetime, *, consistent: bool = False
    ) -> Mapping[str, Position]:
        """``consistent``: everything that was written before, at twice the price."""
        return {sku: self._position(sku, now, consistent) for sku in sorted(skus)}

    def sold_by(
        self, places: Iterable[tuple[str, str]], day: date
    ) -> Mapping[tuple[str, str], int]:
        keys = {
            f"sales#{sku}#{node}": (sku, node) for sku, node in islice(places, _PLACES_LOOKED_AT)
        }
        asked = [{"pk": dynamo.text(key), "sk": dynamo.text(day.isoformat())} for key in keys]
        items = dynamo.read_batch(self._client, self._table, asked, consistent=False)
        return {
            keys[dynamo.read_text(item, "pk")]: dynamo.read_number(item, "sold") for item in items
        }

    def positions_near(self, skus: Set[str], now: datetime, key: str) -> Mapping[str, Position]:
        return {sku: self._position(sku, now, begins=key) for sku in sorted(skus)}

    def _position(
        self, sku: str, now: datetime, consistent: bool = False, begins: str = ""
    ) -> Position:
        """``begins``: whose first counter alone is read beside what is at home."""
        home = self._range(sku, 0, now, consistent)
        balances = (item for item in home if sort_key(item).startswith("node#"))
        counters = counters_to_read(balances, now)
        read = {first(begins, counters)} if begins else range(counters)
        return read_position(
            sku,
            home,
            [
                self._range(sku, counter, now, consistent) if counter in read else []
                for counter in range(1, counters)
            ],
        )

    def _range(self, sku: str, counter: int, now: datetime, consistent: bool) -> list[Item]:
        """Balances come first in the partition, what expired by ``now`` last: one range. ``$``
        sorts after the ``#`` that follows a time, so that the range has what expires at ``now``."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :sku AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":sku": dynamo.text(partition_of(sku, counter)),
                ":first": dynamo.text("node#"),
                ":last": dynamo.text(f"until#{rfc3339(now)}$"),
            },
            ConsistentRead=consistent,
        )
        return [item for page in pages for item in page["Items"]]

    def reclaim(self, skus: Set[str], now: datetime) -> int:
        """At the same moment others may do the same: each ends some at random, so that they do not
        all contend for the oldest ones."""
        positions = self.positions(skus, now, consistent=True).values()
        found = {one.reservation_id for position in positions for one in position.lapsed}
        chosen = random.sample(sorted(found), min(len(found), _RECLAIMED_AT_ONCE))
        for reservation_id in chosen:
            self.expire(reservation_id, now)
        return len(chosen)

    def expire(self, reservation_id: str, now: datetime) -> None:
        """End a reservation that has expired by ``now``; any other is left as it is."""
        answer = self._client.get_item(
            TableName=self._table,
            Key=reservation_writes.reservation_key(reservation_id),
            ConsistentRead=True,
        )
        if "Item" not in answer:
            return
        held = read_reservation(answer["Item"])
        if held.state is not ReservationState.HELD or held.expires_at > now:
            return
        cause = Cause(now, "reservations", "expired")
        ended = replace(held, state=ReservationState.EXPIRED)
        try:
            self.end(held, ended, cause)
        except (StockContended, Conflict):
            return  # Somebody else has ended it. Whoever still lacks the units looks again.

    def end(self, held: Reservation, ended: Reservation, cause: Cause) -> None:
        """Give back what a reservation held. To return what its channel borrowed takes more writes
        than borrowing it: what is too much for one transaction is returned before, SKU by SKU."""
        writes = [
            *reservation_writes.end(self._table, held, ended, cause),
            *self.give_back(unhold_entries(held, cause)),
        ]
        units = reserved_by_sku(held.lines)
        parts = self.shares.give_back(units, held.id, cause.at)
        if len(writes) + len(parts) > dynamo.TRANSACTION_LIMIT:
            for sku, had in units.items():
                if of_sku := self.shares.give_back({sku: had}, held.id, cause.at):
                    self.transact(of_sku)
            parts = []
        self.transact([*writes, *parts])

    def give_back(self, entries: Sequence[Entry]) -> list[Write]:
        """Writes for entries that end a reservation, soft or hard; from home where the counter they
        name has been gathered meanwhile (``oms.inventory.counters`` says why that adds up)."""
        parts = [part for entry in entries for part in self._where_held(entry)]
        return self.book(_merged(parts), _GONE)

    def _where_held(self, entry: Entry) -> tuple[Entry, ...]:
        """The entry at the counter comes even when nothing is left there: made again, it says so
        (``entry_exists``), wherever the units are by then."""
        if not entry.counter:
            return (entry,)
        part = self._balance(entry.sku, entry.node, entry.counter)
        wanted = -entry.reserved
        there = min(wanted, part.reserved if part else 0)
        rest = wanted - there
        leaves = entry.on_hand != 0
        at_counter = replace(entry, reserved=-there, on_hand=-there if leaves else 0)
        if not rest:
            return (at_counter,)
        at_home = replace(entry, counter=0, reserved=-rest, on_hand=-rest if leaves else 0)
        return (at_counter, at_home)

    def reserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("reserve", needs, order_id, cause)

    def unreserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("unreserve", needs, order_id, cause)

    def ship(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("ship", needs, order_id, cause)

    def reject(
        self,
        needs: Sequence[Need],
        entry_id: str,
        order_id: str,
        reason: str,
        lost: bool,
        cause: Cause,
    ) -> list[Write]:
        entries = entries_of_reject(needs, entry_id, order_id, reason, lost, cause)
        parts = [part for entry in entries for part in self._where_held(entry)]
        return self.book(_merged([*parts, *put_aside(entries)]), _GONE)

    def promised_lines_have_it(
        self, order_id: str, lines: Iterable[tuple[str, str]]
    ) -> list[Write]:
        return [reserved_line(self._table, order_id, line_id, sku) for line_id, sku in lines]

    def has_reserved(self, need: Need, order_id: str, cause: Cause) -> bool:
        answer = self._client.get_item(
            TableName=self._table,
            Key={
                "pk": dynamo.text(ledger_of(need.sku, need.node, need.counter)),
                "sk": dynamo.text(f"{rfc3339(cause.at)}#{order_id}:reserve"),
            },
            ConsistentRead=True,
        )
        return "Item" in answer

    def transact(self, writes: Sequence[Write]) -> None:
        dynamo.transact(self._client, writes)

    def book(self, entries: Sequence[Entry], lacking: OmsError) -> list[Write]:
        return stock_writes.book(self._table, entries, lacking)

    def move(
        self,
        movement: Movement,
        cause: Cause,
        *,
        entries: Sequence[Entry] | None = None,
        also: Sequence[Write] = (),
    ) -> bool:
        try:
            self._move(movement, cause, entries, also)
        except Conflict as refusal:
            booked = self.movement(movement.id)
            if booked is None:
                if refusal.problem_code != "below_zero":
                    raise
                self._with_all_units(
                    movement.sku,
                    movement.node,
                    cause,
                    lambda: self._move(movement, cause, entries, also),
                )
                return True
            if booked != movement:
                raise Conflict(
                    f"movement {movement.id} was booked with another content",
                    code="content_differs",
                ) from refusal
            return False
        return True

    def _move(
        self,
        movement: Movement,
        cause: Cause,
        entries: Sequence[Entry] | None,
        also: Sequence[Write],
    ) -> None:
        if entries is None:
            entries, writes = self._movement_writes(movement, cause)
        else:
            writes = self.book(entries, _lacking(movement))
        parts = self.shares.follow(entries, cause.at)
        self.transact([self._guard(movement, to_json(movement)), *writes, *parts, *also])

    def _with_all_units(self, sku: str, node: str, cause: Cause, act: Callable[[], None]) -> None:
        """Do what was refused for lack of units at home: with those whose reservations expired,
        then with those of the other counters. Raises what it raises when there are no more."""
        for _ in range(_RECLAIMS):
            if not self.reclaim({sku}, cause.at):
                break
            try:
                return act()
            except Conflict as refusal:
                if refusal.problem_code != "below_zero":
                    raise
        if self._spreading.is_spread(sku, node):
            return self._gathered(sku, node, cause, act)
        return act()

    def _gathered(self, sku: str, node: str, cause: Cause, act: Callable[[], None]) -> None:
        """Do what needs all units at home, and spread them again. When this breaks off in between
        the SKU is no longer spread, which is slower and nothing worse: no reason to say of what was
        done that it was not."""
        before = self._spreading.spread(sku, node, 1, cause)
        try:
            act()
        finally:
            with suppress(StockContended):
                self._spreading.spread(sku, node, before, cause)

    def spread(self, sku: str, node: str, counters: int, cause: Cause) -> None:
        """Spread a SKU over so many counters at a node, or gather it again (1). Raises ``NotFound``
        when the node never held the SKU, ``StockContended`` when it is to be asked again."""
        self._spreading.spread(sku, node, counters, cause)

    def level(self, sku: str, node: str, cause: Cause) -> None:
        """Share out what is available at home among the counters."""
        self._spreading.level(sku, node, cause)

    def set_thresholds(
        self, sku: str, node: str, safety_stock: int, low_stock_at: int, cause: Cause
    ) -> Balance:
        """Change what is held back and when to warn. Raises ``NotFound`` when the node never held
        the SKU, ``Conflict`` when stock moved meanwhile or the rest would go below zero."""
        home = self._item(sku, node)
        if home is None:
            raise NotFound(f"{node} has never held {sku}")
        try:
            self._hold_back(sku, node, safety_stock, low_stock_at, cause, read_balance(home))
        except Conflict:
            self._with_all_units(
                sku,
                node,
                cause,
                lambda: self._hold_back(sku, node, safety_stock, low_stock_at, cause),
            )
        return self._balance(sku, node) or read_balance(home)

    def _hold_back(
        self,
        sku: str,
        node: str,
        safety_stock: int,
        low_stock_at: int,
        cause: Cause,
        known: Balance | None = None,
    ) -> None:
        held = known or self._balance(sku, node)
        assert held is not None
        change = safety_stock - held.safety_stock
        if held.available < change:
            raise Conflict("more would be held back than is available", code="below_zero")
        refusal = StockContended("the threshold was changed at the same moment")
        unchanged = same("safety_stock", held.safety_stock)
        self.transact(
            [
                self._write(
                    "Update",
                    {
                        "Key": balance_key(sku, node),
                        "UpdateExpression": "SET safety_stock = :safety, low_stock_at = :low,"
                        " available = available - :change, version = version + :one",
                        "ConditionExpression": f"{unchanged} AND available >= :change",
                        "ExpressionAttributeValues": {
                            ":safety": dynamo.number(safety_stock),
                            ":low": dynamo.number(low_stock_at),
                            ":change": dynamo.number(change),
                            ":before": dynamo.number(held.safety_stock),
                            ":one": dynamo.number(1),
                        },
                    },
                    refusal,
                ),
                *self.shares.change(sku, -change, cause.at),
            ]
        )

    def bins(self, node: str, skus: Set[str]) -> Mapping[str, str]:
        keys = [balance_key(sku, node) for sku in sorted(skus)]
        balances = map(read_balance, dynamo.read_batch(self._client, self._table, keys))
        return {balance.sku: balance.bin for balance in balances if balance.bin}

    def set_bin(self, sku: str, node: str, bin_location: str) -> None:
        self._note(sku, node, "bin", bin_location)

    def set_marked_down(self, sku: str, node: str, since: date | None) -> None:
        self._note(sku, node, "marked_down_since", since.isoformat() if since else "")

    def _note(self, sku: str, node: str, name: str, value: str) -> None:
        """Write beside a balance what is no quantity. Raises ``NotFound`` when there is none."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=balance_key(sku, node),
                UpdateExpression="SET #name = :value",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":value": dynamo.text(value)},
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            raise NotFound(f"{node} has never held {sku}") from None

    def entries(self, sku: str, node: str, limit: int, cursor: str | None) -> EntryPage:
        """Of a SKU that was ever spread the ledgers of its counters are read side by side, by time;
        a page may then hold some more than ``limit``, because entries of one moment stay together.
        """
        size = min(limit, _LARGEST_PAGE)
        home = self._item(sku, node)
        further = dynamo.read_number(home, "spread", 1) if home else 1
        after = None
        if cursor:
            after = dynamo.decode_cursor(cursor, {"pk": ledger_of(sku, node)})["sk"]["S"]
        pages = [self._ledger(ledger_of(sku, node, n), size, after) for n in range(further)]
        found = sorted((item for items, _ in pages for item in items), key=sort_key, reverse=True)
        more = len(found) > size or any(more for _, more in pages)
        if more:
            last = sort_key(found[size - 1])
            found = [item for item in found if sort_key(item) >= last]
        key = (
            {"pk": dynamo.text(ledger_of(sku, node)), "sk": dynamo.text(sort_key(found[-1]))}
            if more
            else None
        )
        return EntryPage(tuple(read_entry(item) for item in found), dynamo.encode_cursor(key))

    def _ledger(self, partition: str, size: int, after: str | None) -> tuple[list[Item], bool]:
        """The newest entries before ``after``, and whether there are more."""
        key: dict[str, Any] = {}
        if after:
            start = {"pk": dynamo.text(partition), "sk": dynamo.text(after)}
            key["ExclusiveStartKey"] = start
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :ledger",
            ExpressionAttributeValues={":ledger": dynamo.text(partition)},
            ScanIndexForward=False,
            Limit=size,
            **key,
        )
        return list(answer["Items"]), "LastEvaluatedKey" in answer

    def _order_writes(
        self, kind: str, needs: Sequence[Need], order_id: str, cause: Cause
    ) -> list[Write]:
        entries = [_order_entry(kind, need, order_id, cause) for need in needs]
        if kind != "reserve":
            return self.give_back(entries)
        writes: list[Write] = []
        for entry in entries:
            lacking = StockContended(f"{entry.node} no longer has {entry.reserved} of {entry.sku}")
            writes += self.book([entry], lacking)
        return writes

    def _movement_writes(
        self, movement: Movement, cause: Cause
    ) -> tuple[Sequence[Entry], list[Write]]:
        if movement.kind is MovementKind.COUNT:
            return self._count_writes(movement, cause)
        if movement.kind is MovementKind.ARRIVAL:
            return self._arrival_writes(movement, _lacking(movement), cause)
        entries = entries_of(movement, cause)
        return entries, self.book(entries, _lacking(movement))

    def _count_writes(
        self, movement: Movement, cause: Cause
    ) -> tuple[Sequence[Entry], list[Write]]:
        """What was found is the truth, even where less is left than was promised."""
        home = self._item(movement.sku, movement.node)
        if home is not None and is_spread(home):
            raise Conflict("a count is of all counters together", code="below_zero")
        held = read_balance(home) if home else Balance(movement.sku, movement.node)
        entry = count_entry(movement, held.on_hand, cause)
        moved = StockContended("stock moved while the count was booked")
        unchanged = same("on_hand", held.on_hand)
        before = {":before": dynamo.number(held.on_hand)}
        change = stock_writes.change(self._table, [entry], unchanged, before, moved)
        counted = self.counts.counted(movement.node, movement.sku)
        return [entry], [put_entry(self._table, entry), change, *counted]

    def _arrival_writes(
        self, movement: Movement, lacking: OmsError, cause: Cause
    ) -> tuple[Sequence[Entry], list[Write]]:
        sent = self.movement(movement.transfer)
        if sent is None or sent.kind is not MovementKind.TRANSFER:
            raise NotFound(f"there is no transfer {movement.transfer}", code="unknown_transfer")
        if (sent.sku, sent.to_node) != (movement.sku, movement.node):
            raise Conflict(
                f"the transfer brings {sent.sku} to {sent.to_node}", code="transfer_mismatch"
            )
        once = self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"movement#{movement.transfer}"),
                    "sk": dynamo.text("arrival"),
                    "arrival": dynamo.text(movement.id),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            Conflict("the transfer has arrived already", code="already_arrived"),
        )
        entry = arrival_entry(movement, sent, cause)
        return [entry], [once, *self.book([entry], lacking)]

    def _guard(self, movement: Movement, record: str) -> Write:
        return self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"movement#{movement.id}"),
                    "sk": dynamo.text("movement"),
                    "record": dynamo.text(record),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
        )

    def movement(self, movement_id: str) -> Movement | None:
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": dynamo.text(f"movement#{movement_id}"), "sk": dynamo.text("movement")},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return None if item is None else from_json(dynamo.read_text(item, "record"), Movement)

    def _balance(self, sku: str, node: str, counter: int = 0) -> Balance | None:
        item = self._item(sku, node, counter)
        return None if item is None else read_balance(item)

    def _item(self, sku: str, node: str, counter: int = 0) -> dict[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=balance_key(sku, node, counter), ConsistentRead=True
        )
        return answer.get("Item")

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError = ENTRY_TWICE) -> Write:
        return stock_writes.write(self._table, kind, request, refusal)


# What a step of an order does to (on_hand, reserved).
_SIGNS = {"reserve": (0, 1), "unreserve": (0, -1), "ship": (-1, -1)}


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each balance and id: what was held on several counters that were gathered is
    given back at home together."""
    merged: dict[tuple[str, str, int, str], Entry] = {}
    for entry in entries:
        key = (entry.sku, entry.node, entry.counter, entry.id)
        before = merged.get(key)
        merged[key] = (
            entry
            if before is None
            else replace(
                entry,
                on_hand=before.on_hand + entry.on_hand,
                reserved=before.reserved + entry.reserved,
                damaged=before.damaged + entry.damaged,
                quality_hold=before.quality_hold + entry.quality_hold,
            )
        )
    return list(merged.values())


def _order_entry(kind: str, need: Need, order_id: str, cause: Cause) -> Entry:
    on_hand, reserved = _SIGNS[kind]
    return Entry(
        id=f"{order_id}:{kind}",
        kind=kind,
        sku=need.sku,
        node=need.node,
        at=cause.at,
        by=cause.by,
        on_hand=on_hand * need.quantity,
        reserved=reserved * need.quantity,
        order_id=order_id,
        counter=need.counter,
    )


def _lacking(movement: Movement) -> Conflict:
    return Conflict(
        f"{movement.node} does not have {abs(movement.quantity)} of {movement.sku} to move",
        code="below_zero",
    )
