"""Payment providers' reports, over HTTP: genuine or not, repeated, and in the wrong order."""

import httpx
import pytest

from tests.e2e.bus import until_quiet
from tests.e2e.payment_reports import ADYEN_KEY, Reports, mercadopago_id
from tests.e2e.provider import Provider, by_stripe
from tests.e2e.shop import Placed, Shop
from tests.e2e.stack import Stack
from tests.payment_providers import StandIn

PENDING_CARD = "4000000000003220"
REFUNDS_LATER = "4000000000007726"
# A client of ours asks Stripe; the simulator stands in for the others.
SIMULATED = ["adyen", "paypal", "mercadopago"]
ALL = ["stripe", *SIMULATED]


@pytest.fixture(scope="module")
def reports(stack: Stack, payment_stand_in: StandIn) -> Reports:
    """An operator has put Adyen's key and Mercado Pago's token where they belong."""
    secrets = stack.aws("secretsmanager")
    arn = stack.deployment.webhook_secrets["adyen"]
    secrets.put_secret_value(SecretId=arn, SecretString=ADYEN_KEY)
    token = stack.deployment_output("MercadoPagoSecretArn")
    secrets.put_secret_value(SecretId=token, SecretString="a token")
    return Reports(stack, payment_stand_in)


def pending(shop: Shop, source: str) -> Placed:
    """An order whose card is pending until its provider reports."""
    means = {"method": "card", "provider": source, "token": PENDING_CARD}
    order = shop.place(shop.item(1), payment=means)
    order.becomes("sourced", "awaiting_card")
    return order


def held_by(source: str, order: Placed) -> str:
    return mercadopago_id(order) if source == "mercadopago" else f"held-{order.number}"


def taken_by(source: str, order: Placed) -> str:
    return mercadopago_id(order) if source == "mercadopago" else f"taken-{order.number}"


def paid(shop: Shop, provider: Provider, reports: Reports, source: str) -> Placed:
    """An order that is paid: by our own capture at Stripe, by a report of the others."""
    if source == "stripe":
        order = shop.place(shop.item(1), payment=by_stripe(provider.card()))
        order.fulfil()
        order.becomes("completed")
        return order
    order = pending(shop, source)
    reports.send(source, order, "captured", taken_by(source, order))
    order.fulfil()
    order.becomes("completed")
    return order


@pytest.mark.parametrize("source", SIMULATED)
def test_a_hold_that_is_reported_three_times_releases_the_order_once(
    shop: Shop, reports: Reports, source: str
) -> None:
    order = pending(shop, source)

    for _ in range(3):
        answer = reports.send(source, order, "authorized", held_by(source, order))
        assert answer.status_code in (200, 202), answer.text

    order.becomes("released")
    until_quiet(shop.stack, "inbox")
    assert order.now()["payment"]["authorized"] == "50.00"
    assert order.event_types().count("payment_authorized") == 1


@pytest.mark.parametrize("source", SIMULATED)
def test_reports_in_the_wrong_order_and_repeated_come_to_the_same(
    shop: Shop, reports: Reports, source: str
) -> None:
    order = pending(shop, source)

    for kind in ("captured", "authorized", "captured", "authorized"):
        name = taken_by(source, order) if kind == "captured" else held_by(source, order)
        reports.send(source, order, kind, name)

    order.becomes("released")
    until_quiet(shop.stack, "inbox")
    payment = order.now()["payment"]
    assert (payment["authorized"], payment["captured"]) == ("50.00", "50.00")
    assert order.event_types().count("payment_captured") == 1
    assert order.now()["refunds"] == []


def test_what_stripe_reports_of_our_own_capture_counts_once(
    shop: Shop, provider: Provider, reports: Reports
) -> None:
    order = paid(shop, provider, reports, "stripe")
    (intent,) = provider.charges_of(order.id)

    for kind in ("captured", "authorized", "captured"):
        assert reports.send("stripe", order, kind, intent.id).status_code == 202

    until_quiet(shop.stack, "inbox")
    payment = order.now()["payment"]
    assert (payment["authorized"], payment["captured"]) == ("50.00", "50.00")
    assert order.event_types().count("payment_captured") == 1


@pytest.mark.parametrize("source", ALL)
def test_a_refund_in_the_providers_console_is_the_orders_too_and_counts_once(
    shop: Shop, provider: Provider, reports: Reports, source: str
) -> None:
    order = paid(shop, provider, reports, source)
    name = f"88{order.number.rpartition('-')[2]}"

    for _ in range(3):
        reports.send(source, order, "refunded", name, "10.00")

    shown = order.shows(lambda view: view["payment"]["refunded"] == "10.00")
    until_quiet(shop.stack, "inbox", "refunds")
    (refund,) = order.now()["refunds"]
    assert (refund["state"], refund["amount"]) == ("refunded", "10.00")
    assert shown["due"] == "40.00"
    assert order.event_types().count("payment_refunded") == 1


@pytest.mark.parametrize("source", ["adyen", "paypal"])
def test_a_refund_that_we_asked_for_is_completed_once_by_its_reports(
    shop: Shop, reports: Reports, source: str
) -> None:
    means = {"method": "card", "provider": source, "token": REFUNDS_LATER}
    order = shop.place(shop.item(1), payment=means)
    order.fulfil()
    order.becomes("completed")
    asked = {"refund_key": "late", "goodwill": "10.00"}
    answer = shop.stack.api.post(f"{order.path}/refunds", asked)
    assert answer.status_code in (200, 201), answer.text
    until_quiet(shop.stack, "refunds")

    for _ in range(3):
        reports.send(source, order, "refunded", f"back-{order.number}", "10.00")

    order.shows(lambda view: view["payment"]["refunded"] == "10.00")
    until_quiet(shop.stack, "inbox")
    (refund,) = order.now()["refunds"]
    assert (refund["state"], refund["amount"]) == ("refunded", "10.00")
    types = order.event_types()
    assert (types.count("payment_refunded"), types.count("refund_completed")) == (1, 1)


@pytest.mark.parametrize("source", ALL)
def test_a_charge_back_is_shown_and_counts_once(
    shop: Shop, provider: Provider, reports: Reports, source: str
) -> None:
    order = paid(shop, provider, reports, source)

    for _ in range(2):
        reports.send(source, order, "charged_back", f"dispute-{order.number}")

    shown = order.shows(lambda view: view["payment"]["charge_status"] == "none")
    until_quiet(shop.stack, "inbox")
    assert shown["payment"]["refundable"] == "0.00"
    assert order.event("charged_back")["data"]["amount"] == 5000


@pytest.mark.parametrize("source", ALL)
def test_a_report_that_is_not_genuine_is_refused_and_changes_nothing(
    shop: Shop, provider: Provider, reports: Reports, stack: Stack, source: str
) -> None:
    order = paid(shop, provider, reports, source)
    version = order.now()["version"]
    forger = _Forger(stack, reports.provider, "FF" * 32)

    refused = forger.send(source, order, "charged_back", f"forged-{order.number}")

    assert refused.status_code == 401
    assert refused.json()["code"] == "signature_mismatch"
    until_quiet(stack, "inbox")
    assert order.now()["version"] == version


class _Forger(Reports):
    """Knows how everything is signed, but not with what."""

    def deliver(
        self, source: str, body: bytes, headers: dict[str, str], query: str = ""
    ) -> httpx.Response:
        forged = {**headers}
        for name in ("stripe-signature", "x-signature"):
            if name in forged:
                forged[name] = forged[name].rpartition("v1=")[0] + "v1=" + "0" * 64
        if source == "paypal":
            body = body.replace(b"50.00", b"49.00")
        return super().deliver(source, body, forged, query)
