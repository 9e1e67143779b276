"""Webhooks signed by another Stripe than our own tests': localstripe."""

from datetime import UTC, datetime
from queue import Queue

import httpx
import pytest
import stripe as stripe_client

from oms.channels import stripe
from oms.channels.model import Call, Ignored
from oms.kernel.errors import Unauthenticated
from tests.integration.payments.servers import Answer, Asked, recording

SECRET = "whsec_of_localstripe"


def test_a_webhook_of_localstripe_is_believed_with_its_secret_only(
    localstripe: str, client: stripe_client.StripeClient
) -> None:
    calls: Queue[Asked] = Queue()

    def answer(asked: Asked) -> Answer:
        calls.put(asked)
        return Answer.of(202, {})

    with recording(answer) as server:
        wanted = {"url": server.address, "secret": SECRET, "events": ["customer.created"]}
        registered = httpx.post(f"{localstripe}/_config/webhooks/ours", json=wanted)
        assert registered.status_code == 200
        client.v1.customers.create({"name": "Ana"})
        asked = calls.get(timeout=10)
    call, now = Call(asked.headers, asked.body), datetime.now(UTC)

    delivery = stripe.verify(call, SECRET, now)
    (command,) = stripe.read(delivery)
    with pytest.raises(Unauthenticated):
        stripe.verify(call, "whsec_of_another", now)

    assert delivery.id.startswith("evt_")
    assert isinstance(command, Ignored)
