"""Payment providers that report to us, each in its own words and with its own signature."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.e2e.shop import Placed
from tests.e2e.stack import Stack
from tests.payment_providers import (
    CERTIFICATE_PATH,
    StandIn,
    adyen_signed,
    mercadopago_headers,
    paypal_headers,
    stripe_headers,
)

# What an operator puts where the generated placeholder is.
ADYEN_KEY = "0123456789ABCDEF" * 4

_ADYEN = {
    "authorized": ("AUTHORISATION", "true"),
    "declined": ("AUTHORISATION", "false"),
    "captured": ("CAPTURE", "true"),
    "refunded": ("REFUND", "true"),
    "charged_back": ("CHARGEBACK", "true"),
}
_PAYPAL = {
    "authorized": "PAYMENT.AUTHORIZATION.CREATED",
    "captured": "PAYMENT.CAPTURE.COMPLETED",
    "refunded": "PAYMENT.CAPTURE.REFUNDED",
    "charged_back": "PAYMENT.CAPTURE.REVERSED",
}
_STRIPE = {
    "authorized": "payment_intent.amount_capturable_updated",
    "captured": "payment_intent.succeeded",
    "refunded": "refund.updated",
    "charged_back": "charge.dispute.funds_withdrawn",
}
_MERCADO_PAGO: dict[str, dict[str, Any]] = {
    "authorized": {"status": "authorized", "captured": False},
    "captured": {"status": "approved"},
    "refunded": {"status": "approved"},
    "charged_back": {"status": "charged_back"},
}


@dataclass
class Reports:
    """Each call returns our answer. ``reference`` is the provider's name for what it did."""

    stack: Stack
    provider: StandIn
    adyen_key: str = ADYEN_KEY
    _refunds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def send(
        self, source: str, order: Placed, kind: str, reference: str, amount: str = "50.00"
    ) -> httpx.Response:
        told = getattr(self, f"_{source}")
        answer: httpx.Response = told(order, kind, reference, amount)
        return answer

    def deliver(
        self, source: str, body: bytes, headers: dict[str, str], query: str = ""
    ) -> httpx.Response:
        headers = {"content-type": "application/json", **headers}
        path = f"/v1/webhooks/{source}{query}"
        return self.stack.api.call("POST", path, scopes=None, content=body, headers=headers)

    def _stripe(self, order: Placed, kind: str, reference: str, amount: str) -> httpx.Response:
        units = _cents(amount)
        subject = {
            "id": reference,
            "object": "payment_intent" if kind in ("authorized", "captured") else kind,
            "currency": "brl",
            "amount": units,
            "amount_capturable": units,
            "amount_received": units,
            "status": "succeeded",
            "payment_intent": _stripe_intent(order),
            "metadata": {} if kind == "charged_back" else {"payment_id": order.payment_id},
        }
        event = {
            "id": f"evt_{kind}_{reference}",
            "type": _STRIPE[kind],
            "created": int(datetime.now(UTC).timestamp()),
            "data": {"object": subject},
        }
        body = json.dumps(event).encode()
        return self.deliver(
            "stripe", body, stripe_headers(self.stack.secret("stripe"), body, datetime.now(UTC))
        )

    def _adyen(self, order: Placed, kind: str, reference: str, amount: str) -> httpx.Response:
        code, success = _ADYEN[kind]
        item = {
            "eventCode": code,
            "success": success,
            "eventDate": datetime.now(UTC).isoformat(timespec="seconds"),
            "merchantAccountCode": "Shop",
            "merchantReference": order.payment_id,
            "originalReference": "" if kind == "authorized" else f"held-{order.number}",
            "pspReference": reference,
            "amount": {"currency": "BRL", "value": _cents(amount)},
        }
        document = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
        return self.deliver(
            "adyen", json.dumps(adyen_signed(self.adyen_key, document)).encode(), {}
        )

    def _paypal(self, order: Placed, kind: str, reference: str, amount: str) -> httpx.Response:
        event = {
            "id": f"WH-{kind}-{reference}",
            "event_type": _PAYPAL[kind],
            "create_time": datetime.now(UTC).isoformat(timespec="seconds"),
            "resource": {
                "id": reference,
                "amount": {"currency_code": "BRL", "value": amount},
                "custom_id": order.payment_id,
                "supplementary_data": {"related_ids": {"authorization_id": f"held-{order.number}"}},
            },
        }
        body = json.dumps(event).encode()
        url = f"{self.provider.address}{CERTIFICATE_PATH}"
        secret, now = self.stack.secret("paypal"), datetime.now(UTC)
        return self.deliver("paypal", body, paypal_headers(secret, body, now, url))

    def _mercadopago(self, order: Placed, kind: str, reference: str, amount: str) -> httpx.Response:
        """The notice says nothing; the payment is what it has become."""
        now, name = datetime.now(UTC), mercadopago_id(order)
        refunds = self._refunds.setdefault(name, [])
        if kind == "refunded" and reference not in [str(each["id"]) for each in refunds]:
            refunds.append(
                {
                    "id": reference,
                    "amount": float(amount),
                    "status": "approved",
                    "date_created": now.isoformat(timespec="seconds"),
                }
            )
        if kind == "authorized" and name in self._taken:
            kind = "captured"
        elif kind != "authorized":
            self._taken.add(name)
        payment = {
            "id": name,
            "currency_id": "BRL",
            "transaction_amount": 50.0,
            "external_reference": order.payment_id,
            "captured": True,
            "date_created": now.isoformat(timespec="seconds"),
            "date_approved": None if kind == "authorized" else now.isoformat(timespec="seconds"),
            "refunds": refunds,
            **_MERCADO_PAGO[kind],
        }
        self.provider.serve(f"/v1/payments/{name}", payment)
        headers = mercadopago_headers(self.stack.secret("mercadopago"), name, now)
        body = b'{"type": "payment", "action": "payment.updated"}'
        return self.deliver("mercadopago", body, headers, f"?data.id={name}&type=payment")


def mercadopago_id(order: Placed) -> str:
    digits = "".join(letter for letter in order.number if letter.isdigit())
    return f"77{digits}"


def _stripe_intent(order: Placed) -> str:
    """Stripe's name for the payment, as the order has it."""
    held = next(event for event in order.history() if event["type"] == "payment_authorized")
    return str(held["data"]["reference"])


def _cents(amount: str) -> int:
    return int(amount.replace(".", ""))
