"""Shares over HTTP, the function called as API Gateway calls it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oms.catalog.model import Channel, Component, Item
from tests.integration.gateway import gateway
from tests.integration.world import World
from tests.samples import CAUSE

Call = Callable[..., tuple[int, Any]]
RULES = [
    {"channel": "web", "share": "0.20", "borrows_from": ["app"]},
    {"channel": "app", "share": "0.5", "lends": 4},
    {"channel": "market", "cap": 1},
]


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    for channel in ("app", "market"):
        oms.catalog.put_channel(Channel(channel, channel, ("BRL",)))
    with gateway(monkeypatch) as ask:

        def answer(verb_and_path: str, body: object = None, **query: str) -> tuple[int, Any]:
            return ask("allocations", verb_and_path, body, query=query)

        yield answer


def codes(answer: tuple[int, Any]) -> tuple[int, list[tuple[str, str]]]:
    status, problem = answer
    faults = [(fault["path"], fault["code"]) for fault in problem["faults"]]
    return status, faults


def test_shares_are_granted_from_what_is_available(oms: World, call: Call) -> None:
    oms.receive("MUG", 12)
    oms.stock.set_thresholds("MUG", "sp-dc", 2, 0, CAUSE)
    status, answer = call("PUT /v1/inventory/MUG/shares", {"rules": RULES})
    assert status == 200
    told = [
        (share["channel"], share["granted"], share["left"], share["available"])
        for share in answer["shares"]
    ]
    assert told == [("web", 2, 2, 2 + 2 + 4), ("app", 5, 5, 5 + 2), ("market", 1, 1, 1)]
    assert answer["everybody"] == {"granted": 2, "left": 2}
    assert call("GET /v1/inventory/MUG/shares") == (200, answer)


def test_what_was_borrowed_is_shown_on_both_sides_and_listed(oms: World, call: Call) -> None:
    oms.receive("MUG", 10)
    call("PUT /v1/inventory/MUG/shares", {"rules": RULES})
    positions = oms.stock.positions({"MUG"}, CAUSE.at)
    taken = oms.stock.shares.take("web", {"MUG": 7}, "ord_1", positions, CAUSE.at)
    oms.stock.transact(taken)
    _, answer = call("GET /v1/inventory/MUG/shares")
    told = [(s["channel"], s["left"], s["lent"], s["borrowed"]) for s in answer["shares"]]
    assert told == [("web", 0, 0, 3), ("app", 2, 3, 0), ("market", 1, 0, 0)]
    status, page = call("GET /v1/inventory/MUG/borrows")
    assert status == 200 and page["next_cursor"] is None
    (borrow,) = page["borrows"]
    assert (borrow["holder"], borrow["borrower"], borrow["lender"]) == ("ord_1", "web", "app")
    assert (borrow["quantity"], borrow["owed"], borrow["returned_at"]) == (3, 3, None)


def test_rules_are_replaced_whole_and_without_any_nobody_has_a_share(
    oms: World, call: Call
) -> None:
    oms.receive("MUG", 10)
    call("PUT /v1/inventory/MUG/shares", {"rules": RULES})
    _, answer = call("PUT /v1/inventory/MUG/shares", {"rules": RULES[1:]})
    assert [share["channel"] for share in answer["shares"]] == ["app", "market"]
    _, answer = call("PUT /v1/inventory/MUG/shares", {"rules": []})
    assert answer["shares"] == []
    assert oms.stock.positions({"MUG"}, CAUSE.at)["MUG"].shares == ()


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        ({"channel": "web", "share": "0.6"}, "rules", "share_above_whole"),
        ({"channel": "web"}, "rules.1", "share_or_cap"),
        ({"channel": "app", "share": "0.1"}, "rules.1.channel", "channel_twice"),
        ({"channel": "radio", "cap": 1}, "rules.1.channel", "unknown_channel"),
        ({"channel": "web", "cap": 1.5}, "rules.1.cap", "too_many_decimals"),
        (
            {"channel": "web", "cap": 1, "borrows_from": ["till"]},
            "rules.1.borrows_from",
            "unknown_lender",
        ),
        (
            {"channel": "web", "cap": 1, "borrows_from": ["web"]},
            "rules.1.borrows_from",
            "own_lender",
        ),
        (
            {"channel": "web", "cap": 1, "borrows_from": ["app", "app"]},
            "rules.1.borrows_from",
            "lender_twice",
        ),
    ],
)
def test_rules_that_cannot_hold_are_refused(
    call: Call, rule: dict[str, Any], path: str, code: str
) -> None:
    rules = [{"channel": "app", "share": "0.5"}, rule]
    answer = call("PUT /v1/inventory/MUG/shares", {"rules": rules})
    assert codes(answer) == (422, [(path, code)])


@pytest.mark.parametrize("share", ["30", "-0.1", "0.1234567", "1.5"])
def test_a_share_is_a_part_of_the_whole(call: Call, share: str) -> None:
    rules = [{"channel": "web", "share": share}]
    status, problem = call("PUT /v1/inventory/MUG/shares", {"rules": rules})
    assert (status, problem["code"]) == (422, "string_pattern_mismatch")


def test_what_holds_no_stock_or_is_not_there_has_no_shares(oms: World, call: Call) -> None:
    oms.catalog.put_item(Item("SET", "A set", components=(Component("MUG", 2),)))
    answer = call("PUT /v1/inventory/SET/shares", {"rules": [RULES[1]]})
    assert codes(answer) == (422, [("rules", "bundle_has_no_stock")])
    for verb_and_path in ("GET /v1/inventory/CUP/shares", "GET /v1/inventory/CUP/borrows"):
        status, problem = call(verb_and_path)
        assert (status, problem["code"]) == (404, "unknown_sku")


def test_a_cursor_of_another_list_is_refused(call: Call) -> None:
    status, problem = call("GET /v1/inventory/MUG/borrows", cursor="bm8=")
    assert (status, problem["code"]) == (422, "invalid_cursor")
