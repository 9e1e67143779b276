"""An account is opened once, by what is asked for: two who ask at once open one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from oms.accounts.codes import RANDOM_BYTES, code_digest, new_code
from oms.accounts.decisions import Asked, Change
from oms.accounts.ids import opened_id, store_credit_id
from oms.accounts.ledger import find_account, put_once
from oms.accounts.model import Account, AccountEntry, AccountKind
from oms.accounts.store import Accounts
from oms.kernel.encoding import to_json
from oms.kernel.errors import Conflict, Fault, Invalid
from oms.kernel.events import Cause
from oms.kernel.money import Money

_DRAWS = 5


@dataclass(frozen=True, slots=True)
class Opening:
    """``key`` is the caller's: the same opening again changes nothing. ``amount`` is what is on it
    to begin with; of terms zero."""

    key: str
    kind: AccountKind
    amount: Money
    customer: str = ""
    customers: tuple[str, ...] = ()
    expires_at: datetime | None = None
    credit_limit: Money | None = None
    days_to_pay: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """``code`` is a gift card's, and empty when it was issued before: it is given once."""

    account: Account
    created: bool
    code: str = ""


@dataclass(frozen=True, slots=True)
class CodeSource:
    """``random`` draws that many random bytes; ``secret`` is what digests are made with. ``given``
    is a code that was printed before; without it one is drawn."""

    secret: Callable[[], str]
    random: Callable[[int], bytes]
    given: str = ""


def issue_gift_card(opening: Opening, code: CodeSource, accounts: Accounts, cause: Cause) -> Opened:
    """Raises ``Conflict``: ``content_differs`` when the key was used for something else,
    ``code_taken``; ``Invalid``: ``in_the_past``, and what ``plain_code`` refuses."""
    account_id = opened_id(opening.kind, opening.key)
    plain = code.given or _drawn(code.random)
    digest = code_digest(code.secret(), plain)
    change = _opening(account_id, opening, digest if code.given else "", cause)
    if before := _opened_before(change.account, accounts):
        return before
    _refuse_past(opening, cause.at)
    if accounts.open(change, digest):
        return Opened(change.account, created=True, code=plain)
    return _opened_before(change.account, accounts) or _gone(account_id)


def open_terms(opening: Opening, accounts: Accounts, cause: Cause) -> Opened:
    """Raises ``Conflict`` (``content_differs``)."""
    account_id = opened_id(opening.kind, opening.key)
    change = _opening(account_id, opening, "", cause)
    if accounts.open(change):
        return Opened(change.account, created=True)
    return _opened_before(change.account, accounts) or _gone(account_id)


def open_store_credit(opening: Opening, accounts: Accounts, cause: Cause) -> Opened:
    """The customer's account of that currency; the amount is put on it once for each key. Raises
    ``Conflict``: ``content_differs``, and as ``oms.accounts.decisions.put_in``."""
    account, created = _store_credit(opening.customer, opening.amount.currency, accounts, cause)
    if not opening.amount:
        return Opened(account, created)
    before = accounts.done(account.id, opening.key)
    asked = Asked(opening.key, "issue", opening.amount.minor)
    put_once(account.id, asked, accounts, cause)
    return Opened(find_account(account.id, accounts), created=created or before is None)


@dataclass(frozen=True, slots=True)
class Credited:
    """Where it was put, and the entry that did."""

    account_id: str
    entry: AccountEntry


def credit(
    account_id: str, customer: str, amount: Money, key: str, accounts: Accounts, cause: Cause
) -> Credited:
    """Give a customer store credit, as a refund to it does: on the account that is named, else on
    the customer's own of that currency, which is opened when there is none. The same key again
    changes nothing.

    Raises ``Conflict`` (``content_differs``, ``account_closed``, ``not_prepaid``), ``Invalid``
    (``wrong_currency``, ``customer_needed``, ``not_the_customers_account``).
    """
    target = _credited(account_id, customer, amount.currency, accounts, cause)
    asked = Asked(key, "give_back", amount.minor)
    return Credited(target.id, put_once(target.id, asked, accounts, cause).entry)


def _credited(
    account_id: str, customer: str, currency: str, accounts: Accounts, cause: Cause
) -> Account:
    if not account_id:
        if not customer:
            raise Invalid("store credit is a customer's: name one", code="customer_needed")
        return _store_credit(customer, currency, accounts, cause)[0]
    account = find_account(account_id, accounts)
    if account.currency != currency:
        raise Invalid(
            f"the account is in {account.currency}",
            code="wrong_currency",
            context={"currency": account.currency},
        )
    if customer and not account.may_be_used_by(customer):
        raise Invalid("the account is somebody else's", code="not_the_customers_account")
    return account


def _store_credit(
    customer: str, currency: str, accounts: Accounts, cause: Cause
) -> tuple[Account, bool]:
    account_id = store_credit_id(customer, currency)
    found = accounts.find(account_id)
    if found is not None:
        return found, False
    account = Account(
        account_id, "store_credit", currency, cause.at, "store_credit", customer=customer
    )
    created = accounts.open(Change(account))
    return find_account(account_id, accounts), created


def _opening(account_id: str, opening: Opening, code_digest: str, cause: Cause) -> Change:
    limit = opening.credit_limit.minor if opening.credit_limit else 0
    account = Account(
        id=account_id,
        kind=opening.kind,
        currency=opening.amount.currency,
        opened_at=cause.at,
        asked=_asked(opening, code_digest),
        customer=opening.customer,
        customers=opening.customers,
        expires_at=opening.expires_at,
        credit_limit=limit,
        days_to_pay=opening.days_to_pay,
    )
    if not opening.amount:
        return Change(account)
    minor = opening.amount.minor
    asked = Asked(opening.key, "issue", minor)
    entry = AccountEntry(
        key=asked.key,
        kind=asked.kind,
        asked=asked.text,
        at=cause.at,
        by=cause.by,
        balance=minor,
        held_in_all=0,
        amount=minor,
        reason=cause.reason,
    )
    return Change(replace(account, balance=minor), entry)


def _asked(opening: Opening, code_digest: str) -> str:
    return hashlib.sha256(f"{to_json(opening)}{code_digest}".encode()).hexdigest()


def _opened_before(wanted: Account, accounts: Accounts) -> Opened | None:
    found = accounts.find(wanted.id)
    if found is None:
        return None
    if found.asked != wanted.asked:
        raise Conflict(
            "this key was used to open another account",
            code="content_differs",
            context={"account_id": found.id},
        )
    return Opened(found, created=False)


def _drawn(random: Callable[[int], bytes]) -> str:
    for _ in range(_DRAWS):
        try:
            return new_code(random(RANDOM_BYTES))
        except ValueError:
            continue
    raise AssertionError("what is drawn is not random")


def _refuse_past(opening: Opening, now: datetime) -> None:
    if opening.expires_at is not None and opening.expires_at <= now:
        fault = Fault("expires_at", "in_the_past", "it would have expired already")
        raise Invalid(fault.message, code=fault.code, faults=(fault,))


def _gone(account_id: str) -> Opened:
    raise AssertionError(f"{account_id} is there and is not")
