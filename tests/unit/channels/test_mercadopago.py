"""What Mercado Pago tells: believed when its manifest holds, asked for, and put in our words."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import mercadopago
from oms.channels.model import Call, Delivery, Ignored, ResourceNamed
from oms.channels.resources import HttpsResources
from oms.kernel.errors import NotFound, ProviderUnavailable, Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import PaymentCallback
from tests.payment_providers import mercadopago_headers

SAMPLE = Path(__file__).parents[3] / "events" / "webhooks" / "mercadopago_payment_updated.json"
NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
SECRET = "a secret"
PAYMENT, REFUND = "pay_yo7onh3dw7qpno4k6fcdqhzytn_1", "rfd_yo7onh3dw7qpno4k6fcdqhzytn_1"
NOTICE: dict[str, Any] = json.loads(SAMPLE.read_text())
ID = NOTICE["query"]["data.id"]
BODY = json.dumps(NOTICE["body"]).encode()


def called(headers: Mapping[str, str], resource_id: str = ID, body: bytes = BODY) -> Call:
    return Call(headers, body, {"data.id": resource_id, "type": "payment"})


def refusal(call: Call, secret: str = SECRET) -> str:
    with pytest.raises(Unauthenticated) as refused:
        mercadopago.verify(call, secret, NOW)
    return refused.value.problem_code


def test_a_signed_notice_leads_to_the_payment_that_is_to_be_asked_for() -> None:
    delivery = mercadopago.verify(called(mercadopago_headers(SECRET, ID, NOW)), SECRET, NOW)

    assert delivery.id == "req-1"
    assert mercadopago.read(delivery) == (ResourceNamed("mercadopago", f"/v1/payments/{ID}"),)


def test_the_id_is_that_of_the_query_which_is_signed_and_not_of_the_body() -> None:
    body = BODY.replace(ID.encode(), b"666")

    delivery = mercadopago.verify(
        called(mercadopago_headers(SECRET, ID, NOW), body=body), SECRET, NOW
    )

    assert mercadopago.read(delivery) == (ResourceNamed("mercadopago", f"/v1/payments/{ID}"),)


def test_letters_of_an_id_may_be_signed_as_they_come_or_in_lower_case() -> None:
    for signed in ("ORD01JQ", "ord01jq"):
        headers = mercadopago_headers(SECRET, signed, NOW)
        assert mercadopago.verify(called(headers, "ORD01JQ"), SECRET, NOW).id == "req-1"
    assert refusal(called(mercadopago_headers(SECRET, "ORD01JQ", NOW), "ord01jq")) == (
        "signature_mismatch"
    )


def test_what_is_not_sent_is_not_signed() -> None:
    headers = mercadopago_headers(SECRET, ID, NOW, request_id="")
    del headers["x-request-id"]

    assert mercadopago.verify(called(headers), SECRET, NOW).id == ID


def test_a_timestamp_may_be_in_seconds() -> None:
    seconds = str(int(NOW.timestamp()))
    signed = mercadopago.manifest(ID, "", seconds).encode()
    digest = hmac.digest(SECRET.encode(), signed, hashlib.sha256).hex()

    call = called({"x-signature": f"ts={seconds},v1={digest}"})

    assert mercadopago.verify(call, SECRET, NOW).id == ID


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "missing_signature"),
        ("a signature", "malformed_header"),
        ("v1=00", "missing_timestamp"),
        ("ts=1777899600000", "missing_hash"),
        ("ts=1777899600000,v2=00", "missing_hash"),
        ("ts=noon,v1=00", "malformed_header"),
        ("ts=1777899600000,v1=00", "signature_mismatch"),
    ],
)
def test_a_header_that_does_not_hold_is_refused_for_its_reason(header: str, code: str) -> None:
    assert refusal(called({"X-Signature": header})) == code


def test_another_id_request_or_secret_and_no_secret_are_refused() -> None:
    headers = mercadopago_headers(SECRET, ID, NOW)

    assert refusal(called(headers, "666")) == "signature_mismatch"
    assert refusal(called({**headers, "x-request-id": "req-2"})) == "signature_mismatch"
    assert refusal(called(headers), "another") == "signature_mismatch"
    assert refusal(called(headers), "") == "not_configured"


@pytest.mark.parametrize("off", [timedelta(days=-7, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_a_notice_from_another_time_is_refused(off: timedelta) -> None:
    headers = mercadopago_headers(SECRET, ID, NOW + off)

    assert refusal(called(headers)) == "timestamp_out_of_tolerance"


@pytest.mark.parametrize(
    ("kind", "resource_id"),
    [("merchant_order", ID), ("", ID), ("payment", ""), ("payment", "../users/me")],
)
def test_notices_of_anything_else_are_ignored(kind: str, resource_id: str) -> None:
    delivery = Delivery("d", json.dumps({"type": kind}), {"data.id": resource_id})

    (command,) = mercadopago.read(delivery)

    assert isinstance(command, Ignored)


def told(**changes: Any) -> list[PaymentCallback]:
    document = json.dumps({**NOTICE["resource"], **changes})
    reports = mercadopago.reports(mercadopago.read_payment(document))
    assert all(report.provider == "mercadopago" for report in reports)
    return [report.callback for report in reports]


def test_an_approved_payment_was_captured_when_it_was_approved() -> None:
    assert told() == [
        PaymentCallback(
            f"{ID}:captured",
            "payment.captured",
            PAYMENT,
            Money(60060, "BRL"),
            ID,
            at=datetime(2026, 5, 4, 13, 8, 1, tzinfo=UTC),
            authorization=ID,
        )
    ]


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({"status": "pending", "date_approved": None}, [("payment.pending", 60060)]),
        ({"status": "in_process", "date_approved": None}, [("payment.pending", 60060)]),
        (
            {"status": "authorized", "captured": False, "date_approved": None},
            [("payment.authorized", 60060)],
        ),
        ({"status": "rejected", "date_approved": None}, [("payment.declined", 60060)]),
        ({"status": "cancelled", "date_approved": None}, [("payment.voided", 0)]),
        (
            {"status": "cancelled", "captured": False, "date_approved": None},
            [("payment.voided", 60060)],
        ),
        (
            {"status": "charged_back"},
            [("payment.captured", 60060), ("payment.charged_back", 60060)],
        ),
        (
            {"status": "charged_back", "status_detail": "reimbursed"},
            [
                ("payment.captured", 60060),
                ("payment.charged_back", 60060),
                ("payment.charge_back_reversed", 60060),
            ],
        ),
        ({"status": "in_mediation"}, [("payment.captured", 60060)]),
    ],
)
def test_a_payment_is_read_by_what_it_is_now(
    changes: dict[str, Any], ours: list[tuple[str, int]]
) -> None:
    assert [(each.type, each.amount.minor) for each in told(**changes)] == ours


def test_each_refund_of_a_payment_is_told_of() -> None:
    def refund(number: int, status: str) -> dict[str, Any]:
        return {
            "id": number,
            "payment_id": int(ID),
            "amount": 10.5,
            "status": status,
            "date_created": "2026-05-05T10:00:00.000-03:00",
            "metadata": {"refund_id": REFUND},
        }

    refunds = [refund(1, "approved"), refund(2, "rejected"), refund(3, "in_process")]

    captured, refunded, failed = told(status="refunded", refunds=refunds)

    assert captured.type == "payment.captured"
    assert (refunded.type, refunded.amount, refunded.reference, refunded.refund_id) == (
        "payment.refunded",
        Money(1050, "BRL"),
        "1",
        REFUND,
    )
    assert (failed.type, failed.code, failed.id) == (
        "payment.refund_failed",
        "rejected",
        f"{ID}:2:rejected",
    )


@pytest.mark.parametrize(("given_back", "taken"), [(10.5, [59010]), (600.6, [])])
def test_only_what_was_not_refunded_can_be_charged_back(
    given_back: float, taken: list[int]
) -> None:
    refund = {
        "id": 1,
        "amount": given_back,
        "status": "approved",
        "date_created": "2026-05-05T10:00:00.000-03:00",
    }

    found = told(status="charged_back", refunds=[refund])

    assert [each.amount.minor for each in found if each.type == "payment.charged_back"] == taken


def test_a_payment_of_somebody_else_is_known_by_its_name_alone() -> None:
    (captured,) = told(external_reference="order 7")

    assert (captured.payment_id, captured.authorization) == ("", ID)


@dataclass
class Answers:
    """Stands in for the network: what is raised or answered, one after another."""

    found: list[bytes | Exception]
    asked: list[tuple[str, str]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def fetch(self, url: str, headers: Mapping[str, str], most: int) -> bytes:
        self.asked.append((url, headers["authorization"]))
        answer = self.found.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def asked(answers: Answers) -> str:
    resources = HttpsResources(
        "https://api.example.com/", lambda: "token", answers.fetch, answers.waited.append
    )
    return resources.get("/v1/payments/1")


def test_a_resource_is_asked_for_with_our_token_and_once_more_after_silence() -> None:
    answers = Answers([ProviderUnavailable("slow"), b"{}"])

    assert asked(answers) == "{}"
    assert answers.asked == [("https://api.example.com/v1/payments/1", "Bearer token")] * 2
    assert len(answers.waited) == 1
    assert 0 <= answers.waited[0] <= 0.5


def test_a_provider_that_stays_silent_is_left_to_the_queue() -> None:
    answers = Answers([ProviderUnavailable("slow")] * 2)

    with pytest.raises(ProviderUnavailable):
        asked(answers)
    assert answers.found == []


def test_a_provider_that_stayed_silent_is_left_alone_for_a_while() -> None:
    answers, now = Answers([ProviderUnavailable("slow")] * 2), [100.0]
    resources = HttpsResources(
        "https://api.example.com", lambda: "t", answers.fetch, answers.waited.append, lambda: now[0]
    )

    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            resources.get("/v1/payments/1")
    assert len(answers.asked) == 2

    now[0] += 15
    answers.found.append(b"{}")
    assert resources.get("/v1/payments/1") == "{}"


def test_what_a_provider_does_not_know_is_not_asked_for_twice() -> None:
    answers = Answers([NotFound("no")])

    with pytest.raises(NotFound):
        asked(answers)
    assert answers.waited == []
