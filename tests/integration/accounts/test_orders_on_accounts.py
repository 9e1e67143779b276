"""Orders that are paid by gift card, store credit and on terms, from the hold to the refund."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from oms.accounts import ledger, opening
from oms.accounts.codes import code_digest
from oms.accounts.model import Account
from oms.accounts.opening import CodeSource, Opening
from oms.aws import secrets
from oms.aws.account_audit import audit
from oms.aws.account_store import AccountStore
from oms.kernel.errors import PaymentDeclined
from oms.kernel.ids import payment_id
from oms.kernel.money import Money
from oms.orders import capturing, decisions, payment, taking
from oms.orders import events as happened
from oms.orders.giving_back import give_back
from oms.orders.model import Content, Order, PaymentRequest, State
from oms.orders.repaying import refund_of
from oms.payments.model import Payment
from oms.payments.registry import PaymentProviders, ProviderSettings
from tests.integration.accounts.conftest import SECRET
from tests.integration.gateway import Gateway
from tests.integration.orders.test_payment import sourced
from tests.integration.world import World
from tests.samples import CAUSE, content, money

CODE = "ABCD-EFGH-JKMN-PQRS"
TOKEN = code_digest(SECRET, CODE)
CARD = ("simulator", "card", "4242424242424242")


@dataclass
class Shop:
    """An order of 30.00 for the customer ``c1``, and the steps of its life that move money."""

    oms: World
    accounts: AccountStore
    providers: PaymentProviders

    def order(self, *ways: tuple[str, str, str, int | None]) -> Content:
        asked = tuple(
            PaymentRequest(
                method,
                provider,
                money(0),
                token,
                amount=None if amount is None else money(amount),
            )
            for provider, method, token, amount in ways
        )
        return replace(content(), payments=asked)

    def held(self, *ways: tuple[str, str, str, int | None]) -> Order:
        order = sourced(self.oms, self.order(*ways))
        payment.authorize(order.order_id, self.oms.orders, self.providers.named, CAUSE)
        return self.oms.orders.load(order.order_id)

    def delivered(self, order: Order) -> Order:
        order = self.oms.orders.commit(order, decisions.release(order), CAUSE)
        work = order.progress.fulfillments[0].id
        steps = (
            happened.FulfillmentAccepted(work),
            happened.FulfillmentPicked(work),
            happened.FulfillmentPacked(work),
            happened.FulfillmentShipped(work, "Correios", "BR1"),
            happened.FulfillmentDelivered(work),
        )
        return self.oms.orders.commit(order, steps, CAUSE)

    def settled(self, order: Order) -> Order:
        return capturing.settle(order.order_id, self.oms.orders, self.providers.named, CAUSE)

    def cancelled(self, order: Order, reason: str = "changed my mind") -> Order:
        return payment.close_cancelled(
            order.order_id, self.oms.orders, self.providers.named, reason, CAUSE
        )

    def refunded(self, order: Order, minor: int, to: str = "") -> Order:
        asked = refund_of(order, minor, "broken", granted=minor, to=to)
        order = self.oms.orders.commit(order, (asked,), CAUSE)
        for _ in range(2):
            order = give_back(
                order.order_id,
                asked.refund_id,
                self.oms.orders,
                self.providers.named,
                self.credit,
                CAUSE,
            )
        return order

    def credit(self, account: str, customer: str, amount: Money, key: str) -> str:
        return opening.credit(account, customer, amount, key, self.accounts, CAUSE).account_id

    def now(self, account: Account) -> tuple[int, int]:
        """The balance, and what is held; whatever else there is adds up."""
        assert audit(self.oms.client, "accounts")[1] == []
        found = ledger.find_account(account.id, self.accounts)
        return found.balance, found.held


@pytest.fixture
def shop(oms: World, accounts: AccountStore) -> Shop:
    settings = ProviderSettings(lambda: "", accounts=lambda: accounts)
    return Shop(oms, accounts, PaymentProviders(settings))


def gift_card(accounts: AccountStore, minor: int) -> Account:
    wanted = Opening("k1", "gift_card", money(minor))
    code = CodeSource(lambda: SECRET, lambda size: bytes(size), CODE)
    return opening.issue_gift_card(wanted, code, accounts, CAUSE).account


def company(accounts: AccountStore) -> Account:
    wanted = Opening(
        "t1", "terms", money(0), "acme", ("c1",), credit_limit=money(5000), days_to_pay=30
    )
    return opening.open_terms(wanted, accounts, CAUSE).account


def store_credit(accounts: AccountStore, minor: int) -> Account:
    given = opening.credit("", "c1", money(minor), "rfd_0", accounts, CAUSE)
    return ledger.find_account(given.account_id, accounts)


def minor(order: Order, name: str) -> list[int]:
    return [getattr(each, name).minor for each in order.payments.each]


def test_a_gift_card_pays_what_it_has_and_a_card_the_rest(
    shop: Shop, accounts: AccountStore
) -> None:
    card = gift_card(accounts, 1200)
    order = shop.held(("gift_card", "gift_card", TOKEN, 1200), (*CARD, None))
    assert (order.state, minor(order, "authorized")) == (State.AUTHORIZED, [1200, 1800])
    assert shop.now(card) == (1200, 1200)
    order = shop.settled(shop.delivered(order))
    assert (order.state, minor(order, "captured")) == (State.COMPLETED, [1200, 1800])
    assert shop.now(card) == (0, 0)


def test_when_the_card_is_declined_the_gift_card_has_its_money_back(
    shop: Shop, accounts: AccountStore
) -> None:
    card = gift_card(accounts, 1200)
    declined = ("simulator", "card", "4000000000000002", None)
    order = sourced(shop.oms, shop.order(("gift_card", "gift_card", TOKEN, 1200), declined))
    with pytest.raises(PaymentDeclined):
        payment.authorize(order.order_id, shop.oms.orders, shop.providers.named, CAUSE)
    order = shop.cancelled(shop.oms.orders.load(order.order_id), "payment_declined")
    assert order.state is State.CANCELLED
    assert shop.now(card) == (1200, 0)


def test_a_gift_card_that_has_too_little_is_declined(shop: Shop, accounts: AccountStore) -> None:
    card = gift_card(accounts, 1200)
    with pytest.raises(PaymentDeclined):
        shop.held(("gift_card", "gift_card", TOKEN, None))
    assert shop.now(card) == (1200, 0)


def test_store_credit_alone_pays_an_order(shop: Shop, accounts: AccountStore) -> None:
    account = store_credit(accounts, 5000)
    order = shop.settled(shop.delivered(shop.held(("store_credit", "store_credit", "", None))))
    assert order.state is State.COMPLETED
    assert shop.now(account) == (2000, 0)


def test_on_terms_a_part_is_captured_and_the_rest_let_go(
    shop: Shop, accounts: AccountStore
) -> None:
    account = company(accounts)
    order = shop.held(("terms", "terms", account.id, None))
    assert shop.now(account) == (0, 3000)
    order = shop.delivered(order)
    order = shop.oms.orders.commit(order, (happened.UnitsCancelled((), 1000, "too many"),), CAUSE)
    order = shop.settled(order)
    assert (minor(order, "captured"), minor(order, "voided")) == ([2000], [1000])
    assert shop.now(account) == (-2000, 0)
    (invoice,) = accounts.invoices(account.id, None, True, 9, None).invoices
    assert (invoice.order_id, invoice.open) == (order.order_id, 2000)


def test_each_shipment_takes_its_part_of_one_hold_and_none_twice(
    shop: Shop, accounts: AccountStore
) -> None:
    card, account = gift_card(accounts, 1200), company(accounts)
    order = shop.held(("gift_card", "gift_card", TOKEN, 1200), ("terms", "terms", account.id, None))
    for minor_units in (1000, 900):
        asked = taking.ask_for(order, minor_units, "shipped")
        order = shop.oms.orders.commit(order, asked, CAUSE)
        for event in (event for event in asked if isinstance(event, happened.CaptureRequested)):
            for _ in range(2):
                order = capturing.capture(
                    order.order_id, event.reference, shop.oms.orders, shop.providers.named, CAUSE
                )
    assert order.payments.captured == money(1900)
    order = shop.settled(shop.delivered(order))
    assert order.payments.captured == money(3000)
    assert (shop.now(card), shop.now(account)) == ((0, 0), (-1800, 0))
    raised = accounts.invoices(account.id, None, False, 9, None).invoices
    assert sum(invoice.amount for invoice in raised) == 1800


def test_a_cancelled_order_gives_the_hold_back(shop: Shop, accounts: AccountStore) -> None:
    card, account = gift_card(accounts, 1200), company(accounts)
    order = shop.held(("gift_card", "gift_card", TOKEN, 1000), ("terms", "terms", account.id, None))
    for _ in range(2):
        order = shop.cancelled(order)
    assert order.state is State.CANCELLED
    assert shop.now(card) == (1200, 0)
    assert shop.now(account) == (0, 0)


@pytest.mark.parametrize("is_told", [True, False])
def test_a_cancelled_order_gives_back_an_added_hold_whose_answer_got_lost(
    is_told: bool, shop: Shop, accounts: AccountStore
) -> None:
    """``is_told``: that nobody knows was recorded; else whoever asked died before."""
    card = gift_card(accounts, 1200)
    order = shop.held((*CARD, None))
    name = payment_id(order.order_id, 2)
    added = Payment(name, "gift_card", "gift_card", money(500), token=TOKEN, added_as="k:1")
    order = shop.oms.orders.commit(order, (happened.PaymentAdded(added, "more"),), CAUSE)
    ledger.hold(card.id, f"{name}:authorize:1", 500, order.order_id, accounts, CAUSE)
    if is_told:
        unknown = happened.PaymentUnknown(name, "authorize", f"{name}:authorize:1:unknown")
        order = shop.oms.orders.commit(order, (unknown,), CAUSE)
    order = shop.cancelled(order)
    named = shop.providers.named
    payment.void_late_authorization(order.order_id, shop.oms.orders, named, CAUSE)
    assert shop.now(card) == (1200, 0)


def test_a_refund_goes_back_to_where_the_money_came_from(
    shop: Shop, accounts: AccountStore
) -> None:
    card, account = gift_card(accounts, 1000), store_credit(accounts, 2000)
    order = shop.settled(
        shop.delivered(
            shop.held(
                ("gift_card", "gift_card", TOKEN, 1000),
                ("store_credit", "store_credit", account.id, None),
            )
        )
    )
    order = shop.refunded(order, 2500)
    assert sum(minor(order, "refunded")) == 2500
    assert [shop.now(card)[0], shop.now(account)[0]] == minor(order, "refunded")


def test_a_refund_on_terms_lowers_what_is_owed(shop: Shop, accounts: AccountStore) -> None:
    account = company(accounts)
    order = shop.settled(shop.delivered(shop.held(("terms", "terms", account.id, None))))
    order = shop.refunded(order, 500)
    assert minor(order, "refunded") == [500]
    assert shop.now(account) == (-2500, 0)


def test_a_refund_to_store_credit_opens_the_customers_account(
    shop: Shop, accounts: AccountStore
) -> None:
    order = shop.settled(shop.delivered(shop.held((*CARD, None))))
    shop.refunded(order, 700, to="store_credit")
    (account,) = accounts.of_customer("c1", 9, None).accounts
    assert (account.kind, account.balance) == ("store_credit", 700)


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "channel": "web",
        "channel_order_id": "G-1",
        "currency": "BRL",
        "customer": {"name": "Ana Souza", "id": "c1"},
        "shipping_address": {
            "name": "Ana Souza",
            "line1": "Av. Paulista 1000",
            "city": "São Paulo",
            "region": "SP",
            "postal_code": "01310-100",
            "country": "BR",
        },
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": "30.00"}],
        "total": "30.00",
        "payments": [
            {"method": "gift_card", "provider": "gift_card", "token": CODE, "amount": "12.00"},
            {"method": "card", "provider": "simulator", "token": CARD[2]},
        ],
    }


def test_of_an_order_that_is_posted_with_a_code_nothing_keeps_the_code(
    call: Gateway, shop: Shop, accounts: AccountStore, document: dict[str, Any]
) -> None:
    card = gift_card(accounts, 1200)
    status, answer = call("orders", "POST /v1/orders", document)
    assert status == 201
    stored = str([shop.oms.client.scan(TableName=name) for name in ("orders", "accounts")])
    assert CODE not in stored and CODE.replace("-", "") not in stored
    assert TOKEN not in str(answer)
    assert call("orders", "POST /v1/orders", document)[0] == 200
    order = shop.oms.orders.load(answer["id"])
    sourced_event = happened.OrderSourced((), "rule", "why")
    order = shop.oms.orders.commit(order, (sourced_event,), CAUSE)
    payment.authorize(order.order_id, shop.oms.orders, shop.providers.named, CAUSE)
    assert shop.now(card) == (1200, 1200)


def test_of_a_code_only_its_digest_tells_an_order_from_another(
    call: Gateway, shop: Shop, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("orders", "POST /v1/orders", document)[0] == 201
    document["payments"][0]["token"] = CODE.lower().replace("-", " ")
    assert call("orders", "POST /v1/orders", document)[0] == 200
    with monkeypatch.context() as patched:
        patched.setattr(secrets.Secrets, "read", lambda self, secret_id: "another secret")
        assert call("orders", "POST /v1/orders", document)[0] == 409
    document["payments"][0]["token"] = "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    status, problem = call("orders", "POST /v1/orders", document)
    assert (status, problem["code"]) == (409, "content_differs")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "SHORT"}, "invalid_gift_card_code"),
        ({"token": TOKEN}, "invalid_gift_card_code"),
        ({"token": "4242424242424242"}, "card_number_refused"),
        ({"method": "card"}, "unsupported_payment_method"),
        ({"provider": "terms", "method": "terms", "token": "acme"}, "invalid_payment_token"),
    ],
)
def test_an_order_with_a_token_that_names_nothing_is_refused(
    change: dict[str, str], code: str, call: Gateway, document: dict[str, Any]
) -> None:
    document["payments"][0] |= change
    status, problem = call("orders", "POST /v1/orders", document)
    assert (status, problem["code"]) == (422, code)
    assert problem["faults"][0]["path"] == "payments.0.token"
    assert change.get("token", CODE) not in str(problem)
