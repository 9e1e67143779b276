"""Goods that no order is known of, taken back at a counter for store credit."""

from collections.abc import Mapping
from typing import Any

import pytest

from oms.accounts.ids import store_credit_id
from oms.aws.account_store import AccountStore
from oms.aws.unreceipted_store import UnreceiptedStore
from oms.catalog.model import Component, Item
from oms.inventory.ledger import shortfalls
from oms.kernel.errors import VersionConflict
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import RJ, World

LIMIT = [{"amount": "50.00", "currency": "BRL"}]


def handed_in(*items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    given = items or ({"sku": "MUG", "quantity": 2, "amount": "20.00"},)
    return {"node": "rj-store", "customer": "c1", "currency": "BRL", "items": given, **more}


@pytest.fixture
def take(desk: Desk, call: Gateway) -> Any:
    desk.policy(without_receipt=LIMIT)

    def taken(document: Mapping[str, Any], key: str = "k1", **more: Any) -> tuple[int, Any]:
        headers = {"Idempotency-Key": key} if key else None
        return call("returns", "POST /v1/returns", document, headers=headers, **more)

    return taken


def balance(oms: World, customer: str = "c1") -> int:
    found = AccountStore(oms.client, "accounts").find(store_credit_id(customer, "BRL"))
    return found.balance if found else 0


def test_the_goods_sell_again_and_the_customer_has_credit(
    take: Any, oms: World, call: Gateway
) -> None:
    status, taken = take(
        handed_in(
            {"sku": "MUG", "quantity": 2, "amount": "20.00"},
            {"sku": "TEE", "quantity": 1, "amount": "5.50", "disposition": "damaged"},
        )
    )

    assert (status, taken["amount"]) == (201, "25.50")
    assert (oms.balance("MUG", RJ).available, oms.balance("TEE", RJ).damaged) == (2, 1)
    assert balance(oms) == 2550
    assert call("returns", f"GET /v1/returns/{taken['id']}") == (200, taken)
    entries = oms.stock.entries("MUG", "rj-store", 10, None).entries
    assert not shortfalls(oms.stock.balances_of("MUG"), entries, ())


def test_the_same_again_changes_nothing_and_another_is_refused(take: Any, oms: World) -> None:
    first = take(handed_in())
    again = take(handed_in())
    status, problem = take(handed_in({"sku": "MUG", "quantity": 1, "amount": "1"}))

    assert (first[0], again) == (201, (200, first[1]))
    assert (status, problem["code"]) == (409, "content_differs")
    assert (oms.balance("MUG", RJ).on_hand, balance(oms)) == (2, 2000)


def test_a_customer_gets_so_much_in_thirty_days(take: Any, oms: World) -> None:
    assert take(handed_in({"sku": "MUG", "quantity": 1, "amount": "40.00"}))[0] == 201

    status, problem = take(handed_in({"sku": "MUG", "quantity": 1, "amount": "10.01"}), "k2")
    other = take(handed_in({"sku": "MUG", "quantity": 1, "amount": "50"}, customer="c2"), "k3")

    assert (status, problem["code"], problem["left"]) == (409, "above_limit", "10.00")
    assert take(handed_in({"sku": "MUG", "quantity": 1, "amount": "10"}), "k2")[0] == 201
    assert other[0] == 201
    assert (balance(oms), balance(oms, "c2")) == (5000, 5000)


def test_who_was_given_more_meanwhile_is_looked_at_again(
    take: Any, oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, raced = UnreceiptedStore.lately, [1]

    def late(self: UnreceiptedStore, customer: str, currency: str) -> Any:
        before = real(self, customer, currency)
        if raced:
            raced.pop()
            assert take(handed_in({"sku": "MUG", "quantity": 1, "amount": "40"}), "k2")[0] == 201
        return before

    monkeypatch.setattr(UnreceiptedStore, "lately", late)
    status, problem = take(handed_in({"sku": "MUG", "quantity": 1, "amount": "40"}), "k1")

    assert (status, problem["code"]) == (409, "above_limit")
    assert balance(oms) == 4000


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (handed_in({"sku": "CUP", "quantity": 1, "amount": "1"}), 422, "unknown_sku"),
        (handed_in({"sku": "SET", "quantity": 1, "amount": "1"}), 422, "bundle_has_no_stock"),
        (handed_in({"sku": "MUG", "quantity": 0, "amount": "1"}), 422, "quantity_not_positive"),
        (handed_in({"sku": "MUG", "quantity": 1, "amount": "1.001"}), 422, "too_many_decimals"),
        (handed_in(node="nowhere"), 422, "unknown_node"),
        (handed_in(currency="USD"), 409, "receipt_needed"),
        (handed_in({"sku": "MUG", "quantity": 1, "amount": "50.01"}), 409, "above_limit"),
        (handed_in({"sku": "TEE", "quantity": 1, "amount": "1"}), 409, "not_returnable"),
    ],
)
def test_a_refusal_books_nothing(
    desk: Desk, take: Any, oms: World, document: dict[str, Any], status: int, code: str
) -> None:
    desk.policy(without_receipt=LIMIT, non_returnable_skus=["TEE"])
    oms.catalog.put_item(Item("SET", "A set", components=(Component("MUG", 1),)))

    answered, problem = take(document)

    assert (answered, problem["code"]) == (status, code)
    assert balance(oms) == 0 and not oms.stock.balances_of("MUG")


def test_it_needs_a_key_and_the_nodes_own_staff(take: Any, call: Gateway) -> None:
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": ["sp-dc"]})[0] == 200

    keyless, staff = take(handed_in(), ""), take(handed_in(), caller="rita")

    assert (keyless[0], keyless[1]["code"]) == (400, "missing_natural_key")
    assert (staff[0], staff[1]["code"]) == (403, "not_your_node")


def test_one_that_is_not_there_is_not_found(call: Gateway) -> None:
    assert call("returns", f"GET /v1/returns/ret_{'a' * 26}")[0] == 404


def test_after_too_many_races_the_caller_is_told_to_try_again(
    take: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, *_: Any) -> Any:
        raise VersionConflict("somebody else was first")

    monkeypatch.setattr(UnreceiptedStore, "adding", fail)

    status, problem = take(handed_in())

    assert (status, problem["code"]) == (503, "version_conflict")
