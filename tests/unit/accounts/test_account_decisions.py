from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from oms.accounts import decisions
from oms.accounts.decisions import MOST_INVOICES, Asked, Change
from oms.accounts.model import Account, Hold, Invoice
from oms.kernel.errors import Conflict, Invalid, OmsError, TooLarge
from oms.kernel.events import Cause
from tests.samples import CAUSE, NOW

CARD = Account("acc_card", "gift_card", "BRL", NOW, "asked", balance=5000)
TERMS = Account(
    "acc_terms234", "terms", "BRL", NOW, "asked", "acme", credit_limit=10000, days_to_pay=30
)
LATER = replace(CAUSE, at=NOW + timedelta(days=400))


def refused(act: Callable[[], object]) -> OmsError:
    with pytest.raises((Conflict, Invalid, TooLarge)) as caught:
        act()
    return caught.value


def hold(account: Account, amount: int, cause: Cause = CAUSE) -> tuple[Account, Hold]:
    change = decisions.hold(account, Asked("h", "hold", amount, "h"), "ord_1", cause)
    assert change.hold is not None
    return change.account, change.hold


def spend(account: Account, held: Hold, amount: int, cause: Cause = CAUSE) -> Change:
    return decisions.spend(account, held, Asked("s", "spend", amount, "h"), cause)


def give_back(account: Account, held: Hold, amount: int, *invoices: Invoice) -> Change:
    asked = Asked("g", "give_back", amount, "h")
    return decisions.give_back(account, held, invoices, asked, LATER)


def test_what_is_held_is_no_longer_available_and_still_there() -> None:
    account, held = hold(CARD, 3000)
    assert (account.balance, account.held, account.available) == (5000, 3000, 2000)
    assert held.left == 3000


def test_more_than_is_available_is_not_held_and_the_refusal_says_what_is() -> None:
    account, _ = hold(CARD, 3000)
    why = refused(lambda: hold(account, 2001))
    assert why.problem_code == "insufficient_funds"
    assert why.context == {"available": "20.00", "currency": "BRL"}


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (replace(CARD, state="blocked"), "account_blocked"),
        (replace(CARD, state="closed"), "account_closed"),
        (replace(CARD, expires_at=NOW), "account_expired"),
    ],
)
def test_an_account_that_is_not_to_be_used_holds_nothing(account: Account, code: str) -> None:
    assert refused(lambda: hold(account, 1)).problem_code == code
    assert account.spendable(NOW) == 0


def test_a_part_is_spent_and_the_rest_stays_held() -> None:
    account, held = hold(CARD, 3000)
    change = spend(account, held, 1000)
    assert (change.account.balance, change.account.held) == (4000, 2000)
    assert change.hold and (change.hold.left, change.hold.returnable) == (2000, 1000)


@pytest.mark.parametrize("state", ["blocked", "open"])
def test_what_is_held_is_spent_after_the_card_expired_or_was_blocked(state: str) -> None:
    account, held = hold(replace(CARD, expires_at=NOW + timedelta(days=1)), 3000)
    blocked = account if state == "open" else replace(account, state="blocked")
    assert spend(blocked, held, 3000, LATER).account.balance == 2000


def test_more_than_is_held_is_not_spent() -> None:
    account, held = hold(CARD, 3000)
    why = refused(lambda: spend(account, held, 3001))
    assert (why.problem_code, why.context["capturable"]) == ("capture_above_held", "30.00")


def test_what_is_released_is_available_again() -> None:
    account, held = hold(CARD, 3000)
    change = decisions.release(account, held, Asked("r", "release", of="h"), CAUSE)
    assert (change.account.available, change.account.held) == (5000, 0)
    assert change.entry and change.entry.held == -3000


def test_no_more_is_given_back_than_was_spent() -> None:
    account, held = hold(CARD, 3000)
    after = spend(account, held, 2000)
    assert after.hold
    given = give_back(after.account, after.hold, 2000)
    assert given.account.balance == 5000
    assert given.hold
    last = given.hold
    why = refused(lambda: give_back(given.account, last, 1))
    assert (why.problem_code, why.context["refundable"]) == ("refund_above_captured", "0.00")


def test_a_card_that_has_expired_lives_on_when_money_is_given_back() -> None:
    account, held = hold(replace(CARD, expires_at=NOW + timedelta(days=1)), 3000)
    after = spend(account, held, 3000)
    assert after.hold
    given = give_back(after.account, after.hold, 3000)
    assert given.account.expires_at == LATER.at + decisions.VALID_AFTER_GIVING_BACK
    assert given.account.spendable(LATER.at) == 5000


def test_a_card_that_is_valid_for_longer_keeps_its_day() -> None:
    until = LATER.at + timedelta(days=365)
    account, held = hold(replace(CARD, expires_at=until), 3000)
    after = spend(account, held, 3000)
    assert after.hold
    assert give_back(after.account, after.hold, 1).account.expires_at == until


def test_nothing_is_given_back_to_a_closed_account() -> None:
    closed = replace(CARD, state="closed")
    held = Hold("h", 100, "ord_1", 0, 100)
    assert refused(lambda: give_back(closed, held, 1)).problem_code == "account_closed"


def test_an_adjustment_leaves_what_is_held() -> None:
    account, _ = hold(CARD, 3000)
    change = decisions.adjust(account, Asked("a", "adjust", -2000), CAUSE)
    assert change.account.available == 0
    why = refused(lambda: decisions.adjust(account, Asked("a", "adjust", -2001), CAUSE))
    assert (why.problem_code, why.context["available"]) == ("adjustment_above_available", "20.00")


def test_an_adjustment_of_nothing_is_none() -> None:
    why = refused(lambda: decisions.adjust(CARD, Asked("a", "adjust"), CAUSE))
    assert why.problem_code == "amount_zero"


def test_what_an_expired_card_has_left_is_written_off_but_not_what_is_held() -> None:
    account, _ = hold(replace(CARD, expires_at=NOW + timedelta(days=1)), 3000)
    change = decisions.write_off_expired(account, Asked("e", "expire"), LATER)
    assert (change.account.balance, change.account.held) == (3000, 3000)


def test_a_card_that_has_not_expired_is_not_written_off() -> None:
    why = refused(lambda: decisions.write_off_expired(CARD, Asked("e", "expire"), LATER))
    assert (why.problem_code, why.context) == ("not_expired", {"expires_at": None})


def test_an_account_with_something_on_it_is_not_closed() -> None:
    why = refused(lambda: decisions.change_state(CARD, "closed", CAUSE))
    assert (why.problem_code, why.context["balance"]) == ("account_not_empty", "50.00")


def test_a_closed_account_stays_closed() -> None:
    closed = replace(CARD, state="closed", balance=0)
    assert decisions.change_state(closed, "closed", CAUSE) is None
    assert (
        refused(lambda: decisions.change_state(closed, "open", CAUSE)).problem_code
        == "account_closed"
    )


def test_nothing_is_put_on_an_account_on_terms() -> None:
    why = refused(lambda: decisions.put_in(TERMS, Asked("t", "top_up", 1), CAUSE))
    assert why.problem_code == "not_prepaid"


def test_only_terms_have_invoices_to_pay() -> None:
    asked = Asked("p", "pay_invoice", 1)
    why = refused(lambda: decisions.pay_invoices(CARD, [], asked, CAUSE))
    assert why.problem_code == "not_on_terms"


def owing(*amounts: int) -> tuple[Account, Hold, list[Invoice]]:
    account, held = hold(TERMS, sum(amounts))
    raised: list[Invoice] = []
    for amount in amounts:
        change = spend(account, held, amount)
        assert change.hold
        account, held = change.account, change.hold
        raised += change.invoices
    return account, held, raised


def test_what_is_captured_on_terms_is_invoiced_and_due_after_the_days_to_pay() -> None:
    account, held, (first, second) = owing(4000, 1000)
    assert (first.number, first.due) == ("TERMS234-000001", date(2026, 6, 3))
    assert second.number == "TERMS234-000002"
    assert held.invoices == (first.number, second.number)
    assert (account.owed, account.available) == (5000, 5000)


def test_an_invoice_is_overdue_the_day_after_it_is_due() -> None:
    _, _, (invoice,) = owing(4000)
    assert not invoice.is_overdue(invoice.due)
    assert invoice.is_overdue(invoice.due + timedelta(days=1))


def pay(account: Account, invoices: list[Invoice], amount: int) -> Change:
    return decisions.pay_invoices(account, invoices, Asked("p", "pay_invoice", amount), CAUSE)


def test_a_payment_settles_invoices_in_order_and_what_is_over_is_unapplied() -> None:
    account, _, invoices = owing(4000, 1000)
    change = pay(account, invoices, 5500)
    assert [invoice.open for invoice in change.invoices] == [0, 0]
    assert (change.account.unapplied, change.account.available) == (500, 10500)


def test_what_is_unapplied_pays_the_next_invoice() -> None:
    account, _, invoices = owing(4000)
    paid = pay(account, invoices, 4500).account
    after, held = hold(paid, 3000)
    change = spend(after, held, 3000)
    assert change.invoices[0].open == 2500
    assert change.account.unapplied == 0


def test_what_one_transaction_does_not_settle_the_next_payment_does() -> None:
    account, _, invoices = owing(*[1] * (MOST_INVOICES + 2))
    first = pay(account, invoices, MOST_INVOICES + 1)
    assert (len(first.invoices), first.account.unapplied) == (MOST_INVOICES, 1)
    second = pay(first.account, invoices[MOST_INVOICES:], 1)
    assert [invoice.open for invoice in second.invoices] == [0, 0]
    assert (second.account.unapplied, second.account.owed) == (0, 0)


def test_a_refund_of_many_invoices_is_one_transaction() -> None:
    account, held, invoices = owing(*[10] * 60)
    change = give_back(account, held, 600, *invoices)
    assert len(change.invoices) == MOST_INVOICES
    assert (change.account.unapplied, change.account.owed) == (300, 0)


def test_a_refund_on_terms_lowers_its_invoice_and_is_unapplied_where_that_was_paid() -> None:
    account, held, (first, second) = owing(4000, 1000)
    change = give_back(account, held, 4500, replace(first, open=1000), second)
    assert [invoice.open for invoice in change.invoices] == [0, 0]
    assert change.account.unapplied == 2500
    assert change.account.owed == 500


def test_an_adjustment_on_terms_moves_what_is_of_no_invoice() -> None:
    account, _, _ = owing(4000)
    more = decisions.adjust(account, Asked("a", "adjust", 300), CAUSE).account
    assert (more.unapplied, more.available) == (300, 6300)
    why = refused(lambda: decisions.adjust(more, Asked("a", "adjust", -301), CAUSE))
    assert why.context["available"] == "3.00"


def test_who_may_use_an_account() -> None:
    company = replace(TERMS, customers=("buyer",))
    assert company.may_be_used_by("acme") and company.may_be_used_by("buyer")
    assert not company.may_be_used_by("other") and not company.may_be_used_by("")
    assert CARD.may_be_used_by("")
