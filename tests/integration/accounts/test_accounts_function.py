from datetime import timedelta
from typing import Any

import pytest

from oms.accounts import ledger
from oms.accounts.lookup import UNKNOWN_CODES
from oms.aws.account_audit import audit
from oms.aws.account_store import AccountStore
from oms.kernel.clock import rfc3339, utc_now
from oms.kernel.events import Cause
from oms.kernel.money import Money
from tests.integration.gateway import Gateway
from tests.integration.world import World

CARD: dict[str, Any] = {"key": "k1", "kind": "gift_card", "currency": "BRL", "amount": "50.00"}
TERMS: dict[str, Any] = {
    "key": "t1",
    "kind": "terms",
    "currency": "BRL",
    "customer": "acme",
    "customers": ["buyer"],
    "credit_limit": "100.00",
    "days_to_pay": 30,
}


def opened(call: Gateway, body: dict[str, Any] = CARD) -> dict[str, Any]:
    status, account = call("accounts", "POST /v1/accounts", body)
    assert status == 201
    found: dict[str, Any] = account
    return found


def refusal(answer: tuple[int, Any]) -> tuple[int, str]:
    status, problem = answer
    return status, problem["code"]


def test_a_gift_card_is_issued_with_a_code_that_is_told_once(call: Gateway) -> None:
    card = opened(call)
    assert (card["balance"], card["available"], card["state"]) == ("50.00", "50.00", "open")
    status, again = call("accounts", "POST /v1/accounts", CARD)
    assert (status, again["id"], again["code"]) == (200, card["id"], None)
    status, found = call("accounts", "POST /v1/gift-cards/lookup", {"code": card["code"].lower()})
    assert (status, found["id"], found["code"]) == (200, card["id"], None)
    status, read = call("accounts", f"GET /v1/accounts/{card['id']}")
    assert (status, read["code"]) == (200, None)


def test_the_same_key_opens_no_other_account(call: Gateway) -> None:
    card = opened(call)
    answer = call("accounts", "POST /v1/accounts", {**CARD, "amount": "51.00"})
    assert refusal(answer) == (409, "content_differs")
    assert answer[1]["account_id"] == card["id"]


def test_a_printed_code_is_taken_and_not_twice(call: Gateway) -> None:
    printed = {**CARD, "code": "abcd efgh jkmn pqrs"}
    assert opened(call, printed)["code"] == "abcd efgh jkmn pqrs"
    answer = call("accounts", "POST /v1/accounts", {**printed, "key": "k2"})
    assert refusal(answer) == (409, "code_taken")


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"code": "4242424242424242"}, "code", "card_number_refused"),
        ({"code": "SHORT"}, "code", "invalid_gift_card_code"),
        ({"amount": "1.234"}, "amount", "too_many_decimals"),
        ({"amount": "-1"}, "amount", "string_pattern_mismatch"),
        ({"credit_limit": "1.00"}, "credit_limit", "not_of_this_kind"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "in_the_past"),
        ({"kind": "store_credit", "customer": ""}, "customer", "required"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
def test_an_account_that_breaks_a_rule_is_refused_with_the_place(
    change: dict[str, Any], path: str, code: str, call: Gateway
) -> None:
    status, problem = call("accounts", "POST /v1/accounts", {**CARD, **change})
    assert status == 422
    assert (path, code) in [(fault["path"], fault["code"]) for fault in problem["faults"]]


def test_terms_need_a_company_a_limit_and_days(call: Gateway) -> None:
    body = {"key": "t1", "kind": "terms", "currency": "BRL"}
    status, problem = call("accounts", "POST /v1/accounts", body)
    paths = [fault["path"] for fault in problem["faults"]]
    assert (status, paths) == (422, ["customer", "credit_limit", "days_to_pay"])


def test_a_customer_has_one_store_credit_account_of_a_currency(call: Gateway) -> None:
    body = {**CARD, "kind": "store_credit", "customer": "c1"}
    first = opened(call, body)
    status, again = call("accounts", "POST /v1/accounts", body)
    assert (status, again["balance"]) == (200, "50.00")
    more = opened(call, {**body, "key": "k2"})
    assert (more["id"], more["balance"]) == (first["id"], "100.00")
    other = opened(call, {**body, "currency": "USD"})
    status, page = call("accounts", "GET /v1/accounts", query={"customer": "c1"})
    assert {account["id"] for account in page["accounts"]} == {first["id"], other["id"]}


def test_those_a_company_names_find_its_account(call: Gateway) -> None:
    account = opened(call, TERMS)
    _, page = call("accounts", "GET /v1/accounts", query={"customer": "buyer"})
    assert [found["id"] for found in page["accounts"]] == [account["id"]]


def test_accounts_are_listed_page_by_page(call: Gateway) -> None:
    for number in range(3):
        opened(call, {**CARD, "key": f"k{number}", "customer": "c1"})
    query = {"customer": "c1", "limit": "2"}
    _, first = call("accounts", "GET /v1/accounts", query=query)
    _, rest = call("accounts", "GET /v1/accounts", query={**query, "cursor": first["next_cursor"]})
    assert (len(first["accounts"]), len(rest["accounts"])) == (2, 1)


def test_a_cursor_of_another_list_is_refused(call: Gateway) -> None:
    card = opened(call)
    answer = call("accounts", f"GET /v1/accounts/{card['id']}/entries", query={"cursor": "e30"})
    assert refusal(answer) == (422, "invalid_cursor")


def test_a_card_is_topped_up_once_for_each_key(call: Gateway) -> None:
    path = f"POST /v1/accounts/{opened(call)['id']}/top-ups"
    body = {"key": "b1", "amount": "10.00", "currency": "BRL"}
    assert call("accounts", path, body)[0] == 201
    status, again = call("accounts", path, body)
    assert (status, again["account"]["balance"]) == (200, "60.00")
    assert refusal(call("accounts", path, {**body, "amount": "11"})) == (409, "content_differs")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": "0"}, "amount_not_positive"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"amount": "1.999"}, "too_many_decimals"),
    ],
)
def test_an_amount_that_cannot_be_put_on_it_is_refused(
    body: dict[str, Any], code: str, call: Gateway
) -> None:
    path = f"POST /v1/accounts/{opened(call)['id']}/top-ups"
    asked = {"key": "b1", "amount": "10.00", "currency": "BRL", **body}
    assert refusal(call("accounts", path, asked)) == (422, code)


def test_an_adjustment_never_goes_below_what_is_there(call: Gateway) -> None:
    path = f"POST /v1/accounts/{opened(call)['id']}/adjustments"
    body = {"key": "a1", "amount": "-50.01", "currency": "BRL", "reason": "issued by mistake"}
    status, problem = call("accounts", path, body)
    assert (status, problem["code"], problem["available"]) == (
        409,
        "adjustment_above_available",
        "50.00",
    )
    status, booked = call("accounts", path, {**body, "amount": "-50.00"})
    assert (status, booked["entry"]["amount"], booked["account"]["balance"]) == (
        201,
        "-50.00",
        "0.00",
    )
    assert refusal(call("accounts", path, {**body, "amount": "0"})) == (422, "amount_zero")


def test_a_blocked_card_is_not_topped_up_until_it_is_unblocked(call: Gateway) -> None:
    account = f"/v1/accounts/{opened(call)['id']}"
    status, blocked = call("accounts", f"POST {account}/block")
    assert (status, blocked["state"], blocked["available"]) == (200, "blocked", "0.00")
    body = {"key": "b1", "amount": "10.00", "currency": "BRL"}
    assert refusal(call("accounts", f"POST {account}/top-ups", body)) == (409, "account_blocked")
    assert call("accounts", f"POST {account}/unblock")[1]["available"] == "50.00"
    assert call("accounts", f"POST {account}/top-ups", body)[0] == 201


def test_an_account_is_closed_when_it_is_empty(call: Gateway) -> None:
    account = f"/v1/accounts/{opened(call)['id']}"
    status, problem = call("accounts", f"POST {account}/close")
    assert (status, problem["code"], problem["balance"]) == (409, "account_not_empty", "50.00")
    body = {"key": "a1", "amount": "-50.00", "currency": "BRL", "reason": "paid out"}
    call("accounts", f"POST {account}/adjustments", body)
    assert call("accounts", f"POST {account}/close")[1]["state"] == "closed"
    assert refusal(call("accounts", f"POST {account}/unblock")) == (409, "account_closed")


def test_closed_store_credit_is_opened_again_because_its_customer_has_no_other(
    call: Gateway,
) -> None:
    body = {**CARD, "kind": "store_credit", "customer": "c1", "amount": "0"}
    path = f"/v1/accounts/{opened(call, body)['id']}"
    assert call("accounts", f"POST {path}/close")[0] == 200
    more = {**body, "key": "k2", "amount": "5.00"}
    assert refusal(call("accounts", "POST /v1/accounts", more)) == (409, "account_closed")
    assert call("accounts", f"POST {path}/unblock")[1]["state"] == "open"
    assert call("accounts", "POST /v1/accounts", more)[1]["balance"] == "5.00"


def test_what_has_expired_is_written_off(call: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    until = utc_now() + timedelta(days=1)
    account = f"/v1/accounts/{opened(call, {**CARD, 'expires_at': rfc3339(until)})['id']}"
    status, problem = call("accounts", f"POST {account}/expire", {"key": "e1"})
    assert (status, problem["code"], problem["expires_at"]) == (409, "not_expired", rfc3339(until))
    monkeypatch.setattr("functions.accounts.handler.utc_now", lambda: until)
    assert call("accounts", f"GET {account}")[1]["available"] == "0.00"
    body = {"key": "b1", "amount": "10.00", "currency": "BRL"}
    assert refusal(call("accounts", f"POST {account}/top-ups", body)) == (409, "account_expired")
    _, booked = call("accounts", f"POST {account}/expire", {"key": "e1"})
    assert booked["account"]["balance"] == "0.00"


def test_an_account_that_is_not_there_is_not_found(call: Gateway) -> None:
    path = f"/v1/accounts/acc_{'a' * 26}"
    assert refusal(call("accounts", f"GET {path}")) == (404, "unknown_account")
    assert refusal(call("accounts", f"POST {path}/block")) == (404, "unknown_account")


def test_an_unknown_code_is_not_found_and_guessing_has_an_end(call: Gateway) -> None:
    code = opened(call)["code"]
    lookup = "POST /v1/gift-cards/lookup"
    for _ in range(UNKNOWN_CODES):
        wrong = call("accounts", lookup, {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}, caller="shop")
        assert refusal(wrong) == (404, "unknown_gift_card")
    answer = call("accounts", lookup, {"code": code}, caller="shop")
    assert refusal(answer) == (429, "too_many_attempts")
    assert call("accounts", lookup, {"code": code}, caller="till")[0] == 200


def test_right_codes_are_looked_up_as_often_as_one_likes(call: Gateway) -> None:
    code = opened(call)["code"]
    answers = [
        call("accounts", "POST /v1/gift-cards/lookup", {"code": code})[0]
        for _ in range(UNKNOWN_CODES + 5)
    ]
    assert set(answers) == {200}


def test_what_is_no_code_is_refused(call: Gateway) -> None:
    answer = call("accounts", "POST /v1/gift-cards/lookup", {"code": "no code"})
    assert refusal(answer) == (422, "invalid_gift_card_code")


def invoiced(call: Gateway, accounts: AccountStore, days_ago: int) -> str:
    """The path of a company's account with an invoice of 40.00 of so many days ago."""
    account_id = opened(call, TERMS)["id"]
    cause = Cause(utc_now() - timedelta(days=days_ago), "payments")
    ledger.hold(account_id, "h1", 4000, "ord_1", accounts, cause)
    ledger.spend(account_id, "h1", 4000, "s1", accounts, cause)
    return f"/v1/accounts/{account_id}"


def test_an_overdue_invoice_is_listed_until_it_is_paid(
    call: Gateway, accounts: AccountStore
) -> None:
    account = invoiced(call, accounts, days_ago=31)
    _, page = call("accounts", f"GET {account}/invoices", query={"state": "overdue"})
    (invoice,) = page["invoices"]
    assert (invoice["state"], invoice["open"], invoice["order_id"]) == ("overdue", "40.00", "ord_1")
    body = {"key": "bank-1", "amount": "40.00", "currency": "BRL", "invoice": invoice["number"]}
    status, booked = call("accounts", f"POST {account}/payments", body)
    assert (status, booked["account"]["owed"]) == (201, "0.00")
    assert call("accounts", f"POST {account}/payments", body)[0] == 200
    _, page = call("accounts", f"GET {account}/invoices", query={"state": "overdue"})
    assert page["invoices"] == []
    _, page = call("accounts", f"GET {account}/invoices")
    assert [one["state"] for one in page["invoices"]] == ["paid"]


def test_an_invoice_is_open_until_it_is_due(call: Gateway, accounts: AccountStore) -> None:
    account = invoiced(call, accounts, days_ago=30)
    assert (
        call("accounts", f"GET {account}/invoices", query={"state": "overdue"})[1]["invoices"] == []
    )
    _, page = call("accounts", f"GET {account}/invoices", query={"state": "open"})
    assert [one["state"] for one in page["invoices"]] == ["open"]
    _, account_now = call("accounts", f"GET {account}")
    assert (account_now["owed"], account_now["available"]) == ("40.00", "60.00")


def test_a_companys_terms_change_but_not_below_what_it_uses(
    call: Gateway, accounts: AccountStore
) -> None:
    account = invoiced(call, accounts, days_ago=1)
    body = {"credit_limit": "40.00", "currency": "BRL", "days_to_pay": 10, "customers": ["new"]}
    status, changed = call("accounts", f"PUT {account}/terms", body)
    assert (status, changed["available"], changed["customers"]) == (200, "0.00", ["new"])
    assert call("accounts", f"PUT {account}/terms", body) == (200, changed)
    for customer, found in (("acme", 1), ("new", 1), ("buyer", 0)):
        _, page = call("accounts", "GET /v1/accounts", query={"customer": customer})
        assert len(page["accounts"]) == found, customer
    status, problem = call("accounts", f"PUT {account}/terms", {**body, "credit_limit": "39.99"})
    assert (status, problem["code"], problem["least"]) == (409, "limit_below_used", "40.00")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"currency": "USD"}, "wrong_currency"),
        ({"credit_limit": "1.999"}, "too_many_decimals"),
        ({"days_to_pay": 366}, "less_than_equal"),
    ],
)
def test_terms_that_break_a_rule_are_refused(
    change: dict[str, Any], code: str, call: Gateway
) -> None:
    path = f"PUT /v1/accounts/{opened(call, TERMS)['id']}/terms"
    body = {"credit_limit": "40.00", "currency": "BRL", "days_to_pay": 10, **change}
    assert refusal(call("accounts", path, body)) == (422, code)


def test_only_terms_have_terms(call: Gateway) -> None:
    body = {"credit_limit": "40.00", "currency": "BRL", "days_to_pay": 10}
    answer = call("accounts", f"PUT /v1/accounts/{opened(call)['id']}/terms", body)
    assert refusal(answer) == (409, "not_on_terms")


def test_an_invoice_that_is_not_there_is_not_paid(call: Gateway) -> None:
    account = f"/v1/accounts/{opened(call, TERMS)['id']}"
    body = {"key": "bank-1", "amount": "1.00", "currency": "BRL", "invoice": "ABCDEFGH-000001"}
    answer = call("accounts", f"POST {account}/payments", body)
    assert refusal(answer) == (404, "unknown_invoice")


def test_a_gift_card_has_no_invoices_and_terms_are_not_topped_up(call: Gateway) -> None:
    card, terms = opened(call)["id"], opened(call, TERMS)["id"]
    body = {"key": "b1", "amount": "1.00", "currency": "BRL"}
    listed = call("accounts", f"GET /v1/accounts/{card}/invoices")
    paid = call("accounts", f"POST /v1/accounts/{card}/payments", body)
    topped_up = call("accounts", f"POST /v1/accounts/{terms}/top-ups", body)
    assert [refusal(answer) for answer in (listed, paid, topped_up)] == [
        (409, "not_on_terms"),
        (409, "not_on_terms"),
        (409, "not_prepaid"),
    ]


def test_the_ledger_says_who_did_what_and_why(call: Gateway, oms: World) -> None:
    account = f"/v1/accounts/{opened(call)['id']}"
    body = {"key": "a1", "amount": "5.00", "currency": "BRL", "reason": "goodwill"}
    call("accounts", f"POST {account}/adjustments", body, caller="agent")
    _, page = call("accounts", f"GET {account}/entries")
    newest, first = page["entries"]
    assert (newest["kind"], newest["by"], newest["reason"]) == ("adjust", "agent", "goodwill")
    assert (newest["amount"], newest["balance"]) == ("5.00", "55.00")
    assert first["kind"] == "issue"


def test_the_ledger_says_who_blocked_an_account_and_who_changed_its_terms(
    call: Gateway, oms: World
) -> None:
    account = f"/v1/accounts/{opened(call, TERMS)['id']}"
    body = {"credit_limit": "40.00", "currency": "BRL", "days_to_pay": 10, "customers": ["new"]}
    call("accounts", f"PUT {account}/terms", body, caller="clerk")
    call("accounts", f"POST {account}/block", caller="agent")
    call("accounts", f"POST {account}/block", caller="another")
    _, page = call("accounts", f"GET {account}/entries")
    assert [(one["kind"], one["by"], one["reason"]) for one in page["entries"]] == [
        ("change", "agent", "blocked"),
        ("change", "clerk", "limit 40.00, 10 days, customers: new"),
    ]
    assert audit(oms.client, "accounts") == (1, [])


@pytest.mark.parametrize("amount", ["0", "0.00", "00"])
def test_a_gift_card_has_something_on_it(amount: str, call: Gateway) -> None:
    status, problem = call("accounts", "POST /v1/accounts", {**CARD, "amount": amount})
    assert (status, problem["faults"][0]["path"]) == (422, "amount")
    assert problem["code"] == "amount_not_positive"


@pytest.mark.parametrize("limit", ["0", "0.00"])
def test_a_company_without_a_limit_buys_nothing_yet(limit: str, call: Gateway) -> None:
    account = opened(call, {**TERMS, "credit_limit": limit})
    assert (account["available"], account["credit_limit"]) == ("0.00", "0.00")


def test_nothing_is_on_terms_to_begin_with(call: Gateway) -> None:
    assert opened(call, {**TERMS, "amount": "0.00"})["balance"] == "0.00"
    answer = call("accounts", "POST /v1/accounts", {**TERMS, "key": "t2", "amount": "1"})
    assert refusal(answer) == (422, "not_of_this_kind")


def test_a_key_is_the_same_in_whatever_form_a_moment_is_sent(call: Gateway) -> None:
    body = {**CARD, "expires_at": "2099-01-01T03:00:00Z"}
    account = opened(call, body)
    body["expires_at"] = "2099-01-01T00:00:00-03:00"
    status, again = call("accounts", "POST /v1/accounts", body)
    assert (status, again["id"]) == (200, account["id"])
    assert again["expires_at"] == "2099-01-01T03:00:00.000Z"


@pytest.mark.parametrize("amount", ["-0", "-0.00", "0"])
def test_an_adjustment_of_nothing_is_refused(amount: str, call: Gateway) -> None:
    body = {"key": "a1", "amount": amount, "currency": "BRL", "reason": "why"}
    answer = call("accounts", f"POST /v1/accounts/{opened(call)['id']}/adjustments", body)
    assert refusal(answer) == (422, "amount_zero")


def test_an_adjustment_says_why(call: Gateway) -> None:
    body = {"key": "a1", "amount": "1", "currency": "BRL", "reason": "  "}
    answer = call("accounts", f"POST /v1/accounts/{opened(call)['id']}/adjustments", body)
    assert answer[0] == 422


@pytest.mark.parametrize(
    ("currency", "given", "shown"), [("JPY", "500", "500"), ("KWD", "1.005", "1.005")]
)
def test_cards_are_of_currencies_without_cents_and_with_thousandths(
    currency: str, given: str, shown: str, call: Gateway
) -> None:
    card = opened(call, {**CARD, "currency": currency, "amount": given})
    assert (card["balance"], card["available"], card["held"]) == (
        shown,
        shown,
        str(Money.zero(currency)),
    )


@pytest.mark.parametrize(
    ("length", "code"), [(65, "string_too_long"), (64, "invalid_gift_card_code")]
)
def test_a_code_that_is_too_long_is_not_repeated(length: int, code: str, call: Gateway) -> None:
    secret = "A" * length
    for path, body in (
        ("gift-cards/lookup", {"code": secret}),
        ("accounts", {**CARD, "code": secret}),
    ):
        status, problem = call("accounts", f"POST /v1/{path}", body)
        assert (status, problem["code"]) == (422, code)
        assert secret[:20] not in str(problem)
