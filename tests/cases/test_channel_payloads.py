"""Public webhook payloads and signatures: which we accept, and what we read out of them.

The files are other people's fixtures and are not carried here; see ``CASES_DIR``. Of the schemes
and channels in them, those that we have a source for are run.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import adyen, mercadopago, paypal, shopify, standard, stripe
from oms.channels.certificates import refuse_untrusted
from oms.channels.model import (
    Call,
    CaptureRequested,
    ChannelOrder,
    Command,
    Delivery,
    Ignored,
    PaymentReported,
    ResourceNamed,
)
from oms.channels.payload import Payload, parse_payload
from oms.channels.paypal import PayPal
from oms.channels.signatures import values_by_name
from oms.kernel.errors import Invalid, Unauthenticated
from oms.kernel.money import Money

_REPOSITORY = Path(__file__).parents[2]
FOLDER = (
    Path(os.environ.get("CASES_DIR", _REPOSITORY.parent / "shared" / "cases")) / "channel_payloads"
)
VECTORS = FOLDER / "_signature_vectors.json"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of public payloads is not on this machine"
)

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SHOPIFY = "shopify"
_SOURCES = (_SHOPIFY, "standard-webhooks", "stripe", "adyen", "mercadopago", "paypal")
_PROVIDERS = ("stripe", "adyen", "mercadopago", "paypal")
# The reasons are neutral labels, and ours may say which of two it was.
_SAME_REASON = {
    "missing_header": {"missing_header", "missing_signature"},
    "missing_signature": {"missing_header", "missing_signature"},
    "missing_hash": {"missing_hash", "missing_signature"},
}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _vectors() -> list[Any]:
    cases = _read(VECTORS)["cases"] if VECTORS.exists() else []
    return [
        pytest.param(case, id=case["id"]) for case in cases if case["scheme"].split()[0] in _SOURCES
    ]


def _payloads(*channels: str) -> list[Any]:
    files = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
    cases = [_read(path) for path in files if not path.name.startswith("_")]
    return [pytest.param(case, id=case["id"]) for case in cases if case["channel"] in channels]


def _verify(scheme: str, given: Mapping[str, Any]) -> Delivery:
    channel = scheme.split()[0]
    call = _call(given)
    if channel == _SHOPIFY:
        return shopify.verify(call, given["secret"], _NOW)
    if channel == "adyen":
        return adyen.verify(call, given["secret"], _NOW)
    if channel == "paypal":
        now = _moment(given, call.headers["PAYPAL-TRANSMISSION-TIME"])
        return _paypal(given).verify(call, given["webhook_id"], now, _tolerance(given))
    verify = {
        "standard-webhooks": standard.verify,
        "stripe": stripe.verify,
        "mercadopago": mercadopago.verify,
    }[channel]
    return verify(call, given["secret"], _moment(given), _tolerance(given))


def _call(given: Mapping[str, Any]) -> Call:
    """An Adyen item comes in its envelope, and with its signature in it."""
    headers = given.get("headers", {})
    query = {"data.id": given["query_data_id"]} if given.get("query_data_id") else {}
    if "item" not in given:
        return Call(headers, given.get("raw_body", "{}").encode(), query)
    item = given["item"]
    if "signature" in given:
        item = {**item, "additionalData": {"hmacSignature": given["signature"]}}
    return Call(headers, json.dumps(_envelope(item)).encode(), query)


def _envelope(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}


def _moment(given: Mapping[str, Any], stamped: str = "") -> datetime:
    """The verifier's clock. Where a vector has none, time is not what it is about."""
    if "now" in given:
        return datetime.fromtimestamp(given["now"], UTC)
    return datetime.fromisoformat(stamped) if stamped else _NOW


def _tolerance(given: Mapping[str, Any]) -> Any:
    seconds = given.get("tolerance_seconds")
    return timedelta(seconds=seconds) if seconds is not None else None


@dataclass(frozen=True)
class _OneCertificate:
    pem: bytes
    hosts: tuple[str, ...]

    def at(self, url: str) -> bytes:
        refuse_untrusted(url, [f"https://{host}/" for host in self.hosts])
        return self.pem


def _paypal(given: Mapping[str, Any]) -> PayPal:
    """``certificate`` is the path of an asset in the file, or the certificate itself."""
    found: Any = _read(VECTORS)
    certificate = given.get("certificate") or "assets.paypal_like_certificate_pem"
    if certificate.startswith("assets."):
        for name in certificate.split("."):
            found = found[name]
        certificate = found
    hosts = given.get("trusted_certificate_hosts") or ["certs.test.invalid"]
    return PayPal(_OneCertificate(certificate.encode(), tuple(hosts)))


@pytest.mark.parametrize("case", _vectors())
def test_a_signature_is_accepted_or_refused_for_its_reason(case: dict[str, Any]) -> None:
    given, then = _with_signature(case), case["then"]
    if "signed_string" in given:
        assert _signed(case["scheme"], given) == given["signed_string"]

    if then["accepted"]:
        delivery = _verify(case["scheme"], given)
        assert "raw_body" not in given or delivery.body == given["raw_body"]
    elif then["accepted"] is False:
        with pytest.raises(Unauthenticated) as refusal:
            _verify(case["scheme"], given)
        reason = then["reason"]
        assert refusal.value.problem_code in _SAME_REASON.get(reason, {reason})


def _with_signature(case: Mapping[str, Any]) -> dict[str, Any]:
    """What an item is to be signed with stands beside the answer, if not in the item."""
    given: dict[str, Any] = dict(case["given"])
    signed = given.get("item", {}).get("additionalData", {}).get("hmacSignature")
    if "item" in given and not signed and "expected_signature" in case["then"]:
        given.setdefault("signature", case["then"]["expected_signature"])
    return given


def _signed(scheme: str, given: Mapping[str, Any]) -> str:
    headers = {name.lower(): value for name, value in given.get("headers", {}).items()}
    match scheme.split()[0]:
        case "adyen":
            return adyen.signed_string(Payload(given["item"]))
        case "mercadopago":
            timestamp = values_by_name(headers["x-signature"])["ts"][0]
            request_id = headers.get("x-request-id", "")
            manifests = [
                mercadopago.manifest(spelling, request_id, timestamp)
                for spelling in (given["query_data_id"], given["query_data_id"].lower())
            ]
            return manifests[manifests.index(given["signed_string"])]
        case "paypal":
            return paypal.signed_string(
                headers["paypal-transmission-id"],
                headers["paypal-transmission-time"],
                given["webhook_id"],
                given["raw_body"].encode(),
            )
        case "stripe":
            timestamp = values_by_name(headers["stripe-signature"])["t"][0]
            return f"{timestamp}.{given['raw_body']}"
        case other:
            raise AssertionError(f"what {other} signs is not known")


@pytest.mark.parametrize("case", _payloads(_SHOPIFY))
def test_a_payload_comes_from_the_shop_and_is_read(case: dict[str, Any]) -> None:
    delivery = shopify.verify(_called(case), case["secret_used_if_known"], _NOW)

    assert delivery.body == case["raw_body"]
    assert delivery.id == case["headers"]["X-Shopify-Webhook-Id"]
    if case["facts"]["type"] == "order":
        order = shopify.read_order(delivery.body)
        assert _differences(case["facts"], order, _not_read(case["event"])) == {}


@pytest.mark.parametrize("case", _payloads(_SHOPIFY))
def test_a_payload_is_captured_or_ignored_or_refused_with_a_code(case: dict[str, Any]) -> None:
    delivery = shopify.verify(_called(case), case["secret_used_if_known"], _NOW)
    facts = case["facts"]

    if case["event"] != "orders/create" or facts["cancelled"]:
        assert [type(command) for command in shopify.read(delivery)] == [Ignored]
        return
    if any(line["sku"] is None for line in facts["lines"]):
        with pytest.raises(Invalid, match="SKU"):
            shopify.read(delivery)
        return
    (command,) = shopify.read(delivery)
    assert isinstance(command, CaptureRequested)
    assert command.document["channel_order_id"] == facts["external_order_id"]
    assert command.fulfilled_by_channel == (facts["fulfillment_status"] == "fulfilled")


def _called(case: Mapping[str, Any]) -> Call:
    facts_query = case["facts"].get("request_query", "")
    query = dict(pair.split("=", 1) for pair in facts_query.split("&") if pair)
    return Call(case["headers"], case["raw_body"].encode(), query)


def _signed_payloads() -> list[Any]:
    return [case for case in _payloads(*_PROVIDERS) if case.values[0]["transport"] != "pull"]


@pytest.mark.parametrize("case", _signed_payloads())
def test_a_payment_payload_is_verified_and_refused_with_any_other_byte(
    case: dict[str, Any],
) -> None:
    call = _called(case)
    if "paypal.com" in call.headers.get("PAYPAL-CERT-URL", ""):
        # Signed with a real key, whose certificate nobody here has.
        with pytest.raises(Unauthenticated):
            _verified(case, call)
        return

    delivery = _verified(case, call)

    assert delivery.body == case["raw_body"]
    for tampered in _tampered(case["channel"], call):
        with pytest.raises(Unauthenticated) as refusal:
            _verified(case, tampered)
        assert refusal.value.problem_code == "signature_mismatch"


def _verified(case: Mapping[str, Any], call: Call) -> Delivery:
    secret = case["secret_used_if_known"]
    match case["channel"]:
        case "stripe":
            return stripe.verify(call, secret, _NOW, None)
        case "adyen":
            return adyen.verify(call, secret, _NOW)
        case "mercadopago":
            return mercadopago.verify(call, secret, _NOW, None)
        case _:
            return _paypal({}).verify(call, secret.removeprefix("webhook id "), _NOW, None)


def _tampered(channel: str, call: Call) -> list[Call]:
    """Adyen signs some values of an item, Mercado Pago the query and not the body."""
    if channel == "mercadopago":
        return [Call(call.headers, call.body, {"data.id": "1"})]
    if channel == "adyen":
        return [Call(call.headers, call.body.replace(b'"currency":"', b'"currency":"X'))]
    return [Call(call.headers, call.body + b" "), Call(call.headers, call.body[:-1])]


Commands = tuple[Command, ...]
# What a fact of a payment is called in our own words. A dispute that took no money is ignored.
_OUR_TYPES: dict[str, set[str] | None] = {
    "authorization_success": {"payment.authorized"},
    "authorization_failure": {"payment.declined"},
    "authorization_adjustment": {"payment.authorization_adjusted"},
    "charge_success": {"payment.captured"},
    "charge_failure": {"payment.declined", "payment.capture_failed"},
    "charge_back": {"payment.charged_back"},
    "cancel_success": {"payment.voided"},
    "cancel_failure": {"payment.void_failed"},
    "refund_success": {"payment.refunded"},
    "refund_failure": {"payment.refund_failed"},
    "refund_reverse": {"payment.refund_reversed"},
    "dispute_opened": set(),
    "notification": set(),
    # Whatever it says has happened, and of a refund by itself nothing.
    "payment_state": None,
    "refund_state": set(),
}


@pytest.mark.parametrize("case", _payloads(*_PROVIDERS))
def test_the_facts_of_a_payment_payload_are_read(case: dict[str, Any]) -> None:
    facts = dict(case["facts"])
    expected = _OUR_TYPES[facts.pop("type")]

    read, commands = _READERS[case["channel"]](case)

    told = {c.callback.type for c in commands if isinstance(c, PaymentReported)}
    assert expected is None or (bool(told) == bool(expected) and told <= expected)
    assert {name: read.get(name, "not read") for name in facts} == facts


def _stripe_facts(case: Mapping[str, Any]) -> tuple[dict[str, Any], Commands]:
    event = stripe.read_event(case["raw_body"])
    facts = _plain(event) | {"currency": event.amount.currency}
    return facts, stripe.read(Delivery("d", case["raw_body"], {}))


def _adyen_facts(case: Mapping[str, Any]) -> tuple[dict[str, Any], Commands]:
    envelope = parse_payload(case["raw_body"]).at("notificationItems").elements()
    (item,) = (adyen.read_item(each.at("NotificationRequestItem")) for each in envelope)
    facts = _plain(item) | {"currency": item.amount.currency}
    return facts, adyen.read(Delivery("d", case["raw_body"], {}))


def _paypal_facts(case: Mapping[str, Any]) -> tuple[dict[str, Any], Commands]:
    event = paypal.read_event(case["raw_body"])
    facts = _plain(event) | {"currency": event.amount.currency}
    return facts, paypal.read(Delivery("d", case["raw_body"], {}))


def _mercadopago_facts(case: Mapping[str, Any]) -> tuple[dict[str, Any], Commands]:
    """A notification, or the payment or refund that it makes us ask for."""
    body = case["raw_body"]
    if case["transport"] != "pull":
        call = _called(case)
        commands = mercadopago.read(_verified(case, call))
        (named,) = commands
        assert isinstance(named, ResourceNamed)
        facts = {
            "payment_ref": named.path.removeprefix("/v1/payments/"),
            "needs_fetch_of_payment": True,
            "request_query": "&".join(f"{name}={value}" for name, value in call.query.items()),
        }
        return facts, commands
    if "payment_id" in parse_payload(body).members():
        refund = mercadopago.read_refund(parse_payload(body), case["facts"].get("currency", "BRL"))
        return _plain(refund), ()
    payment = mercadopago.read_payment(body)
    received = {"money_received": payment.money_received.minor}
    facts = _plain(payment) | received | {"currency": payment.amount.currency}
    return facts, mercadopago.reports(payment)


_READERS = {
    "stripe": _stripe_facts,
    "adyen": _adyen_facts,
    "paypal": _paypal_facts,
    "mercadopago": _mercadopago_facts,
}


def _not_read(event: str) -> set[str]:
    """The refunds of an order that comes by a topic which we ignore. A new order has none."""
    return {"type"} if event == "orders/create" else {"type", "refunds"}


def _differences(
    facts: Mapping[str, Any], order: ChannelOrder, not_read: set[str]
) -> dict[str, tuple[Any, Any]]:
    """Fact by fact: what is expected, and what we read. A fact we do not know differs."""
    read = _plain(order)
    return {
        name: (expected, read.get(name, "not read"))
        for name, expected in facts.items()
        if name not in not_read and (name not in read or read[name] != expected)
    }


def _plain(value: Any) -> dict[str, Any]:
    return {field.name: _fact(getattr(value, field.name)) for field in fields(value)}


def _fact(value: object) -> Any:
    if isinstance(value, Money):
        return value.minor
    if isinstance(value, tuple):
        return [_plain(each) if is_dataclass(each) else each for each in value]
    return value
