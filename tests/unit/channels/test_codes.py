"""What the queue has of an order that is paid with gift cards."""

import json
from typing import Any

import pytest

from oms.channels.codes import without_codes
from oms.channels.payload import parse_payload
from oms.kernel.errors import Invalid


def digest(token: str) -> str:
    if len(token) < 12:
        raise Invalid("this is no code")
    return f"digest of {len(token)}"


def told(**data: object) -> str:
    return json.dumps({"type": "order.created", "data": data})


CARD = {"method": "gift_card", "provider": "gift_card", "token": "ABCDEFGHJKMN", "amount": "5.00"}
STRIPE = {"method": "card", "provider": "stripe", "token": "pm_1"}


def order_in(body: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)["data"]
    return found


def test_each_code_becomes_its_digest_and_all_else_stays() -> None:
    kept = order_in(without_codes(told(payments=[CARD, STRIPE], total="9.00"), digest))
    assert kept == {"payments": [{**CARD, "token": "digest of 12"}, STRIPE], "total": "9.00"}


def test_a_card_that_is_called_so_in_one_member_only_is_one() -> None:
    kept = order_in(without_codes(told(payment={**CARD, "provider": "simulator"}), digest))
    assert kept["payment"]["token"] == "digest of 12"


@pytest.mark.parametrize("token", ["SHORT", None, 7, ["ABCDEFGHJKMN"]])
def test_what_is_no_code_is_left_out(token: object) -> None:
    kept = order_in(without_codes(told(payment={**CARD, "token": token}), digest))
    assert kept["payment"]["token"] == ""


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '{"data": 7}',
        '{"data": {"payment": "x", "payments": 7}}',
        '{"data": {"payment": {"provider": "stripe"}, "weight": 1.50}}',
    ],
)
def test_what_has_no_gift_card_is_as_it_was(body: str) -> None:
    assert without_codes(body, digest) == body


def test_numbers_are_what_they_were() -> None:
    body = '{"data": {"payment": {"provider": "gift_card"}, "lines": [{"quantity": 0.350}]}}'
    line = next(parse_payload(without_codes(body, digest)).at("data", "lines").elements())
    assert str(line.at("quantity").value) == "0.35"
