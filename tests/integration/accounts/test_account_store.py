from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from oms.accounts import ledger, opening
from oms.accounts.codes import code_digest
from oms.accounts.model import Account
from oms.accounts.opening import CodeSource, Opening
from oms.aws.account_audit import audit
from oms.aws.account_store import WINDOW, AccountStore
from oms.kernel.errors import Conflict, Invalid, NotFound
from oms.kernel.money import Money
from tests.integration.world import World
from tests.samples import CAUSE, NOW, money

CODE = "ABCD-EFGH-JKMN-PQRS"


def source(given: str = "") -> CodeSource:
    return CodeSource(lambda: "secret", lambda size: bytes(range(size)), given)


def card(accounts: AccountStore, minor: int = 5000, key: str = "k1", code: str = "") -> Account:
    wanted = Opening(key, "gift_card", money(minor))
    return opening.issue_gift_card(wanted, source(code), accounts, CAUSE).account


def terms(accounts: AccountStore, limit: int = 10000) -> Account:
    wanted = Opening(
        "t1", "terms", money(0), "acme", ("buyer",), credit_limit=money(limit), days_to_pay=30
    )
    return opening.open_terms(wanted, accounts, CAUSE).account


def test_a_card_is_found_by_the_digest_of_its_code_only(oms: World, accounts: AccountStore) -> None:
    issued = opening.issue_gift_card(
        Opening("k1", "gift_card", money(5000)), source(), accounts, CAUSE
    )
    assert accounts.by_code(code_digest("secret", issued.code)) == issued.account.id
    assert accounts.by_code(code_digest("another", issued.code)) == ""
    stored = repr(oms.client.scan(TableName="accounts")["Items"])
    assert issued.code not in stored
    assert issued.code.replace("-", "") not in stored


def test_a_card_is_issued_once_for_each_key(oms: World, accounts: AccountStore) -> None:
    first = card(accounts)
    again = opening.issue_gift_card(
        Opening("k1", "gift_card", money(5000)), source(), accounts, CAUSE
    )
    assert (again.account, again.created, again.code) == (first, False, "")
    with pytest.raises(Conflict) as refused:
        card(accounts, 6000)
    assert refused.value.problem_code == "content_differs"
    assert audit(oms.client, "accounts") == (1, [])


def test_two_cards_have_not_one_code(accounts: AccountStore) -> None:
    card(accounts, code=CODE)
    with pytest.raises(Conflict) as refused:
        card(accounts, key="k2", code=CODE)
    assert refused.value.problem_code == "code_taken"


def test_a_card_that_would_have_expired_is_not_issued(accounts: AccountStore) -> None:
    wanted = Opening("k1", "gift_card", money(5000), expires_at=NOW)
    with pytest.raises(Invalid) as refused:
        opening.issue_gift_card(wanted, source(), accounts, CAUSE)
    assert refused.value.problem_code == "in_the_past"


def test_the_same_key_does_the_same_once(accounts: AccountStore) -> None:
    found = card(accounts)
    first = ledger.hold(found.id, "h1", 2000, "ord_1", accounts, CAUSE)
    again = ledger.hold(found.id, "h1", 2000, "ord_1", accounts, replace(CAUSE, at=NOW + WINDOW))
    assert (again.entry, again.created) == (first.entry, False)
    assert ledger.find_account(found.id, accounts).held == 2000


def test_a_key_is_not_used_for_something_else(accounts: AccountStore) -> None:
    found = card(accounts)
    ledger.top_up(found.id, money(100), "k", accounts, CAUSE)
    with pytest.raises(Conflict) as refused:
        ledger.top_up(found.id, money(101), "k", accounts, CAUSE)
    assert refused.value.problem_code == "content_differs"


def test_twenty_who_pay_with_one_card_at_once_never_overdraw_it(
    oms: World, accounts: AccountStore
) -> None:
    found = card(accounts, 5000)

    def pay(number: int) -> int:
        try:
            ledger.hold(found.id, f"h{number}", 700, f"ord_{number}", accounts, CAUSE)
        except Conflict:
            return 0
        return ledger.spend(found.id, f"h{number}", 700, f"s{number}", accounts, CAUSE).entry.amount

    with ThreadPoolExecutor(16) as buyers:
        spent = sum(buyers.map(pay, range(20)))

    assert spent == -4900
    assert ledger.find_account(found.id, accounts).balance == 100
    assert audit(oms.client, "accounts") == (1, [])


def test_ten_who_ask_the_same_at_once_are_served_once(oms: World, accounts: AccountStore) -> None:
    found = card(accounts, 5000)
    with ThreadPoolExecutor(10) as askers:
        booked = [
            *askers.map(
                lambda _: ledger.hold(found.id, "h", 700, "ord_1", accounts, CAUSE), range(10)
            )
        ]
    assert sum(one.created for one in booked) == 1
    assert ledger.find_account(found.id, accounts).held == 700


def test_two_credits_at_once_open_one_account(oms: World, accounts: AccountStore) -> None:
    with ThreadPoolExecutor(8) as refunds:
        credited = [
            *refunds.map(
                lambda number: opening.credit(
                    "", "c1", money(100), f"rfd_{number % 4}", accounts, CAUSE
                ),
                range(8),
            )
        ]
    (account_id,) = {one.account_id for one in credited}
    assert ledger.find_account(account_id, accounts).balance == 400
    page = accounts.of_customer("c1", 10, None)
    assert [account.id for account in page.accounts] == [account_id]
    assert audit(oms.client, "accounts") == (1, [])


def test_credit_goes_to_the_account_that_is_named(accounts: AccountStore) -> None:
    found = card(accounts, 100)
    credited = opening.credit(found.id, "c1", money(50), "rfd_1", accounts, CAUSE)
    assert credited.account_id == found.id
    assert ledger.find_account(found.id, accounts).balance == 150


@pytest.mark.parametrize(
    ("customer", "amount", "named", "code"),
    [
        ("", money(1), False, "customer_needed"),
        ("somebody", money(1), True, "not_the_customers_account"),
        ("c1", replace(money(1), currency="USD"), True, "wrong_currency"),
    ],
)
def test_credit_goes_to_no_other(
    customer: str, amount: Money, named: bool, code: str, accounts: AccountStore
) -> None:
    own = opening.credit("", "c1", money(10), "rfd_0", accounts, CAUSE).account_id
    with pytest.raises(Invalid) as refused:
        opening.credit(own if named else "", customer, amount, "rfd_1", accounts, CAUSE)
    assert refused.value.problem_code == code


def test_invoices_are_numbered_without_a_gap_by_those_who_come_at_once(
    oms: World, accounts: AccountStore
) -> None:
    company = terms(accounts)
    ledger.hold(company.id, "h", 1000, "ord_1", accounts, CAUSE)
    with ThreadPoolExecutor(8) as nodes:
        [
            *nodes.map(
                lambda n: ledger.spend(company.id, "h", 10, f"s{n}", accounts, CAUSE), range(8)
            )
        ]
    page = accounts.invoices(company.id, None, False, 10, None)
    assert [invoice.number[-6:] for invoice in page.invoices] == [f"{n:06d}" for n in range(1, 9)]
    assert audit(oms.client, "accounts") == (1, [])


def raised_over_days(accounts: AccountStore) -> Account:
    """Three invoices of 10.00, a day apart."""
    company = terms(accounts)
    for day in range(3):
        cause = replace(CAUSE, at=NOW + timedelta(days=day))
        ledger.hold(company.id, f"h{day}", 1000, f"ord_{day}", accounts, cause)
        ledger.spend(company.id, f"h{day}", 1000, f"s{day}", accounts, cause)
    return company


def test_a_payment_settles_what_is_due_first(oms: World, accounts: AccountStore) -> None:
    company = raised_over_days(accounts)
    ledger.pay_invoices(company.id, money(1500), "bank-1", "", accounts, CAUSE)
    left = accounts.invoices(company.id, None, True, 10, None).invoices
    assert [(invoice.order_id, invoice.open) for invoice in left] == [
        ("ord_1", 500),
        ("ord_2", 1000),
    ]
    assert audit(oms.client, "accounts") == (1, [])


def test_a_payment_settles_the_invoice_it_names(oms: World, accounts: AccountStore) -> None:
    company = raised_over_days(accounts)
    last = accounts.invoices(company.id, None, False, 10, None).invoices[-1]
    ledger.pay_invoices(company.id, money(1000), "bank-1", last.number, accounts, CAUSE)
    left = accounts.invoices(company.id, None, True, 10, None).invoices
    assert [invoice.order_id for invoice in left] == ["ord_0", "ord_1"]
    with pytest.raises(NotFound) as refused:
        ledger.pay_invoices(company.id, money(1), "bank-2", "ABCDEFGH-000009", accounts, CAUSE)
    assert refused.value.problem_code == "unknown_invoice"


def test_a_refund_of_a_paid_invoice_pays_those_that_are_due(
    oms: World, accounts: AccountStore
) -> None:
    company = raised_over_days(accounts)
    ledger.pay_invoices(company.id, money(1000), "bank-1", "", accounts, CAUSE)
    ledger.give_back(company.id, "h0", 1000, "rfd_1", accounts, CAUSE)
    left = accounts.invoices(company.id, None, True, 10, None).invoices
    assert [(invoice.order_id, invoice.open) for invoice in left] == [("ord_2", 1000)]
    assert ledger.find_account(company.id, accounts).unapplied == 0
    assert audit(oms.client, "accounts") == (1, [])


def test_a_refund_of_sixty_captures_on_terms_is_booked(oms: World, accounts: AccountStore) -> None:
    company = terms(accounts)
    ledger.hold(company.id, "h", 6000, "ord_1", accounts, CAUSE)
    for number in range(60):
        ledger.spend(company.id, "h", 100, f"s{number}", accounts, CAUSE)
    ledger.give_back(company.id, "h", 6000, "rfd_1", accounts, CAUSE)
    assert ledger.find_account(company.id, accounts).owed == 0
    assert audit(oms.client, "accounts") == (1, [])


def test_overdue_are_those_whose_day_has_passed_page_by_page(accounts: AccountStore) -> None:
    company = raised_over_days(accounts)
    today = (NOW + timedelta(days=32)).date()
    first = accounts.invoices(company.id, today, True, 1, None)
    second = accounts.invoices(company.id, today, True, 1, first.cursor)
    last = accounts.invoices(company.id, today, True, 1, second.cursor)
    assert [page.invoices[0].order_id for page in (first, second)] == ["ord_0", "ord_1"]
    assert last.invoices == ()


def test_entries_are_listed_newest_first_page_by_page(accounts: AccountStore) -> None:
    found = card(accounts)
    for minute in range(3):
        cause = replace(CAUSE, at=NOW + timedelta(minutes=minute + 1))
        ledger.top_up(found.id, money(100), f"t{minute}", accounts, cause)
    first = accounts.entries(found.id, 2, None)
    rest = accounts.entries(found.id, 10, first.cursor)
    keys = [entry.key for page in (first, rest) for entry in page.entries]
    assert keys == ["t2", "t1", "t0", "k1"]
    assert [entry.balance for entry in first.entries] == [5300, 5200]


def test_guesses_are_counted_in_a_window_and_right_ones_are_not(accounts: AccountStore) -> None:
    assert [accounts.count_guess("me", 2, NOW) for _ in range(3)] == [True, True, False]
    accounts.forgive_guess("me", NOW)
    assert accounts.count_guess("me", 2, NOW)
    assert accounts.count_guess("another", 2, NOW)
    assert accounts.count_guess("me", 2, NOW + WINDOW)


def test_the_audit_tells_what_does_not_add_up(oms: World, accounts: AccountStore) -> None:
    found = card(accounts)
    ledger.hold(found.id, "h", 700, "ord_1", accounts, CAUSE)
    last = {"pk": {"S": found.id}, "sk": {"S": "entry#000000000002"}}
    oms.client.delete_item(TableName="accounts", Key=last)
    _, found_out = audit(oms.client, "accounts")
    assert found_out == [f"{found.id}: held is 7.00, its ledger says 0.00"]
