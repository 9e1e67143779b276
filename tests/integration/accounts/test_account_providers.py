from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from oms.accounts import ledger, opening
from oms.accounts.codes import code_digest
from oms.accounts.model import Account, AccountKind
from oms.accounts.opening import CodeSource, Opening
from oms.aws.account_audit import audit
from oms.aws.account_store import WINDOW, AccountStore
from oms.kernel.errors import Invalid, ProviderUnavailable, VersionConflict
from oms.kernel.money import Money
from oms.payments.account_providers import WRONG_CODES, AccountPayments
from oms.payments.account_tokens import kept_token
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    PaymentProvider,
    RefundRequest,
    VoidRequest,
)
from oms.payments.registry import PaymentProviders, ProviderSettings, refuse_unusable_token
from tests.integration.world import World
from tests.samples import CAUSE, NOW, money

CODE = "ABCD-EFGH-JKMN-PQRS"
TOKEN = code_digest("secret", CODE)


@dataclass
class Till:
    """A provider, and the calls that an order makes of it."""

    accounts: AccountStore
    now: datetime = NOW
    made: dict[AccountKind, AccountPayments] = field(default_factory=dict)

    def at(self, kind: AccountKind) -> PaymentProvider:
        return AccountPayments(kind, self.accounts, lambda: self.now)

    def authorize(
        self,
        minor: int,
        kind: AccountKind = "gift_card",
        token: str = TOKEN,
        payment: str = "pay_1",
        customer: str = "c1",
        currency: str = "BRL",
    ) -> Approved | Declined:
        request = AuthorizationRequest(
            "ord_1",
            payment,
            Money(minor, currency),
            kind,
            token,
            f"{payment}:authorize:1",
            customer=customer,
        )
        outcome = self.at(kind).authorize(request)
        assert isinstance(outcome, Approved | Declined)
        return outcome

    def hold(self, minor: int, kind: AccountKind = "gift_card", token: str = TOKEN) -> str:
        outcome = self.authorize(minor, kind, token)
        assert isinstance(outcome, Approved)
        return outcome.reference

    def capture(self, hold: str, minor: int, attempt: int = 1) -> object:
        request = CaptureRequest("ord_1", "pay_1", hold, money(minor), f"pay_1:capture:{attempt}")
        return self.at("gift_card").capture(request)

    def void(self, hold: str) -> object:
        return self.at("gift_card").void(VoidRequest("ord_1", "pay_1", hold, "pay_1:void:1"))

    def refund(self, hold: str, minor: int, refund: str = "rfd_1") -> object:
        key = f"{refund}:refund:1"
        return self.at("gift_card").refund(
            RefundRequest("ord_1", "pay_1", refund, hold, money(minor), key)
        )


@pytest.fixture
def till(accounts: AccountStore) -> Till:
    return Till(accounts)


@pytest.fixture
def card(accounts: AccountStore) -> Account:
    wanted = Opening("k1", "gift_card", money(5000), expires_at=NOW + timedelta(days=30))
    code = CodeSource(lambda: "secret", lambda size: bytes(size), CODE)
    return opening.issue_gift_card(wanted, code, accounts, CAUSE).account


@pytest.fixture
def company(accounts: AccountStore) -> Account:
    wanted = Opening(
        "t1", "terms", money(0), "acme", ("c1",), credit_limit=money(10000), days_to_pay=30
    )
    return opening.open_terms(wanted, accounts, CAUSE).account


def after(till: Till, account: Account) -> tuple[int, int]:
    found = ledger.find_account(account.id, till.accounts)
    return found.balance, found.held


def test_a_card_is_held_captured_in_parts_and_the_rest_voided(
    oms: World, till: Till, card: Account
) -> None:
    hold = till.hold(3000)
    assert till.capture(hold, 1000) == Approved("pay_1:capture:1")
    assert till.capture(hold, 500, attempt=2) == Approved("pay_1:capture:2")
    assert after(till, card) == (3500, 1500)
    assert till.void(hold) == Approved("pay_1:void:1")
    assert after(till, card) == (3500, 0)
    assert till.capture(hold, 1, attempt=3) == Declined("capture_above_held")
    assert audit(oms.client, "accounts") == (1, [])


def test_each_call_made_again_has_the_same_answer_and_one_effect(till: Till, card: Account) -> None:
    hold = till.hold(3000)
    assert till.hold(3000) == hold
    for _ in range(2):
        assert till.capture(hold, 2000) == Approved("pay_1:capture:1")
    for _ in range(2):
        assert till.void(hold) == Approved("pay_1:void:1")
    for _ in range(2):
        assert till.refund(hold, 700) == Approved("rfd_1:refund:1")
    assert after(till, card) == (3700, 0)


def test_refunds_stop_at_what_was_captured(till: Till, card: Account) -> None:
    hold = till.hold(3000)
    till.capture(hold, 2000)
    assert till.refund(hold, 2001) == Declined("refund_above_captured")
    assert till.refund(hold, 2000) == Approved("rfd_1:refund:1")
    assert after(till, card) == (5000, 1000)


def test_less_than_is_asked_for_is_not_held(till: Till, card: Account) -> None:
    assert till.authorize(5001) == Declined("insufficient_funds")
    assert after(till, card) == (5000, 0)


def test_an_unknown_code_is_declined_and_guessing_has_an_end(till: Till, card: Account) -> None:
    unknown = code_digest("secret", "ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    for number in range(WRONG_CODES):
        wrong = till.authorize(1, token=unknown, payment=f"pay_{number}")
        assert wrong == Declined("unknown_account")
    assert till.authorize(1) == Declined("too_many_attempts")
    assert isinstance(till.authorize(1, customer="c2"), Approved)


def test_who_gives_no_name_guesses_no_longer_on_one_order(till: Till, card: Account) -> None:
    unknown = code_digest("secret", "ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    for number in range(WRONG_CODES):
        till.authorize(1, token=unknown, payment=f"pay_{number}", customer="")
    assert till.authorize(1, customer="") == Declined("too_many_attempts")
    assert isinstance(till.authorize(1, customer="c1"), Approved)


def test_a_right_code_is_not_counted_whenever_it_is_looked_at(
    accounts: AccountStore, oms: World, card: Account
) -> None:
    moments = iter(NOW + n * WINDOW for n in range(20))
    till = AccountPayments("gift_card", accounts, lambda: next(moments))
    request = AuthorizationRequest(
        "ord_1", "pay_1", money(100), "gift_card", TOKEN, "pay_1:authorize:1", customer="c1"
    )
    assert isinstance(till.authorize(request), Approved)
    items = oms.client.scan(TableName="accounts")["Items"]
    guesses = [item for item in items if item["pk"]["S"].startswith("guesses#")]
    assert [item["guesses"]["N"] for item in guesses] == ["0"]
    assert all("forget_at" in item for item in guesses)


def test_a_lost_answer_is_found_again_after_wrong_codes(till: Till, card: Account) -> None:
    hold = till.hold(1000)
    unknown = code_digest("secret", "ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    for number in range(2, 3 + WRONG_CODES):
        till.authorize(1, token=unknown, payment=f"pay_{number}")
    assert till.hold(1000) == hold


def test_an_expired_card_is_not_held_but_captured(till: Till, card: Account) -> None:
    hold = till.hold(1000)
    till.now = NOW + timedelta(days=31)
    assert till.authorize(1, payment="pay_2") == Declined("account_expired")
    assert till.capture(hold, 1000) == Approved("pay_1:capture:1")


def test_what_is_given_back_to_an_expired_card_can_be_spent(till: Till, card: Account) -> None:
    hold = till.hold(1000)
    till.capture(hold, 1000)
    till.now = NOW + timedelta(days=31)
    till.refund(hold, 1000)
    assert isinstance(till.authorize(5000, payment="pay_2"), Approved)


def test_a_blocked_card_is_not_held(till: Till, card: Account) -> None:
    ledger.change_state(card.id, "blocked", till.accounts, CAUSE)
    assert till.authorize(1) == Declined("account_blocked")


def test_a_card_pays_in_its_own_currency(till: Till, card: Account) -> None:
    assert till.authorize(1, currency="USD") == Declined("wrong_currency")


def test_store_credit_is_its_customers(oms: World, till: Till, accounts: AccountStore) -> None:
    own = opening.credit("", "c1", money(1000), "rfd_0", accounts, CAUSE).account_id
    other = opening.credit("", "c2", money(1000), "rfd_0", accounts, CAUSE).account_id
    assert till.authorize(1, "store_credit", other) == Declined("not_the_customers_account")
    assert till.authorize(1, "store_credit", own, customer="") == Declined(
        "not_the_customers_account"
    )
    assert isinstance(till.authorize(600, "store_credit", own), Approved)
    assert till.authorize(600, "store_credit", "", "pay_2") == Declined("insufficient_funds")
    assert isinstance(till.authorize(400, "store_credit", "", "pay_2"), Approved)
    assert till.authorize(1, "store_credit", "", customer="c3") == Declined("unknown_account")


def test_terms_are_for_those_the_company_names(till: Till, company: Account) -> None:
    assert till.authorize(1, "terms", company.id, customer="stranger") == Declined(
        "not_the_customers_account"
    )
    assert isinstance(till.authorize(10000, "terms", company.id), Approved)
    assert till.authorize(1, "terms", company.id, "pay_2", "acme") == Declined("insufficient_funds")


def test_what_is_captured_on_terms_is_owed_and_a_refund_credits_it(
    oms: World, till: Till, company: Account
) -> None:
    hold = till.hold(6000, "terms", company.id)
    till.capture(hold, 4000)
    till.void(hold)
    assert after(till, company) == (-4000, 0)
    till.refund(hold, 1500)
    (invoice,) = till.accounts.invoices(company.id, None, True, 9, None).invoices
    assert (invoice.amount, invoice.open) == (4000, 2500)
    assert audit(oms.client, "accounts") == (1, [])


@pytest.mark.parametrize("kind", ["store_credit", "terms"])
def test_an_account_of_another_kind_is_none(kind: AccountKind, till: Till, card: Account) -> None:
    assert till.authorize(1, kind, card.id) == Declined("unknown_account")


def test_what_was_never_held_is_declined(till: Till, card: Account) -> None:
    assert till.capture(f"{card.id}/pay_9:authorize:1", 1) == Declined("unknown_hold")


def test_a_reference_of_another_provider_is_refused(till: Till) -> None:
    with pytest.raises(Invalid) as refused:
        till.capture("pi_123", 1)
    assert refused.value.problem_code == "unknown_hold"


def test_another_method_is_refused(till: Till) -> None:
    request = AuthorizationRequest("ord_1", "pay_1", money(1), "card", TOKEN, "key")
    with pytest.raises(Invalid) as refused:
        till.at("gift_card").authorize(request)
    assert refused.value.problem_code == "unsupported_payment_method"


def test_an_account_that_cannot_be_written_leaves_the_payment_unknown(
    till: Till, card: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        raise VersionConflict()

    monkeypatch.setattr(till.accounts, "commit", lose)
    with pytest.raises(ProviderUnavailable):
        till.authorize(1000)


def test_the_registry_opens_each_once_and_only_when_it_is_met(accounts: AccountStore) -> None:
    opened = []

    def open_accounts() -> AccountStore:
        opened.append(1)
        return accounts

    providers = PaymentProviders(ProviderSettings(lambda: "", accounts=open_accounts))
    providers.named("simulator")
    assert not opened
    assert isinstance(providers.named("gift_card"), AccountPayments)
    providers.named("gift_card")
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("provider", "method", "token", "code"),
    [
        ("gift_card", "gift_card", CODE, "invalid_payment_token"),
        ("gift_card", "card", TOKEN, "unsupported_payment_method"),
        ("simulator", "gift_card", TOKEN, "unsupported_payment_method"),
        ("store_credit", "store_credit", "c1", "invalid_payment_token"),
        ("terms", "terms", "", "invalid_payment_token"),
        ("terms", "terms", "4242424242424242", "card_number_refused"),
    ],
)
def test_what_names_no_account_is_refused_at_capture(
    provider: str, method: str, token: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_unusable_token(provider, method, token)
    assert refused.value.problem_code == code
    assert not token or token not in refused.value.detail


@pytest.mark.parametrize(
    ("provider", "token"),
    [
        ("gift_card", TOKEN),
        ("store_credit", ""),
        ("store_credit", f"acc_{'a' * 26}"),
        ("terms", f"acc_{'a' * 26}"),
    ],
)
def test_what_names_an_account_is_taken(provider: str, token: str) -> None:
    refuse_unusable_token(provider, provider, token)


def test_an_order_keeps_a_codes_digest_and_refuses_one_that_it_is_sent() -> None:
    def digest(code: str) -> str:
        return code_digest("secret", code)

    assert kept_token("gift_card", CODE, digest) == TOKEN
    assert kept_token("terms", "acc_1", None) == "acc_1"
    with pytest.raises(Invalid) as refused:
        kept_token("gift_card", TOKEN, digest)
    assert refused.value.problem_code == "invalid_gift_card_code"
    with pytest.raises(Invalid) as refused:
        kept_token("gift_card", CODE, None)
    assert refused.value.problem_code == "unsupported_payment_method"


def test_a_renewed_hold_is_a_hold_of_its_own(till: Till, card: Account) -> None:
    first = till.hold(3000)
    till.void(first)
    second = till.authorize(3000, payment="pay_2")
    assert isinstance(second, Approved) and second.reference != first
    assert after(till, card) == (5000, 3000)


def test_credit_on_a_closed_account_is_declined(till: Till, card: Account) -> None:
    hold = till.hold(5000)
    till.capture(hold, 5000)
    ledger.change_state(card.id, "closed", till.accounts, CAUSE)
    assert till.refund(hold, 1) == Declined("account_closed")
    assert replace(card, state="closed").spendable(NOW) == 0
