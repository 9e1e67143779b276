"""What PayPal tells: believed when its certificate made the signature, and put in our words."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import paypal
from oms.channels.certificates import FetchedCertificates, refuse_untrusted
from oms.channels.model import Call, Delivery, Ignored, PaymentReported
from oms.channels.paypal import PayPal, certificates_of
from oms.kernel.errors import NotFound, ProviderUnavailable, Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import PaymentCallback
from tests.payment_providers import certificate, paypal_headers

SAMPLE = Path(__file__).parents[3] / "events" / "webhooks" / "paypal_capture_completed.json"
NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
WEBHOOK_ID = "1AB23456CD789012E"
PAYMENT, REFUND = "pay_yo7onh3dw7qpno4k6fcdqhzytn_1", "rfd_yo7onh3dw7qpno4k6fcdqhzytn_1"
EVENT: dict[str, Any] = json.loads(SAMPLE.read_text())["body"]
BODY = json.dumps(EVENT).encode()


@dataclass
class Given:
    """Certificates that are at hand, and who asked for them."""

    pem: bytes = field(default_factory=certificate)
    asked: list[str] = field(default_factory=list)

    def at(self, url: str) -> bytes:
        refuse_untrusted(url, ["https://api.paypal.com/v1/notifications/certs/"])
        self.asked.append(url)
        return self.pem


def refusal(
    headers: dict[str, str],
    body: bytes = BODY,
    secret: str = WEBHOOK_ID,
    certificates: Given | None = None,
) -> str:
    with pytest.raises(Unauthenticated) as refused:
        PayPal(certificates or Given()).verify(Call(headers, body), secret, NOW)
    return refused.value.problem_code


def test_a_signed_event_is_known_by_its_id() -> None:
    call = Call(paypal_headers(WEBHOOK_ID, BODY, NOW), BODY)

    delivery = PayPal(Given()).verify(call, WEBHOOK_ID, NOW)

    assert (delivery.id, delivery.body) == (EVENT["id"], BODY.decode())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("paypal-transmission-sig", "missing_signature"),
        ("paypal-transmission-id", "missing_header"),
        ("paypal-transmission-time", "missing_header"),
        ("paypal-cert-url", "missing_header"),
        ("paypal-auth-algo", "missing_header"),
    ],
)
def test_a_call_without_one_of_its_headers_is_refused(name: str, code: str) -> None:
    headers = paypal_headers(WEBHOOK_ID, BODY, NOW)

    assert refusal({**headers, name: " "}) == code
    del headers[name]
    assert refusal(headers) == code


def test_another_body_webhook_or_transmission_is_refused() -> None:
    headers = paypal_headers(WEBHOOK_ID, BODY, NOW)
    other = {**headers, "paypal-transmission-id": "transmission-2"}
    garbled = {**headers, "paypal-transmission-sig": "não"}

    assert refusal(headers, BODY + b" ") == "signature_mismatch"
    assert refusal(headers, secret="ANOTHERWEBHOOK") == "signature_mismatch"
    assert refusal(other) == "signature_mismatch"
    assert refusal(garbled) == "signature_mismatch"
    assert refusal(headers, secret="") == "not_configured"


def test_another_algorithm_is_not_believed() -> None:
    headers = {**paypal_headers(WEBHOOK_ID, BODY, NOW), "paypal-auth-algo": "SHA1withRSA"}

    assert refusal(headers) == "unknown_algorithm"


@pytest.mark.parametrize("off", [timedelta(days=-4, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_a_transmission_from_another_time_is_refused(off: timedelta) -> None:
    assert refusal(paypal_headers(WEBHOOK_ID, BODY, NOW + off)) == "timestamp_out_of_tolerance"


def test_a_transmission_of_no_time_is_refused() -> None:
    headers = {**paypal_headers(WEBHOOK_ID, BODY, NOW), "paypal-transmission-time": "noon"}

    assert refusal(headers) == "malformed_header"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.example.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@example.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:444/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../oauth2/token",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e/x",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?next=1",
        "https://api.paypal.com/elsewhere/CERT-1",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(url: str) -> None:
    certificates = Given()

    refused = refusal(paypal_headers(WEBHOOK_ID, BODY, NOW, url), certificates=certificates)

    assert (refused, certificates.asked) == ("untrusted_certificate_url", [])


@pytest.mark.parametrize("begins", [NOW + timedelta(days=1), NOW - timedelta(days=400)])
def test_a_certificate_that_does_not_hold_now_is_not_believed(begins: datetime) -> None:
    certificates = Given(certificate(begins, 365))

    headers = paypal_headers(WEBHOOK_ID, BODY, NOW)

    assert refusal(headers, certificates=certificates) == "certificate_expired"


def test_what_is_no_certificate_asks_paypal_to_come_again() -> None:
    call = Call(paypal_headers(WEBHOOK_ID, BODY, NOW), BODY)

    with pytest.raises(ProviderUnavailable):
        PayPal(Given(b"<html>")).verify(call, WEBHOOK_ID, NOW)


@dataclass
class Files:
    """Stands in for the network; each file is there or its error is raised."""

    found: bytes | Exception = b"pem"
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str, headers: object, most: int) -> bytes:
        self.asked.append(url)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


TRUSTED = "https://api.paypal.com/v1/notifications/certs/"


def test_a_certificate_is_fetched_once_in_a_while() -> None:
    files, now = Files(), [NOW]
    certificates = FetchedCertificates([TRUSTED], files, lambda: now[0])

    assert certificates.at(TRUSTED + "CERT-1") == certificates.at(TRUSTED + "CERT-1") == b"pem"
    assert len(files.asked) == 1
    now[0] += timedelta(hours=12)
    certificates.at(TRUSTED + "CERT-1")
    assert len(files.asked) == 2


def test_only_some_certificates_are_kept() -> None:
    files = Files()
    certificates = FetchedCertificates([TRUSTED], files, lambda: NOW)

    for number in range(17):
        certificates.at(f"{TRUSTED}CERT-{number}")
    certificates.at(TRUSTED + "CERT-16")
    assert len(files.asked) == 17
    certificates.at(TRUSTED + "CERT-0")
    assert len(files.asked) == 18


def test_a_certificate_that_is_not_there_is_refused_and_one_that_is_late_asked_for_again() -> None:
    missing = FetchedCertificates([TRUSTED], Files(NotFound("no")), lambda: NOW)
    files = Files(ProviderUnavailable("slow"))
    late = FetchedCertificates([TRUSTED], files, lambda: NOW)

    with pytest.raises(Unauthenticated) as refused:
        missing.at(TRUSTED + "CERT-1")
    assert refused.value.problem_code == "certificate_not_found"
    with pytest.raises(ProviderUnavailable):
        late.at(TRUSTED + "CERT-1")
    files.found = b"pem"
    assert late.at(TRUSTED + "CERT-1") == b"pem"


@pytest.mark.parametrize("host", ["api.paypal.com", "api-m.sandbox.paypal.com"])
def test_certificates_are_paypals_unless_something_stands_in_for_it(host: str) -> None:
    of_paypal = certificates_of()
    standing_in = certificates_of("http://127.0.0.1:9/")
    url = f"https://{host}/v1/notifications/certs/CERT-1"
    assert isinstance(of_paypal, FetchedCertificates)
    assert isinstance(standing_in, FetchedCertificates)

    refuse_untrusted(url, of_paypal.trusted)
    refuse_untrusted("http://127.0.0.1:9/v1/notifications/certs/CERT-1", standing_in.trusted)
    with pytest.raises(Unauthenticated):
        standing_in.at(url)


def read(kind: str, **resource: Any) -> PaymentCallback | None:
    event = {**EVENT, "event_type": kind, "resource": {**EVENT["resource"], **resource}}
    (command,) = paypal.read(Delivery("d", json.dumps(event), {}))
    if isinstance(command, PaymentReported):
        assert command.provider == "paypal"
        return command.callback
    assert isinstance(command, Ignored)
    return None


def test_a_capture_is_read_with_our_payments_id_and_its_authorisation() -> None:
    assert read("PAYMENT.CAPTURE.COMPLETED") == PaymentCallback(
        EVENT["id"],
        "payment.captured",
        PAYMENT,
        Money(60060, "BRL"),
        "SAMPLECAPTURE0001",
        at=datetime(2026, 5, 4, 13, 8, 2, tzinfo=UTC),
        authorization="SAMPLEHOLD0000001",
        final=True,
    )


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("PAYMENT.AUTHORIZATION.CREATED", "payment.authorized"),
        ("PAYMENT.AUTHORIZATION.VOIDED", "payment.voided"),
        ("PAYMENT.CAPTURE.PENDING", "payment.pending"),
        ("PAYMENT.CAPTURE.DENIED", "payment.capture_failed"),
        ("PAYMENT.CAPTURE.DECLINED", "payment.capture_failed"),
        ("PAYMENT.CAPTURE.REFUNDED", "payment.refunded"),
        ("PAYMENT.CAPTURE.REVERSED", "payment.charged_back"),
        ("PAYMENT.REFUND.FAILED", "payment.refund_failed"),
        ("PAYMENT.SALE.COMPLETED", "payment.captured"),
        ("PAYMENT.SALE.REFUNDED", "payment.refunded"),
        ("CUSTOMER.DISPUTE.CREATED", None),
        ("BILLING.PLAN.CREATED", None),
    ],
)
def test_each_event_type_is_put_in_our_words(kind: str, ours: str | None) -> None:
    told = read(kind)

    assert (told.type if told else None) == ours


def test_a_hold_that_lapsed_is_one_that_expired() -> None:
    told = read("PAYMENT.AUTHORIZATION.VOIDED", status="EXPIRED")

    assert told is not None
    assert told.type == "payment.authorization_expired"


def test_a_refund_is_known_by_our_id_of_it() -> None:
    told = read("PAYMENT.CAPTURE.REFUNDED", invoice_id=REFUND)

    assert told is not None
    assert (told.payment_id, told.refund_id) == (PAYMENT, REFUND)


def test_an_older_resource_is_read_as_well() -> None:
    older = {
        "id": "SALE1",
        "amount": {"total": "-12.50", "currency": "BRL"},
        "custom": PAYMENT,
        "parent_payment": "PAY-1",
        "supplementary_data": None,
    }

    told = read("PAYMENT.SALE.REVERSED", **{**dict.fromkeys(EVENT["resource"]), **older})

    assert told is not None
    assert (told.type, told.amount) == ("payment.charged_back", Money(1250, "BRL"))
    assert (told.payment_id, told.authorization) == (PAYMENT, "PAY-1")


def test_the_link_upwards_names_what_a_resource_came_from() -> None:
    links = [
        {"rel": "self", "href": "https://api.paypal.com/v2/payments/captures/C1"},
        {"rel": "up", "href": "https://api.paypal.com/v2/payments/authorizations/A1"},
    ]

    told = read("PAYMENT.CAPTURE.COMPLETED", supplementary_data=None, links=links)

    assert told is not None
    assert told.authorization == "A1"
