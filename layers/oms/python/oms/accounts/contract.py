"""The JSON of accounts. Amounts are decimal strings in the account's currency."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.accounts.codes import plain_code
from oms.accounts.model import (
    Account,
    AccountEntry,
    AccountEntryKind,
    AccountKind,
    AccountState,
    Invoice,
)
from oms.accounts.opening import Opened, Opening
from oms.accounts.store import AccountEntryPage, AccountPage, InvoicePage
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money
from oms.orders.contract import Amount, Currency, Document, Identifier, Moment, View

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Code = Annotated[str, StringConstraints(max_length=64)]
Reason = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Key = Annotated[
    Identifier,
    Field(description="Yours: the same request sent again under it changes nothing"),
]
SignedAmount = Annotated[
    str,
    StringConstraints(pattern=r"^-?\d{1,12}(\.\d{1,6})?$"),
    Field(description="A decimal string, below zero to take", examples=["-10.00"]),
]


class OpenAccountDocument(Document):
    """``amount`` is what is on it to begin with.

    gift_card: whoever has the code may pay with it; ``code`` is one that was printed before, left
    out one is made. store_credit: a ``customer`` has one in each currency; opened again it is the
    same. terms: the company is ``customer``, and ``customers`` may buy on its account up to
    ``credit_limit``; an invoice is due ``days_to_pay`` after it is raised.
    """

    key: Key
    kind: AccountKind
    currency: Currency
    amount: Amount = "0"
    customer: Annotated[str, StringConstraints(max_length=128)] = ""
    customers: Annotated[list[CustomerId], Field(max_length=40)] = Field(default_factory=list)
    expires_at: Moment | None = None
    code: Code | None = None
    credit_limit: Amount | None = None
    days_to_pay: Annotated[int, Field(ge=0, le=365)] | None = None
    reason: Reason = ""


class TermsDocument(Document):
    """All of them: who is not among ``customers`` buys on the account no more."""

    credit_limit: Amount
    currency: Currency
    days_to_pay: Annotated[int, Field(ge=0, le=365)]
    customers: Annotated[list[CustomerId], Field(max_length=40)] = Field(default_factory=list)


class TopUpDocument(Document):
    key: Key
    amount: Amount
    currency: Currency
    reason: Reason = ""


class AdjustmentDocument(Document):
    """A correction, or goodwill: ``reason`` says which."""

    key: Key
    amount: SignedAmount
    currency: Currency
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class WriteOffDocument(Document):
    key: Key
    reason: Reason = ""


class InvoicePaymentDocument(Document):
    """``key`` is the bank's reference. ``invoice`` is paid first, then those that are due first;
    what is over pays the next."""

    key: Key
    amount: Amount
    currency: Currency
    invoice: Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{8}-\d{6,9}$")] | None = None


class LookupDocument(Document):
    code: Code


class AccountView(View):
    """``available`` is what a new payment may take now. ``owed`` is of terms."""

    id: str
    kind: AccountKind
    state: AccountState
    currency: str
    customer: str
    customers: list[str]
    balance: str
    held: str
    available: str
    owed: str
    credit_limit: str
    days_to_pay: int
    expires_at: str | None
    expired: bool
    opened_at: str
    code: str | None = Field(
        default=None, description="Of a gift card, in the answer that issues it and nowhere else"
    )


class AccountPageView(View):
    accounts: list[AccountView]
    next_cursor: str | None


class AccountEntryView(View):
    """``amount`` moved the balance, ``held`` what is held; ``balance`` is what it led to."""

    key: str
    kind: AccountEntryKind
    amount: str
    held: str
    balance: str
    held_in_all: str
    currency: str
    at: str
    by: str
    reason: str
    order_id: str | None
    invoice: str | None


class AccountEntryPageView(View):
    entries: list[AccountEntryView]
    next_cursor: str | None


class BookedView(View):
    """``entry`` as it was made; ``account`` as it is now."""

    entry: AccountEntryView
    account: AccountView


class InvoiceView(View):
    number: str
    state: Literal["open", "overdue", "paid"]
    order_id: str
    amount: str
    open: str = Field(description="What is neither paid nor credited")
    currency: str
    raised_at: str
    due: str


class InvoicePageView(View):
    invoices: list[InvoiceView]
    next_cursor: str | None


def opening_of(document: OpenAccountDocument) -> Opening:
    """Raises ``Invalid`` with every fault."""
    faults = Faults()
    amount = _money("amount", document.amount, document.currency, faults)
    _check_kind(document, amount, faults)
    limit = _money("credit_limit", document.credit_limit or "0", document.currency, faults)
    if document.code is not None:
        _check_code(document.code, faults)
    faults.refuse("the account breaks a rule")
    return Opening(
        key=document.key,
        kind=document.kind,
        amount=amount,
        customer=document.customer,
        customers=tuple(document.customers),
        expires_at=document.expires_at.astimezone(UTC) if document.expires_at else None,
        credit_limit=limit if document.kind == "terms" else None,
        days_to_pay=document.days_to_pay or 0,
    )


def amount_of(amount: str, currency: str, *, positive: bool = True) -> Money:
    """Raises ``Invalid``: ``too_many_decimals``, ``amount_not_positive``, ``amount_zero``."""
    faults = Faults()
    money = _money("amount", amount, currency, faults)
    if not faults.found and positive and money.minor <= 0:
        faults.add("amount", "amount_not_positive", "the amount must be above zero")
    elif not faults.found and not money:
        faults.add("amount", "amount_zero", "an adjustment of nothing adjusts nothing")
    faults.refuse("the amount breaks a rule")
    return money


def limit_of(document: TermsDocument) -> Money:
    """Raises ``Invalid`` (``too_many_decimals``)."""
    faults = Faults()
    limit = _money("credit_limit", document.credit_limit, document.currency, faults)
    faults.refuse("the limit breaks a rule")
    return limit


def account_view(account: Account, now: datetime, code: str = "") -> AccountView:
    def text(minor: int) -> str:
        return str(Money(minor, account.currency))

    return AccountView(
        id=account.id,
        kind=account.kind,
        state=account.state,
        currency=account.currency,
        customer=account.customer,
        customers=list(account.customers),
        balance=text(account.balance),
        held=text(account.held),
        available=text(account.spendable(now)),
        owed=text(account.owed),
        credit_limit=text(account.credit_limit),
        days_to_pay=account.days_to_pay,
        expires_at=rfc3339(account.expires_at) if account.expires_at else None,
        expired=account.is_expired(now),
        opened_at=rfc3339(account.opened_at),
        code=code or None,
    )


def opened_view(opened: Opened, now: datetime) -> AccountView:
    return account_view(opened.account, now, opened.code)


def account_page_view(page: AccountPage, now: datetime) -> AccountPageView:
    return AccountPageView(
        accounts=[account_view(account, now) for account in page.accounts],
        next_cursor=page.cursor,
    )


def account_entry_view(entry: AccountEntry, currency: str) -> AccountEntryView:
    def text(minor: int) -> str:
        return str(Money(minor, currency))

    return AccountEntryView(
        key=entry.key,
        kind=entry.kind,
        amount=text(entry.amount),
        held=text(entry.held),
        balance=text(entry.balance),
        held_in_all=text(entry.held_in_all),
        currency=currency,
        at=rfc3339(entry.at),
        by=entry.by,
        reason=entry.reason,
        order_id=entry.order_id or None,
        invoice=entry.reference or None,
    )


def account_entry_page_view(page: AccountEntryPage, currency: str) -> AccountEntryPageView:
    return AccountEntryPageView(
        entries=[account_entry_view(entry, currency) for entry in page.entries],
        next_cursor=page.cursor,
    )


def invoice_page_view(page: InvoicePage, currency: str, today: date) -> InvoicePageView:
    return InvoicePageView(
        invoices=[_invoice_view(invoice, currency, today) for invoice in page.invoices],
        next_cursor=page.cursor,
    )


def _invoice_view(invoice: Invoice, currency: str, today: date) -> InvoiceView:
    state: Literal["open", "overdue", "paid"] = "open" if invoice.open else "paid"
    return InvoiceView(
        number=invoice.number,
        state="overdue" if invoice.is_overdue(today) else state,
        order_id=invoice.order_id,
        amount=str(Money(invoice.amount, currency)),
        open=str(Money(invoice.open, currency)),
        currency=currency,
        raised_at=rfc3339(invoice.raised_at),
        due=invoice.due.isoformat(),
    )


# What each kind must be opened with, and what it may not.
_NEEDED: dict[AccountKind, tuple[str, ...]] = {
    "gift_card": (),
    "store_credit": ("customer",),
    "terms": ("customer", "credit_limit", "days_to_pay"),
}
_FOREIGN: dict[AccountKind, tuple[str, ...]] = {
    "gift_card": ("customers", "credit_limit", "days_to_pay"),
    "store_credit": ("customers", "credit_limit", "days_to_pay", "code", "expires_at"),
    "terms": ("code", "expires_at"),
}


def _check_kind(document: OpenAccountDocument, amount: Money, faults: Faults) -> None:
    if document.kind == "gift_card" and not amount and not faults.found:
        faults.add("amount", "amount_not_positive", "a gift card has something on it")
    if document.kind == "terms" and amount:
        faults.add("amount", "not_of_this_kind", "terms has none: its limit is what may be owed")
    for name in _NEEDED[document.kind]:
        if getattr(document, name) in (None, ""):
            faults.add(name, "required", f"{document.kind} needs it")
    for name in _FOREIGN[document.kind]:
        if getattr(document, name) not in (None, []):
            faults.add(name, "not_of_this_kind", f"{document.kind} has none")


def _check_code(code: str, faults: Faults) -> None:
    try:
        plain_code(code)
    except Invalid as fault:
        faults.add("code", fault.problem_code, fault.detail)


def _money(path: str, amount: str, currency: str, faults: Faults) -> Money:
    try:
        return Money.parse(amount, currency)
    except Invalid as fault:
        faults.add(path, fault.problem_code, fault.detail)
        return Money.zero(currency)
