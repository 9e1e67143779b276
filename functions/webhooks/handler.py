"""POST /v1/webhooks/{source}: verify the raw body's signature, queue it, answer at once.

Environment: ``INBOX_QUEUE_URL``, ``WEBHOOK_SECRETS`` (JSON: source → ARN of its secret),
``GIFT_CARD_SECRET`` (the ARN of the secret that the digests of codes are made with);
``PAYPAL_API_BASE`` only where something stands in for PayPal.
"""

import base64
import json
import os
from dataclasses import replace
from typing import Any

from oms.aws import gift_cards
from oms.aws.http import check_size, refusals, reply, reply_file, resolver, serve_plain
from oms.aws.observability import correlation_id, count, logger
from oms.aws.queues import Queue
from oms.aws.secrets import Secrets
from oms.channels.codes import without_codes
from oms.channels.model import Call
from oms.channels.queued import QueuedDelivery, to_message
from oms.channels.sources import ANSWERS, ORDERS_LIKE_OURS, source_of, sources
from oms.kernel.clock import utc_now
from oms.kernel.errors import Unauthenticated

app = resolver(validate=False)
inbox = Queue(os.environ["INBOX_QUEUE_URL"])
secrets = Secrets()
known = sources(os.environ.get("PAYPAL_API_BASE", ""))
secret_arns: dict[str, str] = json.loads(os.environ["WEBHOOK_SECRETS"])


@app.post(
    "/v1/webhooks/<source>",
    summary="Take a webhook",
    description="Authenticated by the signature that the source's scheme prescribes.",
    tags=["webhooks"],
    responses={
        200: {
            "description": "Verified and queued; answered as the sender wants it",
            "content": {"text/plain": {"schema": {"type": "string", "examples": ["[accepted]"]}}},
        },
        202: {"description": "Verified and queued"},
        **refusals(400, 401, 404, 413, 422, 503),
    },
)
def receive(source: str) -> Any:
    sender = source_of(source, known)
    event = app.current_event
    raw_body = _raw_body(event.raw_event)
    check_size(raw_body)
    now = utc_now()
    call = Call(event.headers, raw_body, event.query_string_parameters or {})
    delivery = sender.verify(call, _secret(source), now)
    if source == ORDERS_LIKE_OURS:
        delivery = replace(delivery, body=without_codes(delivery.body, gift_cards.digest))
    inbox.send(to_message(QueuedDelivery(source, delivery, correlation_id()), now))
    count("WebhooksTaken")
    logger.info("webhook queued", source=source, delivery_id=delivery.id)
    if source in ANSWERS:
        return reply_file("text/plain", ANSWERS[source])
    return reply(202, {"source": source, "delivery_id": delivery.id})


def _secret(source: str) -> str:
    if source not in secret_arns:
        raise Unauthenticated("this source is not configured", code="not_configured")
    return secrets.read(secret_arns[source])


def _raw_body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


handler = serve_plain(app.resolve)
