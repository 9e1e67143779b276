"""What a provider tells later is read exactly, or not at all."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from oms.kernel.errors import Invalid, MalformedRequest
from oms.kernel.money import Money
from oms.payments.callbacks import CallbackType, PaymentCallback, callback_body, read_callback

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAID = PaymentCallback("evt_1", "payment.captured", "pay_1", Money(5000, "BRL"), "aut_1")


def document(**changes: Any) -> str:
    data = json.loads(callback_body(PAID, AT))
    data["data"] |= changes
    return json.dumps(data)


@pytest.mark.parametrize("kind", get_args(CallbackType))
def test_a_callback_reads_back_as_it_was_written(kind: CallbackType) -> None:
    callback = PaymentCallback(
        "evt_1", kind, "pay_1", Money(12990, "JPY"), "ref_1", "rfd_1", "insufficient_funds", AT
    )

    assert read_callback(callback_body(callback, AT)) == callback


def test_a_callback_says_the_amount_as_a_decimal_and_leaves_out_what_it_does_not_know() -> None:
    assert json.loads(callback_body(PAID, AT)) == {
        "type": "payment.captured",
        "timestamp": "2026-05-01T12:00:00.000Z",
        "data": {
            "event_id": "evt_1",
            "payment_id": "pay_1",
            "reference": "aut_1",
            "amount": "50.00",
            "currency": "BRL",
        },
    }


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"data": 1}', b"\xff"])
def test_what_is_no_callback_is_malformed(body: str | bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_callback(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 50.0},
        {"amount": "50.001"},
        {"amount": "-Inf"},
        {"currency": "real"},
        {"payment_id": ""},
        {"event_id": None},
        {"reference": 7},
        {"amount": "0.00"},
        {"amount": "-1.00"},
    ],
)
def test_a_callback_with_a_wrong_part_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_callback(document(**changes))


def test_a_callback_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read_callback(document().replace("payment.captured", "payment.exploded"))

    assert refused.value.problem_code == "unknown_callback_type"


@pytest.mark.parametrize("moment", ["yesterday", "2026-05-01", 7])
def test_a_callback_of_no_time_is_refused(moment: object) -> None:
    document_of_no_time = json.loads(document()) | {"timestamp": moment}

    with pytest.raises(Invalid) as refused:
        read_callback(json.dumps(document_of_no_time))
    assert refused.value.problem_code == "invalid_callback"


def test_a_callback_without_a_time_has_none() -> None:
    timeless = json.loads(document())
    del timeless["timestamp"]

    assert read_callback(json.dumps(timeless)).at is None


def test_what_lets_go_of_money_need_not_say_of_how_much() -> None:
    assert PaymentCallback("e", "payment.voided", "pay_1", Money.zero("BRL")).amount.minor == 0
