"""Notifications of payment providers, from the call to the order they are about."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.aws.dead_letters import MAX_RECEIVES
from oms.kernel.ids import order_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.model import Order
from oms.payments.model import Payment
from tests.integration.channels.conftest import SECRETS, Inbound
from tests.integration.channels.test_inbox_function import message
from tests.payment_providers import (
    CERTIFICATE_PATH,
    adyen_signed,
    mercadopago_headers,
    paypal_headers,
    stripe_headers,
)
from tests.samples import CAUSE

ORDER = order_id("marketplace-br", "id:MKT-2026-000123")
TOTAL = Money(25750, "BRL")
PROVIDERS = ["stripe", "adyen", "paypal", "mercadopago"]
MP_ID = "112233445566"


def placed(inbound: Inbound, provider: str) -> Payment:
    """An order that is to be paid by it, held under the provider's name for it."""
    # A token that the provider takes, which no report repeats.
    token = "pm_1" if provider == "stripe" else "4242424242424242"
    means = {"method": "card", "provider": provider, "token": token}
    assert inbound.deliver(message("standard_order_created", payment=means)) == []
    order = inbound.orders.load(ORDER)
    payment = order.payments.each[0]
    held = happened.PaymentAuthorized(
        payment.id, TOTAL.minor, _name(provider), f"{payment.id}:authorize:1", CAUSE.at
    )
    inbound.orders.commit(order, (held,), CAUSE)
    return payment


def _name(provider: str) -> str:
    return {"stripe": "pi_1", "mercadopago": MP_ID}.get(provider, "HOLD1")


def notify(inbound: Inbound, provider: str, payment_id: str, amount: str = "257.50") -> Any:
    """The provider tells that it took the money; our answer to the call."""
    return _SENDERS[provider](inbound, payment_id, Money.parse(amount, "BRL"))


def _stripe(inbound: Inbound, payment_id: str, amount: Money, currency: str = "brl") -> Any:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "currency": currency,
        "amount": TOTAL.minor,
        "amount_received": amount.minor,
        "metadata": {"payment_id": payment_id} if payment_id else {},
    }
    return stripe_event(inbound, "payment_intent.succeeded", intent)


def stripe_event(inbound: Inbound, kind: str, subject: dict[str, Any]) -> Any:
    event = {"id": f"evt_{kind}", "type": kind, "created": 1777900082, "data": {"object": subject}}
    body = json.dumps(event).encode()
    headers = stripe_headers(SECRETS["stripe"], body, datetime.now(UTC))
    return inbound.call("stripe", headers, body)


def _adyen(inbound: Inbound, payment_id: str, amount: Money) -> Any:
    return adyen_call(inbound, *[_adyen_item(payment_id, amount)] * 2)


def _adyen_item(payment_id: str, amount: Money) -> dict[str, Any]:
    return {
        "eventCode": "CAPTURE",
        "success": "true",
        "eventDate": "2026-05-04T15:08:02+02:00",
        "merchantReference": payment_id,
        "originalReference": "HOLD1",
        "pspReference": "CAPTURE1",
        "amount": {"currency": "BRL", "value": amount.minor},
    }


def adyen_call(inbound: Inbound, *items: dict[str, Any]) -> Any:
    document = {"notificationItems": [{"NotificationRequestItem": item} for item in items]}
    body = json.dumps(adyen_signed(SECRETS["adyen"], document)).encode()
    return inbound.call("adyen", {}, body)


def _paypal(inbound: Inbound, payment_id: str, amount: Money) -> Any:
    resource = {
        "id": "CAPTURE1",
        "amount": {"currency_code": "BRL", "value": str(amount)},
        "custom_id": payment_id,
        "supplementary_data": {"related_ids": {"authorization_id": "HOLD1"}},
    }
    return paypal_event(inbound, "COMPLETED", resource)


def paypal_event(inbound: Inbound, word: str, resource: dict[str, Any]) -> Any:
    event = {
        "id": f"WH-{word}",
        "event_type": f"PAYMENT.CAPTURE.{word}",
        "create_time": "2026-05-04T13:08:02Z",
        "resource": resource,
    }
    body = json.dumps(event).encode()
    url = f"{inbound.provider.address}{CERTIFICATE_PATH}"
    return inbound.call(
        "paypal", paypal_headers(SECRETS["paypal"], body, datetime.now(UTC), url), body
    )


def _mercadopago(inbound: Inbound, payment_id: str, amount: Money) -> Any:
    resource = {
        "id": int(MP_ID),
        "status": "approved",
        "currency_id": "BRL",
        "transaction_amount": amount.minor / 100,
        "captured": True,
        "external_reference": payment_id,
        "date_created": "2026-05-04T09:58:00.000-03:00",
        "date_approved": "2026-05-04T10:08:01.000-03:00",
    }
    inbound.provider.serve(f"/v1/payments/{MP_ID}", resource)
    headers = mercadopago_headers(SECRETS["mercadopago"], MP_ID, datetime.now(UTC))
    return inbound.call("mercadopago", headers, b'{"type": "payment"}', query={"data.id": MP_ID})


_SENDERS: dict[str, Callable[[Inbound, str, Money], Any]] = {
    "stripe": _stripe,
    "adyen": _adyen,
    "paypal": _paypal,
    "mercadopago": _mercadopago,
}


def now(inbound: Inbound) -> Order:
    return inbound.orders.load(ORDER)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_provider_took_is_recorded_once_however_often_it_is_told(
    inbound: Inbound, provider: str
) -> None:
    payment = placed(inbound, provider)
    for _ in range(2):
        assert notify(inbound, provider, payment.id)[0] in (200, 202)

    messages = inbound.queued()
    assert len(messages) == 2
    assert inbound.deliver(*messages) == []
    version = now(inbound).version
    assert inbound.deliver(*messages) == []

    assert now(inbound).payments.captured == TOTAL
    assert now(inbound).version == version
    assert inbound.parked() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_payment_is_found_by_the_providers_name_where_ours_is_not_repeated(
    inbound: Inbound, provider: str
) -> None:
    placed(inbound, provider)
    notify(inbound, provider, "")

    assert inbound.deliver(*inbound.queued()) == []

    assert now(inbound).payments.captured == TOTAL


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_payment_that_nobody_knows_is_tried_again_and_then_parked(
    inbound: Inbound, provider: str
) -> None:
    notify(inbound, provider, "")
    (told,) = inbound.queued()

    assert inbound.deliver(told) == ["m-0"]
    assert inbound.deliver(told, receives=MAX_RECEIVES) == []

    ((_, attributes),) = inbound.parked()
    assert attributes["reason"] == "unknown_payment"


def test_an_item_that_cannot_be_recorded_holds_back_none_of_the_others(inbound: Inbound) -> None:
    payment = placed(inbound, "adyen")
    items = [_adyen_item(each, TOTAL) for each in ("theirs", payment.id)]
    items[0]["originalReference"] = "THEIRS"
    adyen_call(inbound, *items)
    (told,) = inbound.queued()

    assert inbound.deliver(told) == ["m-0"]
    assert now(inbound).payments.captured == TOTAL
    assert inbound.deliver(told, receives=MAX_RECEIVES) == []

    ((_, attributes),) = inbound.parked()
    assert attributes["reason"] == "unknown_payment"


def test_a_provider_cannot_tell_of_another_providers_payment(inbound: Inbound) -> None:
    payment = placed(inbound, "adyen")
    notify(inbound, "stripe", payment.id)

    assert inbound.deliver(*inbound.queued()) == []

    ((_, attributes),) = inbound.parked()
    assert attributes["reason"] == "unknown_payment"
    assert not now(inbound).payments.captured


def test_another_currency_is_parked_at_once_and_nothing_recorded(inbound: Inbound) -> None:
    payment = placed(inbound, "stripe")
    _stripe(inbound, payment.id, TOTAL, currency="usd")

    assert inbound.deliver(*inbound.queued()) == []

    ((_, attributes),) = inbound.parked()
    assert attributes["reason"] == "wrong_currency"
    assert not now(inbound).payments.captured


def test_what_is_taken_beyond_what_is_due_is_asked_to_go_back(inbound: Inbound) -> None:
    payment = placed(inbound, "adyen")
    notify(inbound, "adyen", payment.id, "300.00")

    assert inbound.deliver(*inbound.queued()) == []

    (refund,) = now(inbound).progress.refunds
    assert (refund.amount, refund.reason) == (4250, "paid_beyond_what_is_due")


def test_what_paypal_gives_back_unasked_is_known_by_its_capture(inbound: Inbound) -> None:
    payment = placed(inbound, "paypal")
    notify(inbound, "paypal", payment.id)
    links = [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAPTURE1"}]
    value = {"currency_code": "BRL", "value": "57.50"}
    paypal_event(inbound, "REFUNDED", {"id": "REFUND1", "amount": value, "links": links})
    paypal_event(inbound, "REVERSED", {"id": "REVERSAL1", "amount": value, "links": links})

    assert inbound.deliver(*inbound.queued()) == []

    found = now(inbound).payments.find(payment.id).balances
    assert (found.refunded, found.charged_back, found.charged) == (5750, 5750, 14250)


def test_a_charge_back_is_found_by_its_payment_intent_recorded_and_counted(
    inbound: Inbound, capsys: pytest.CaptureFixture[str]
) -> None:
    payment = placed(inbound, "stripe")
    notify(inbound, "stripe", payment.id)
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "amount": TOTAL.minor,
        "currency": "brl",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
    }
    for _ in range(2):
        stripe_event(inbound, "charge.dispute.funds_withdrawn", dispute)

    assert inbound.deliver(*inbound.queued()) == []

    last = inbound.orders.history(ORDER)[-1]
    assert (last.type, last.data["amount"]) == ("charged_back", TOTAL.minor)
    assert not now(inbound).payments.refundable
    assert capsys.readouterr().out.count('"ChargeBacks":[1.0]') == 1


def test_a_payment_that_mercado_pago_does_not_answer_for_is_asked_for_again(
    inbound: Inbound,
) -> None:
    payment = placed(inbound, "mercadopago")
    notify(inbound, "mercadopago", payment.id)
    (told,) = inbound.queued()
    inbound.provider.statuses += [500, 500]

    assert inbound.deliver(told) == ["m-0"]
    assert not now(inbound).payments.captured
    inbound.inbox.resources.clock = lambda: time.monotonic() + 15
    assert inbound.deliver(told) == []

    assert now(inbound).payments.captured == TOTAL
    _, headers = inbound.provider.asked[-1]
    assert headers["authorization"] == "Bearer a token"
