"""What a provider tells later enters the ledger once, and only when it can be read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.kernel.errors import Conflict, Invalid, MalformedRequest, Refused
from oms.kernel.money import Money
from oms.payments.callbacks import (
    CallbackType,
    PaymentCallback,
    callback_body,
    read_callback,
    record_callback,
)
from oms.payments.model import (
    Payment,
    record_authorization,
    record_capture,
    record_pending,
    request_refund,
)

AMOUNT = Money(5000, "BRL")
NEW = Payment("pay_1", "pix", "simulator", AMOUNT, "pix")
PENDING = record_pending(NEW, "aut_1", "key:authorize")
CAPTURED = record_capture(
    record_authorization(PENDING, AMOUNT, "aut_1", "key:1"), AMOUNT, "cap_1", "key:2"
)
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def callback(kind: CallbackType, refund_id: str = "") -> PaymentCallback:
    return PaymentCallback("evt_1", kind, "pay_1", AMOUNT, "aut_1", refund_id)


def document(**changes: Any) -> str:
    data = json.loads(callback_body(callback("payment.captured"), AT))
    data["data"] |= changes
    return json.dumps(data)


def test_a_paid_pix_is_collected_once_however_often_it_is_told() -> None:
    paid = record_callback(PENDING, callback("payment.captured"))

    assert (paid.captured, paid.status) == (AMOUNT, "captured")
    assert record_callback(paid, callback("payment.captured")) is paid


def test_an_authorised_payment_waits_for_its_capture() -> None:
    assert record_callback(PENDING, callback("payment.authorized")).status == "authorized"


def test_a_declined_payment_is_declined() -> None:
    assert record_callback(PENDING, callback("payment.declined")).status == "declined"


def test_a_refund_is_settled_by_its_id() -> None:
    requested = request_refund(CAPTURED, AMOUNT, "rfd_1", "key:refund")

    refunded = record_callback(requested, callback("payment.refunded", "rfd_1"))
    failed = record_callback(requested, callback("payment.refund_failed", "rfd_1"))

    assert (refunded.refunded, refunded.refund_pending) == (AMOUNT, Money.zero("BRL"))
    assert failed.refundable == AMOUNT


def test_a_capture_above_the_amount_is_refused() -> None:
    above = PaymentCallback("evt_1", "payment.captured", "pay_1", Money(5001, "BRL"), "aut_1")

    with pytest.raises(Conflict):
        record_callback(PENDING, above)


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
    ],
)
def test_a_callback_with_a_wrong_part_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_callback(document(**changes))


def test_a_callback_of_an_unknown_type_or_a_nameless_refund_is_refused() -> None:
    for kind in ("payment.exploded", "payment.refunded"):
        with pytest.raises(Refused):
            read_callback(document().replace("payment.captured", kind))
