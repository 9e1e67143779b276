"""Gift cards, store credit and accounts on terms over HTTP.

Environment: ``ACCOUNTS_TABLE``, ``GIFT_CARD_SECRET`` (the name of the secret that the digests of
codes are made with).
"""

import secrets as randomness
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from oms.accounts import ledger, opening
from oms.accounts.contract import (
    AccountEntryPageView,
    AccountPageView,
    AccountView,
    AdjustmentDocument,
    BookedView,
    InvoicePageView,
    InvoicePaymentDocument,
    LookupDocument,
    OpenAccountDocument,
    TermsDocument,
    TopUpDocument,
    WriteOffDocument,
    account_entry_page_view,
    account_entry_view,
    account_page_view,
    account_view,
    amount_of,
    invoice_page_view,
    limit_of,
    opened_view,
    opening_of,
)
from oms.accounts.ledger import Booked, find_account
from oms.accounts.lookup import find_gift_card
from oms.accounts.model import AccountState
from oms.accounts.opening import CodeSource, Opened
from oms.aws import stores
from oms.aws.gift_cards import digest, secret
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

app = resolver()

AccountId = Annotated[str, Path(pattern=r"^acc_[a-z2-7]{26}$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str, Query(description="next_cursor of the page before")]

_ACCOUNT: dict[str, Any] = {"application/json": {"model": AccountView}}
_BOOKED: dict[str, Any] = {"application/json": {"model": BookedView}}
_REFUSALS = refusals(400, 401, 403, 404, 409, 415, 422, 503)
_BOOKINGS = {
    200: {"description": "Booked before", "content": _BOOKED},
    201: {"description": "Booked", "content": _BOOKED},
    **_REFUSALS,
}
_STATE = {200: {"description": "The account as it is now"}, **_REFUSALS}


@app.post(
    "/v1/accounts",
    summary="Issue a gift card, or open store credit or an account on terms",
    description="Under a key of yours: again with the same content 200 and the same account, with"
    " another 409. A gift card's code is in the first answer only: nobody can read it later.",
    tags=["accounts"],
    responses={
        200: {"description": "Opened before", "content": _ACCOUNT},
        201: {"description": "Opened", "content": _ACCOUNT},
        **refusals(400, 401, 403, 409, 415, 422, 503),
    },
)
def open_account(document: Annotated[OpenAccountDocument, Body()]) -> Any:
    wanted, cause, accounts = opening_of(document), _cause(document.reason), stores.accounts()
    if wanted.kind == "gift_card":
        source = CodeSource(secret, randomness.token_bytes, document.code or "")
        opened = opening.issue_gift_card(wanted, source, accounts, cause)
    elif wanted.kind == "terms":
        opened = opening.open_terms(wanted, accounts, cause)
    else:
        opened = opening.open_store_credit(wanted, accounts, cause)
    return _opened(opened, cause)


@app.get(
    "/v1/accounts",
    summary="The accounts that a customer may use",
    tags=["accounts"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_accounts(
    customer: Annotated[str, Query(min_length=1, max_length=128)],
    limit: Limit = 25,
    cursor: Cursor = "",
) -> AccountPageView:
    page = stores.accounts().of_customer(customer, limit, cursor or None)
    return account_page_view(page, utc_now())


@app.get(
    "/v1/accounts/<account_id>",
    summary="Read an account: its balance, what is held, what is available",
    tags=["accounts"],
    responses={200: {"description": "The account"}, **refusals(401, 403, 404, 422)},
)
def read_account(account_id: AccountId) -> AccountView:
    return account_view(find_account(account_id, stores.accounts()), utc_now())


@app.get(
    "/v1/accounts/<account_id>/entries",
    summary="The ledger of an account, newest first",
    tags=["accounts"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 422)},
)
def list_entries(
    account_id: AccountId, limit: Limit = 25, cursor: Cursor = ""
) -> AccountEntryPageView:
    account = find_account(account_id, stores.accounts())
    page = stores.accounts().entries(account.id, limit, cursor or None)
    return account_entry_page_view(page, account.currency)


@app.get(
    "/v1/accounts/<account_id>/invoices",
    summary="The invoices of an account on terms",
    description="By number; those that are `open` or `overdue` by the day they are due on.",
    tags=["accounts"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 409, 422)},
)
def list_invoices(
    account_id: AccountId,
    state: Annotated[Literal["open", "overdue"] | None, Query()] = None,
    limit: Limit = 25,
    cursor: Cursor = "",
) -> InvoicePageView:
    account = ledger.find_terms(account_id, stores.accounts())
    today = utc_now().date()
    due_before = today if state == "overdue" else None
    page = stores.accounts().invoices(
        account.id, due_before, state is not None, limit, cursor or None
    )
    return invoice_page_view(page, account.currency, today)


@app.put(
    "/v1/accounts/<account_id>/terms",
    summary="Change a company's limit, its days to pay, and who may buy on its account",
    tags=["accounts"],
    responses=_STATE,
)
def change_terms(account_id: AccountId, document: Annotated[TermsDocument, Body()]) -> AccountView:
    account = ledger.change_terms(
        account_id,
        limit_of(document),
        document.days_to_pay,
        tuple(document.customers),
        stores.accounts(),
        _cause("terms"),
    )
    return account_view(account, utc_now())


@app.post(
    "/v1/accounts/<account_id>/top-ups",
    summary="Put more on a gift card or store credit",
    tags=["accounts"],
    responses=_BOOKINGS,
)
def top_up(account_id: AccountId, document: Annotated[TopUpDocument, Body()]) -> Any:
    amount, cause = amount_of(document.amount, document.currency), _cause(document.reason)
    booked = ledger.top_up(account_id, amount, document.key, stores.accounts(), cause)
    return _booked(account_id, booked)


@app.post(
    "/v1/accounts/<account_id>/adjustments",
    summary="Correct a balance, up or down; never below what is held",
    tags=["accounts"],
    responses=_BOOKINGS,
)
def adjust(account_id: AccountId, document: Annotated[AdjustmentDocument, Body()]) -> Any:
    amount = amount_of(document.amount, document.currency, positive=False)
    cause = _cause(document.reason)
    booked = ledger.adjust(account_id, amount, document.key, stores.accounts(), cause)
    return _booked(account_id, booked)


@app.post(
    "/v1/accounts/<account_id>/expire",
    summary="Write off what an expired account has left",
    tags=["accounts"],
    responses=_BOOKINGS,
)
def write_off(account_id: AccountId, document: Annotated[WriteOffDocument, Body()]) -> Any:
    cause = _cause(document.reason)
    booked = ledger.write_off_expired(account_id, document.key, stores.accounts(), cause)
    return _booked(account_id, booked)


@app.post(
    "/v1/accounts/<account_id>/payments",
    summary="A company has paid what it owes",
    tags=["accounts"],
    responses=_BOOKINGS,
)
def pay(account_id: AccountId, document: Annotated[InvoicePaymentDocument, Body()]) -> Any:
    amount = amount_of(document.amount, document.currency)
    booked = ledger.pay_invoices(
        account_id,
        amount,
        document.key,
        document.invoice or "",
        stores.accounts(),
        _cause("paid"),
    )
    return _booked(account_id, booked)


@app.post(
    "/v1/accounts/<account_id>/block",
    summary="Let no new payment take from it; what is held may still be captured",
    tags=["accounts"],
    responses=_STATE,
)
def block(account_id: AccountId) -> AccountView:
    return _put_in(account_id, "blocked")


@app.post(
    "/v1/accounts/<account_id>/unblock",
    summary="Let payments take from it again",
    tags=["accounts"],
    responses=_STATE,
)
def unblock(account_id: AccountId) -> AccountView:
    return _put_in(account_id, "open")


@app.post(
    "/v1/accounts/<account_id>/close",
    summary="Close an account that has, holds and owes nothing",
    description="For good; store credit alone is opened again by `unblock`.",
    tags=["accounts"],
    responses=_STATE,
)
def close(account_id: AccountId) -> AccountView:
    return _put_in(account_id, "closed")


@app.post(
    "/v1/gift-cards/lookup",
    summary="What is on the gift card that has a code",
    description="After 20 unknown codes of a caller in 15 minutes none is looked at (429).",
    tags=["accounts"],
    responses={200: {"description": "The gift card's account"}, **_REFUSALS, **refusals(429)},
)
def look_up(document: Annotated[LookupDocument, Body()]) -> AccountView:
    now = utc_now()
    found = find_gift_card(digest(document.code), caller(app), stores.accounts(), now)
    return account_view(found, now)


def _put_in(account_id: str, state: AccountState) -> AccountView:
    account = ledger.change_state(account_id, state, stores.accounts(), _cause(state))
    return account_view(account, utc_now())


def _opened(opened: Opened, cause: Cause) -> Any:
    status = 201 if opened.created else 200
    return reply(status, opened_view(opened, cause.at).model_dump())


def _booked(account_id: str, booked: Booked) -> Any:
    account = find_account(account_id, stores.accounts())
    view = BookedView(
        entry=account_entry_view(booked.entry, account.currency),
        account=account_view(account, utc_now()),
    )
    return reply(201 if booked.created else 200, view.model_dump())


def _cause(reason: str) -> Cause:
    return Cause(utc_now(), caller(app), reason, correlation_id())


handler = serve(app)
