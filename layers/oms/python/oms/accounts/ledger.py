"""What is done to an account, once for each key: the entry is written with the balance it leads to.

A key that is known answers as it did before; known for something else, it is refused with
``content_differs``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oms.accounts import decisions
from oms.accounts.decisions import Asked, Change
from oms.accounts.model import Account, AccountEntry, AccountState, Hold, Invoice
from oms.accounts.store import Accounts
from oms.kernel.errors import Conflict, Invalid, NotFound, StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.money import Money

# An account has a version, and of those who change it at once one does: with each round the
# others are fewer.
ATTEMPTS = 30

Decide = Callable[[Account], Change]


@dataclass(frozen=True, slots=True)
class Booked:
    """``created`` is false when it had been booked before."""

    entry: AccountEntry
    created: bool


def find_account(account_id: str, accounts: Accounts) -> Account:
    account = accounts.find(account_id)
    if account is None:
        raise NotFound("there is no such account", code="unknown_account")
    return account


def find_terms(account_id: str, accounts: Accounts) -> Account:
    account = find_account(account_id, accounts)
    decisions.refuse_unless_terms(account)
    return account


def put_once(account_id: str, asked: Asked, accounts: Accounts, cause: Cause) -> Booked:
    """``issue``, ``top_up``, or ``give_back`` as credit of no payment."""
    decide = decisions.credit if asked.kind == "give_back" else decisions.put_in
    return book(account_id, asked, lambda account: decide(account, asked, cause), accounts)


def top_up(account_id: str, amount: Money, key: str, accounts: Accounts, cause: Cause) -> Booked:
    _refuse_currency(account_id, amount, accounts)
    return put_once(account_id, Asked(key, "top_up", amount.minor), accounts, cause)


def adjust(account_id: str, amount: Money, key: str, accounts: Accounts, cause: Cause) -> Booked:
    _refuse_currency(account_id, amount, accounts)
    asked = Asked(key, "adjust", amount.minor)
    return book(account_id, asked, lambda found: decisions.adjust(found, asked, cause), accounts)


def write_off_expired(account_id: str, key: str, accounts: Accounts, cause: Cause) -> Booked:
    asked = Asked(key, "expire")
    return book(
        account_id, asked, lambda found: decisions.write_off_expired(found, asked, cause), accounts
    )


def hold(
    account_id: str, hold_id: str, amount: int, order_id: str, accounts: Accounts, cause: Cause
) -> Booked:
    """``hold_id`` is its key too: the idempotency key of the authorisation."""
    asked = Asked(hold_id, "hold", amount, hold_id)
    return book(
        account_id, asked, lambda found: decisions.hold(found, asked, order_id, cause), accounts
    )


def spend(
    account_id: str, hold_id: str, amount: int, key: str, accounts: Accounts, cause: Cause
) -> Booked:
    terms = find_account(account_id, accounts).kind == "terms"
    asked = Asked(key, "invoice" if terms else "spend", amount, hold_id)

    def decide(account: Account) -> Change:
        return decisions.spend(account, _hold(account, hold_id, accounts), asked, cause)

    return book(account_id, asked, decide, accounts)


def release(account_id: str, hold_id: str, key: str, accounts: Accounts, cause: Cause) -> Booked:
    asked = Asked(key, "release", of=hold_id)

    def decide(account: Account) -> Change:
        return decisions.release(account, _hold(account, hold_id, accounts), asked, cause)

    return book(account_id, asked, decide, accounts)


def give_back(
    account_id: str, hold_id: str, amount: int, key: str, accounts: Accounts, cause: Cause
) -> Booked:
    asked = Asked(key, "give_back", amount, hold_id)

    def decide(account: Account) -> Change:
        held = _hold(account, hold_id, accounts)
        invoices = _first(held.invoices, account, accounts) if account.kind == "terms" else []
        return decisions.give_back(account, held, invoices, asked, cause)

    return book(account_id, asked, decide, accounts)


def pay_invoices(
    account_id: str, amount: Money, key: str, number: str, accounts: Accounts, cause: Cause
) -> Booked:
    """``number`` names the invoice that is paid first; without it, and after it, those that are due
    first are. Raises ``NotFound`` (``unknown_invoice``)."""
    _refuse_currency(account_id, amount, accounts)
    asked = Asked(key, "pay_invoice", amount.minor, number)

    def decide(account: Account) -> Change:
        decisions.refuse_unless_terms(account)
        invoices = _first((number,) if number else (), account, accounts)
        return decisions.pay_invoices(account, invoices, asked, cause)

    return book(account_id, asked, decide, accounts)


def change_state(account_id: str, state: AccountState, accounts: Accounts, cause: Cause) -> Account:
    return _change(account_id, lambda found: decisions.change_state(found, state, cause), accounts)


def change_terms(
    account_id: str,
    credit_limit: Money,
    days_to_pay: int,
    customers: tuple[str, ...],
    accounts: Accounts,
    cause: Cause,
) -> Account:
    _refuse_currency(account_id, credit_limit, accounts)
    return _change(
        account_id,
        lambda found: decisions.change_terms(
            found, credit_limit.minor, days_to_pay, customers, cause
        ),
        accounts,
    )


def _change(
    account_id: str, decide: Callable[[Account], Change | None], accounts: Accounts
) -> Account:
    """Of what the account is, which needs no key: the same again changes nothing."""
    for _ in range(ATTEMPTS):
        account = find_account(account_id, accounts)
        change = decide(account)
        if change is None:
            return account
        try:
            accounts.commit(account, change)
        except (VersionConflict, StockContended):
            continue
        return change.account
    raise _contended()


def book(account_id: str, asked: Asked, decide: Decide, accounts: Accounts) -> Booked:
    """Once for each key. The account is read before what belongs to it, whose changes its version
    guards; a lost race is decided again on what the winner left."""
    for _ in range(ATTEMPTS):
        before = accounts.done(account_id, asked.key)
        if before is not None:
            return Booked(_the_same(before, asked), created=False)
        account = find_account(account_id, accounts)
        change = decide(account)
        assert change.entry is not None
        try:
            accounts.commit(account, change)
        except (VersionConflict, StockContended):
            continue
        return Booked(change.entry, created=True)
    raise _contended()


def _the_same(before: AccountEntry, asked: Asked) -> AccountEntry:
    if before.asked != asked.text:
        raise Conflict("this key was used for something else", code="content_differs")
    return before


def _contended() -> VersionConflict:
    return VersionConflict("the account was changed at the same moment, too often")


def _hold(account: Account, hold_id: str, accounts: Accounts) -> Hold:
    held = accounts.hold(account.id, hold_id)
    if held is None:
        raise NotFound("the account holds nothing for this payment", code="unknown_hold")
    return held


def _first(numbers: Sequence[str], account: Account, accounts: Accounts) -> list[Invoice]:
    """Invoices of these numbers, then the others that are open, those due first."""
    first = accounts.numbered(account.id, numbers)
    if len(first) < len(numbers):
        raise NotFound("the account has no such invoice", code="unknown_invoice")
    others = accounts.open_invoices(account.id, decisions.MOST_INVOICES)
    return [*first, *(one for one in others if one.number not in numbers)]


def _refuse_currency(account_id: str, amount: Money, accounts: Accounts) -> None:
    account = find_account(account_id, accounts)
    if account.currency != amount.currency:
        raise Invalid(
            f"the account is in {account.currency}, not in {amount.currency}",
            code="wrong_currency",
            context={"currency": account.currency},
        )
