"""What is handed in at a counter and no order is known of: taken back for store credit.

An item has no price of its own, so whoever stands at the counter says what it is worth; a policy
bounds what a customer gets so in 30 days. The goods, the credit and what is left of the bound are
written together, once for the sender's key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from oms.accounts import decisions as accounts_decisions
from oms.accounts.decisions import Asked as AskedOfAccount
from oms.accounts.ledger import find_account
from oms.accounts.opening import Opening, open_store_credit
from oms.accounts.store import Accounts
from oms.catalog.model import Item
from oms.inventory.model import Entry
from oms.kernel.errors import Conflict, Faults, StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.ids import unreceipted_return_id
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.returns.model import Disposition
from oms.returns.policy import ReturnPolicy, amount_in
from oms.returns.receiving import booked, entry_of
from oms.returns.store import ReturnDesk

PERIOD = timedelta(days=30)
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class HandedIn:
    """Units of an item in its scale, what becomes of them, and what is given for all of them."""

    sku: str
    quantity: int
    disposition: Disposition
    amount: int


@dataclass(frozen=True, slots=True)
class UnreceiptedReturn:
    """``asked`` tells another request under the same key from this one; ``account`` has the store
    credit."""

    id: str
    node: str
    customer: str
    currency: str
    items: tuple[HandedIn, ...]
    account: str
    at: datetime
    by: str
    reason: str = ""
    channel: str = ""
    policy: str = ""
    policy_version: int = 0
    asked: str = ""

    @property
    def amount(self) -> int:
        return sum(item.amount for item in self.items)


@dataclass(frozen=True, slots=True)
class Given:
    """Store credit that a customer was given for what no order is known of."""

    return_id: str
    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Lately:
    """What a customer was given in a currency in the last 30 days; ``version`` counts changes."""

    customer: str
    currency: str
    given: tuple[Given, ...] = ()
    version: int = 0

    def total(self, now: datetime) -> int:
        return sum(one.amount for one in self.given if one.at > now - PERIOD)


class UnreceiptedReturns(Protocol):
    def find(self, return_id: str) -> UnreceiptedReturn | None: ...

    def lately(self, customer: str, currency: str) -> Lately: ...

    def adding(self, before: Lately, made: UnreceiptedReturn) -> list[Write]:
        """Writes that keep the return and what was given for it; refused with ``Conflict``
        (``entry_exists``) when it is there, ``VersionConflict`` when more was given meanwhile."""


@dataclass(frozen=True, slots=True)
class AskedWithoutReceipt:
    """``key`` names it once; ``digest`` is of what was asked for."""

    key: str
    digest: str
    node: str
    customer: str
    currency: str
    items: tuple[HandedIn, ...]
    reason: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    made: UnreceiptedReturn
    created: bool


@dataclass(frozen=True, slots=True)
class CreditDesk:
    desk: ReturnDesk
    accounts: Accounts
    returns: UnreceiptedReturns


def check_items(skus: Sequence[str], known: Mapping[str, Item], faults: Faults) -> None:
    for index, sku in enumerate(skus):
        item = known.get(sku)
        if item is None:
            faults.add(f"items.{index}.sku", "unknown_sku", f"{sku!r} is not in the catalogue")
        elif item.components:
            faults.add(f"items.{index}.sku", "bundle_has_no_stock", f"{sku!r} is a bundle")
        if sku in skus[:index]:
            faults.add(f"items.{index}.sku", "line_twice", f"{sku} is named already")


def take(asked: AskedWithoutReceipt, at: CreditDesk, cause: Cause) -> Taken:
    """The same again changes nothing. Raises ``Conflict`` (``content_differs``, ``not_returnable``;
    ``receipt_needed`` and ``above_limit`` with what is ``left``; ``account_closed``) and
    ``VersionConflict``."""
    return_id = unreceipted_return_id(asked.key)
    for attempt in range(1, _ATTEMPTS + 1):
        before = at.returns.find(return_id)
        if before is not None:
            return Taken(_the_same(before, asked), created=False)
        try:
            return Taken(_take(return_id, asked, at, cause), created=True)
        except (VersionConflict, StockContended):
            if attempt == _ATTEMPTS:
                raise
        except Conflict as refused:
            if refused.problem_code != "entry_exists" or attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _take(
    return_id: str, asked: AskedWithoutReceipt, at: CreditDesk, cause: Cause
) -> UnreceiptedReturn:
    policy = at.desk.policies.for_channel(asked.channel)
    lately = at.returns.lately(asked.customer, asked.currency)
    amount = Money(sum(item.amount for item in asked.items), asked.currency)
    _refuse_kinds(asked, policy, at.desk)
    _refuse_above(amount, policy, lately, cause.at)
    credited, writes = _credit(return_id, asked.customer, amount, at.accounts, cause)
    made = UnreceiptedReturn(
        return_id,
        asked.node,
        asked.customer,
        asked.currency,
        asked.items,
        credited,
        cause.at,
        cause.by,
        asked.reason,
        asked.channel,
        policy.id,
        policy.version,
        asked.digest,
    )
    entries = _entries(made, policy, cause)
    at.desk.stock.transact(
        [*at.returns.adding(lately, made), *writes, *booked(entries, at.desk.stock, cause)]
    )
    return made


def _credit(
    return_id: str, customer: str, amount: Money, accounts: Accounts, cause: Cause
) -> tuple[str, list[Write]]:
    """The customer's account, and the writes that put the amount on it."""
    opening = Opening(return_id, "store_credit", Money.zero(amount.currency), customer)
    account = find_account(open_store_credit(opening, accounts, cause).account.id, accounts)
    if not amount:
        return account.id, []
    asked = AskedOfAccount(return_id, "give_back", amount.minor)
    change = accounts_decisions.credit(account, asked, cause)
    return account.id, accounts.committing(account, change)


def _refuse_kinds(asked: AskedWithoutReceipt, policy: ReturnPolicy, desk: ReturnDesk) -> None:
    items = desk.catalog.items({item.sku for item in asked.items})
    kept = sorted(
        sku
        for sku, item in items.items()
        if sku in policy.non_returnable_skus or {*item.tags} & {*policy.non_returnable_tags}
    )
    if kept:
        raise Conflict(
            f"{', '.join(kept)} cannot be returned",
            code="not_returnable",
            context={"skus": kept, "policy": policy.id},
        )


def _refuse_above(amount: Money, policy: ReturnPolicy, lately: Lately, now: datetime) -> None:
    most = amount_in(amount.currency, policy.without_receipt)
    if most is None:
        raise Conflict(
            "without a receipt nothing is given",
            code="receipt_needed",
            context={"left": "0", "currency": amount.currency, "policy": policy.id},
        )
    left = Money(max(0, most.minor - lately.total(now)), amount.currency)
    if amount > left:
        raise Conflict(
            f"within 30 days the customer may have {left} {left.currency} more",
            code="above_limit",
            context={"left": str(left), "currency": left.currency},
        )


def _entries(made: UnreceiptedReturn, policy: ReturnPolicy, cause: Cause) -> list[Entry]:
    return [
        entry_of(
            made.id,
            item.sku,
            made.node,
            item.disposition,
            item.quantity,
            policy.restocks,
            cause,
        )
        for item in made.items
    ]


def _the_same(before: UnreceiptedReturn, asked: AskedWithoutReceipt) -> UnreceiptedReturn:
    if before.asked != asked.digest:
        raise Conflict("this key was used for another return", code="content_differs")
    return before
