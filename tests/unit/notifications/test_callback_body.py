import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Envelope
from oms.notifications.callback import CALLBACK_TYPES, CallbackOutcome, call_back, callback_body
from oms.notifications.model import KIND_BY_EVENT
from oms.notifications.signing import channel_secret, signed_headers
from oms.orders import events as happened
from oms.orders.model import Order

After = Callable[..., tuple[Envelope, Order]]
Told = tuple[Envelope, Order]


@dataclass
class Channel:
    """A channel's receiver that answers with ``status`` and keeps what it got."""

    status: int = 204
    url: str = "https://channel.example/hook"
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def post(self, url: str, body: str, headers: dict[str, str]) -> int:
        self.calls.append((url, body, headers))
        return self.status

    def told(self, event: Envelope, order: Order) -> CallbackOutcome:
        return call_back(
            event,
            lambda order_id: order,
            lambda channel_id: self.url,
            self,
            lambda: "master",
            lambda: datetime.now(UTC),
        )


def test_the_body_tells_where_the_order_stands(shipped: Told) -> None:
    body = json.loads(callback_body(*shipped))

    assert body["type"] == "fulfillment.shipped"
    assert body["timestamp"] == "2026-05-02T09:30:00.000Z"
    assert body["data"]["channel_order_id"] == "W-1001"
    assert body["data"]["version"] == 3
    assert body["data"]["status"] == "partially_shipped"
    assert body["data"]["fulfillments"][0] == {
        "id": "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
        "node": "sp-1",
        "state": "shipped",
        "carrier": "Correios",
        "tracking_number": "BR123456789",
        "method": "ship",
        "hand_over_at": "",
        "pickup_until": None,
        "lines": [{"line_id": "1", "sku": "TEE", "quantity": 2}],
    }
    assert body["data"]["fulfillments"][1]["lines"][0]["quantity"] == 1.25


def test_the_body_tells_what_was_refunded(refunded: Told) -> None:
    data = json.loads(callback_body(*refunded))["data"]

    assert data["refunds"][0] == {
        "id": "rfd_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
        "state": "refunded",
        "amount": "129.90",
    }
    assert data["totals"]["captured"] == "1314.90"
    assert data["totals"]["refunded"] == "129.90"


def test_the_body_has_no_personal_data(shipped: Told) -> None:
    body = callback_body(*shipped)

    for personal in ("Maria", "maria@", "5511", "52998224725", "Flores", "13010"):
        assert personal not in body


def test_channels_hear_of_what_customers_hear_of() -> None:
    """And of more: what a customer was there to see it need not be told."""
    assert CALLBACK_TYPES.keys() >= KIND_BY_EVENT.keys()


def test_a_callback_is_signed_for_its_channel(shipped: Told) -> None:
    channel = Channel()
    event, _ = shipped

    assert channel.told(*shipped) is CallbackOutcome.ACCEPTED
    _, body, headers = channel.calls[0]
    assert headers["webhook-id"] == event.id
    assert Webhook(channel_secret("master", "web")).verify(body, headers)["data"]
    with pytest.raises(WebhookVerificationError):
        Webhook(channel_secret("master", "app")).verify(body, headers)


def test_a_repeat_carries_the_same_id(shipped: Told) -> None:
    channel = Channel()
    channel.told(*shipped)
    channel.told(*shipped)

    assert len({headers["webhook-id"] for *_, headers in channel.calls}) == 1


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 503])
def test_what_was_not_accepted_is_to_be_retried(shipped: Told, status: int) -> None:
    with pytest.raises(ProviderUnavailable):
        Channel(status=status).told(*shipped)


def test_a_channel_that_is_gone_is_left_in_peace(shipped: Told) -> None:
    assert Channel(status=410).told(*shipped) is CallbackOutcome.GONE


def test_a_channel_without_a_url_is_not_called(shipped: Told) -> None:
    channel = Channel(url="")

    assert channel.told(*shipped) is CallbackOutcome.NO_CALLBACK_URL
    assert not channel.calls


def test_other_events_call_nobody(after: After) -> None:
    channel = Channel()

    outcome = channel.told(*after(happened.CancelRequested("late")))

    assert outcome is CallbackOutcome.NOTHING_TO_TELL
    assert not channel.calls


def test_a_secret_belongs_to_one_channel_and_one_master() -> None:
    secrets = {channel_secret(master, name) for master in ("m", "n") for name in ("web", "app")}

    assert len(secrets) == 4
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert channel_secret("m", "web") == "whsec_Vnxo761ynScw7GtDhjfYJPWL1aO2hrv4GK8vNLXVmH4="


def test_an_old_signature_is_of_no_use(shipped: Told) -> None:
    event, order = shipped
    secret, body = channel_secret("m", "web"), callback_body(event, order)
    old = replace(event).at

    headers = signed_headers(secret, event.id, body, old.replace(year=2020))

    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(body, headers)


def test_a_promise_is_told_with_the_day_it_is_expected_by_now(endangered: Told) -> None:
    body = json.loads(callback_body(*endangered))

    assert body["type"] == "promise.in_jeopardy"
    assert body["data"]["promise"] == {"arrive_by": "2026-05-08", "expected": "2026-05-12"}


def test_an_order_without_a_promise_tells_none(shipped: Told) -> None:
    assert json.loads(callback_body(*shipped))["data"]["promise"] is None
