"""Accounts in DynamoDB, in a table of their own.

======================  ======================  ===============================================
pk                      sk                      what
======================  ======================  ===============================================
account id              ``account``             the account: its balance, what it holds, a version
account id              ``key#<key>``           under which sort key the entry of a key is
account id              ``entry#<version>``     the entry that led to that version, for good
account id              ``hold#<id>``           what one payment may take
account id              ``invoice#<number>``    an invoice
account id              ``open#<due>#<number>`` that it is open
``code#<digest>``       ``code``                the gift card whose code has the digest
``customer#<id>``       account id              that the customer may use the account
``guesses#<who>``       ``<window>``            how many codes were tried, till ``forget_at``
======================  ======================  ===============================================

Whatever changes an account is one transaction on the condition of its version, so that holds and
invoices, which only such a transaction writes, need none of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.accounts.decisions import Change
from oms.accounts.model import Account, AccountEntry, Hold, Invoice
from oms.accounts.store import AccountEntryPage, AccountPage, InvoicePage
from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, OmsError, VersionConflict
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCOUNT = "account"
ENTRY = "entry#"
HOLD = "hold#"
INVOICE = "invoice#"

WINDOW = timedelta(minutes=15)

_OPEN = "open#"
_LARGEST_PAGE = 100
_CHANGED = VersionConflict("the account was changed at the same moment")
_NEW = "attribute_not_exists(pk)"


class _Exists(OmsError):
    """An account has the id already."""


class AccountStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, account_id: str) -> Account | None:
        item = self._get(account_id, ACCOUNT)
        return None if item is None else read_account(item)

    def by_code(self, digest: str) -> str:
        return dynamo.read_text(self._get(f"code#{digest}", "code") or {}, "account")

    def open(self, change: Change, code_digest: str = "") -> bool:
        account = change.account
        writes = [
            self._put(_account_item(account), _NEW, _Exists()),
            *self._entry(change),
            *self._listings(None, account),
        ]
        if code_digest:
            code = {**_key(f"code#{code_digest}", "code"), "account": dynamo.text(account.id)}
            taken = Conflict("another gift card has this code", code="code_taken")
            writes.append(self._put(code, _NEW, taken))
        try:
            dynamo.transact(self._client, writes)
        except _Exists:
            return False
        return True

    def done(self, account_id: str, key: str) -> AccountEntry | None:
        guard = self._get(account_id, f"key#{key}")
        if guard is None:
            return None
        item = self._get(account_id, dynamo.read_text(guard, "entry"))
        assert item is not None
        return read_entry(item)

    def hold(self, account_id: str, hold_id: str) -> Hold | None:
        item = self._get(account_id, f"{HOLD}{hold_id}")
        return None if item is None else read_hold(item)

    def numbered(self, account_id: str, numbers: Sequence[str]) -> Sequence[Invoice]:
        keys = [_key(account_id, f"{INVOICE}{number}") for number in numbers]
        found = map(read_invoice, dynamo.read_batch(self._client, self._table, keys))
        by_number = {invoice.number: invoice for invoice in found}
        return [by_number[number] for number in numbers if number in by_number]

    def open_invoices(self, account_id: str, limit: int) -> Sequence[Invoice]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :account AND begins_with(sk, :open)",
            ExpressionAttributeValues={
                ":account": dynamo.text(account_id),
                ":open": dynamo.text(_OPEN),
            },
            Limit=limit,
            ConsistentRead=True,
        )
        return self._listed(account_id, answer["Items"])

    def commit(self, before: Account, change: Change) -> None:
        dynamo.transact(self._client, self.committing(before, change))

    def committing(self, before: Account, change: Change) -> list[Write]:
        account_id = before.id
        writes = [
            self._put(
                _account_item(change.account),
                "version = :before",
                values={":before": dynamo.number(before.version)},
            ),
            *self._entry(change),
        ]
        if change.hold is not None:
            writes.append(
                self._put(_document_item(account_id, f"{HOLD}{change.hold.id}", change.hold))
            )
        for invoice in change.invoices:
            writes += self._invoice(account_id, invoice)
        return [*writes, *self._listings(before, change.account)]

    def of_customer(self, customer: str, limit: int, cursor: str | None) -> AccountPage:
        answer = self._page(
            {
                "KeyConditionExpression": "pk = :list",
                "ExpressionAttributeValues": {":list": dynamo.text(f"customer#{customer}")},
            },
            f"customer#{customer}",
            limit,
            cursor,
        )
        ids = [dynamo.read_text(item, "sk") for item in answer["Items"]]
        found = dynamo.read_batch(self._client, self._table, [_key(one, ACCOUNT) for one in ids])
        accounts = {account.id: account for account in map(read_account, found)}
        return AccountPage(tuple(accounts[one] for one in ids), _cursor(answer))

    def entries(self, account_id: str, limit: int, cursor: str | None) -> AccountEntryPage:
        answer = self._page(
            {
                "KeyConditionExpression": "pk = :account AND begins_with(sk, :entry)",
                "ExpressionAttributeValues": {
                    ":account": dynamo.text(account_id),
                    ":entry": dynamo.text(ENTRY),
                },
                "ScanIndexForward": False,
            },
            account_id,
            limit,
            cursor,
        )
        return AccountEntryPage(tuple(map(read_entry, answer["Items"])), _cursor(answer))

    def invoices(
        self,
        account_id: str,
        due_before: date | None,
        open_only: bool,
        limit: int,
        cursor: str | None,
    ) -> InvoicePage:
        """What is due on the day itself sorts after the day alone: it is in time."""
        values = {":account": dynamo.text(account_id)}
        if due_before is not None:
            values |= {":from": dynamo.text(_OPEN), ":to": dynamo.text(f"{_OPEN}{due_before}")}
            condition = "pk = :account AND sk BETWEEN :from AND :to"
        else:
            values[":of"] = dynamo.text(_OPEN if open_only else INVOICE)
            condition = "pk = :account AND begins_with(sk, :of)"
        answer = self._page(
            {"KeyConditionExpression": condition, "ExpressionAttributeValues": values},
            account_id,
            limit,
            cursor,
        )
        items = answer["Items"]
        if due_before is None and not open_only:
            return InvoicePage(tuple(map(read_invoice, items)), _cursor(answer))
        return InvoicePage(tuple(self._listed(account_id, items)), _cursor(answer))

    def count_guess(self, who: str, most: int, now: datetime) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_guesses_key(who, now),
                UpdateExpression="ADD guesses :one SET forget_at = :end",
                ConditionExpression="attribute_not_exists(guesses) OR guesses < :most",
                ExpressionAttributeValues={
                    ":one": dynamo.number(1),
                    ":most": dynamo.number(most),
                    ":end": dynamo.number(int((now + 2 * WINDOW).timestamp())),
                },
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            return False
        return True

    def forgive_guess(self, who: str, now: datetime) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_guesses_key(who, now),
            UpdateExpression="ADD guesses :less",
            ExpressionAttributeValues={":less": dynamo.number(-1)},
        )

    def _listings(self, before: Account | None, after: Account) -> list[Write]:
        """Of whoever may use it."""
        was, is_now = _users(before), _users(after)
        return [
            *(self._put(_key(f"customer#{one}", after.id)) for one in sorted(is_now - was)),
            *(self._delete(_key(f"customer#{one}", after.id)) for one in sorted(was - is_now)),
        ]

    def _entry(self, change: Change) -> list[Write]:
        """Both with the guard of its key, whose refusal is that of a lost race: who asked looks
        again and finds it."""
        entry = change.entry
        if entry is None:
            return []
        account_id, at = change.account.id, f"{ENTRY}{change.account.version:012d}"
        guard = {**_key(account_id, f"key#{entry.key}"), "entry": dynamo.text(at)}
        return [self._put(guard, _NEW), self._put(_document_item(account_id, at, entry))]

    def _invoice(self, account_id: str, invoice: Invoice) -> list[Write]:
        key = _key(account_id, f"{_OPEN}{invoice.due}#{invoice.number}")
        return [
            self._put(_document_item(account_id, f"{INVOICE}{invoice.number}", invoice)),
            self._put(key) if invoice.open else self._delete(key),
        ]

    def _listed(self, account_id: str, items: Sequence[Any]) -> Sequence[Invoice]:
        """Of the items that say that they are open."""
        numbers = [dynamo.read_text(item, "sk").rpartition("#")[2] for item in items]
        return self.numbered(account_id, numbers)

    def _page(
        self, query: dict[str, Any], partition: str, limit: int, cursor: str | None
    ) -> Mapping[str, Any]:
        request = {"TableName": self._table, "Limit": min(limit, _LARGEST_PAGE), **query}
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        return self._client.query(**request)

    def _get(self, partition: str, sort: str) -> Mapping[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_key(partition, sort), ConsistentRead=True
        )
        return answer.get("Item")

    def _put(
        self,
        item: dynamo.Item,
        condition: str = "",
        refusal: OmsError = _CHANGED,
        values: Mapping[str, Any] | None = None,
    ) -> Write:
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = values
        return Write({"Put": request}, refusal)

    def _delete(self, key: dynamo.Item) -> Write:
        return Write({"Delete": {"TableName": self._table, "Key": key}}, _CHANGED)


def _users(account: Account | None) -> set[str]:
    return {account.customer, *account.customers} - {""} if account else set()


def read_account(item: Mapping[str, Any]) -> Account:
    return from_json(dynamo.read_text(item, "document"), Account)


def read_entry(item: Mapping[str, Any]) -> AccountEntry:
    return from_json(dynamo.read_text(item, "document"), AccountEntry)


def read_hold(item: Mapping[str, Any]) -> Hold:
    return from_json(dynamo.read_text(item, "document"), Hold)


def read_invoice(item: Mapping[str, Any]) -> Invoice:
    return from_json(dynamo.read_text(item, "document"), Invoice)


def _account_item(account: Account) -> dynamo.Item:
    return {
        **_document_item(account.id, ACCOUNT, account),
        "version": dynamo.number(account.version),
    }


def _document_item(account_id: str, sort: str, document: object) -> dynamo.Item:
    return {**_key(account_id, sort), "document": dynamo.text(to_json(document))}


def _guesses_key(who: str, now: datetime) -> dynamo.Item:
    seconds = int(WINDOW.total_seconds())
    window = int(now.timestamp()) // seconds
    return _key(f"guesses#{who}", str(window))


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}


def _cursor(answer: Mapping[str, Any]) -> str | None:
    return dynamo.encode_cursor(answer.get("LastEvaluatedKey"))
