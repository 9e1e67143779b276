"""Webhooks as their senders make them: the body serialised once, signed, and sent as it is."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from standardwebhooks import Webhook

from local import deploy
from local.demo.api import Api, Document
from local.deploy import Deployment


class SignedWebhooks:
    """Sends to `POST /v1/webhooks/{source}` with the secrets of this deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._api = Api.of(deployment)
        self._secrets = {
            source: deploy.secret(deployment, arn)
            for source, arn in deployment.webhook_secrets.items()
        }

    def send(self, source: str, headers: dict[str, str], document: Document) -> None:
        """`headers` are the sender's own, without the signature."""
        body = json.dumps(document, ensure_ascii=False).encode()
        secret = self._secrets[source]
        signature = (
            shopify_signature(secret, body)
            if source == "shopify"
            else standard_signature(secret, headers["webhook-id"], body, datetime.now(UTC))
        )
        self._api.send(f"/v1/webhooks/{source}", body, {**headers, **signature})


def standard_signature(secret: str, message: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers of the Standard Webhooks scheme beside `webhook-id`."""
    return {
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, at, body.decode()),
    }


def shopify_signature(secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {"x-shopify-hmac-sha256": base64.b64encode(digest).decode()}
