"""The two functions on the way in, with moto for the queues, secrets and tables between them."""

import base64
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from moto import mock_aws

from oms.aws import clients, queues, secrets, stores
from oms.aws.catalog_store import CatalogStore
from oms.aws.order_store import OrderStore
from oms.catalog.model import Channel, Item
from tests.payment_providers import StandIn, stand_in

SAMPLES = Path(__file__).parents[3] / "events" / "webhooks"
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:function",
    aws_request_id="lambda-1",
    get_remaining_time_in_millis=lambda: 10_000,
)
SECRETS = {
    "standard": "c3RhbmRhcmQgc2VjcmV0IG9mIDMyIGJ5dGVzISEhISEh",
    "shopify": "a client secret",
    "carrier": "Y2FycmllciBzZWNyZXQgb2YgMzIgYnl0ZXMhISEhISEh",
    "simulator": "c2ltdWxhdG9yIHNlY3JldCBvZiAzMiBieXRlcyEhISEh",
    "stripe": "whsec_of_stripe",
    "adyen": "00112233445566778899AABBCCDDEEFF" * 2,
    "paypal": "1AB23456CD789012E",
    "mercadopago": "a secret of Mercado Pago",
}


@dataclass(frozen=True)
class Inbound:
    """Both functions and what lies between them."""

    webhooks: Any
    inbox: Any
    inbox_url: str
    dead_letters_url: str
    orders: OrderStore
    catalog: CatalogStore
    provider: StandIn

    def call(
        self,
        source: str,
        headers: dict[str, str],
        body: bytes,
        encoded: bool = False,
        query: dict[str, str] | None = None,
    ) -> Any:
        """What the webhook function answers to a call as API Gateway passes it on."""
        event = {
            "version": "2.0",
            "rawPath": f"/v1/webhooks/{source}",
            "rawQueryString": urlencode(query or {}),
            **({"queryStringParameters": query} if query else {}),
            "headers": headers,
            "pathParameters": {"source": source},
            "requestContext": {
                "requestId": "request-1",
                "stage": "$default",
                "http": {"method": "POST", "path": f"/v1/webhooks/{source}"},
            },
            "body": base64.b64encode(body).decode() if encoded else body.decode(),
            "isBase64Encoded": encoded,
        }
        response = self.webhooks.handler(event, CONTEXT)
        answer = response["body"]
        plain = response["headers"].get("Content-Type") == "text/plain"
        return response["statusCode"], answer if plain else json.loads(answer)

    def queued(self) -> list[str]:
        """Takes everything from the inbox queue."""
        return [message["Body"] for message in _messages(self.inbox_url)]

    def parked(self) -> list[tuple[str, dict[str, str]]]:
        """Takes everything from the dead-letter queue: bodies with their attributes."""
        return [
            (
                message["Body"],
                {
                    name: str(attribute["StringValue"])
                    for name, attribute in message["MessageAttributes"].items()
                },
            )
            for message in _messages(self.dead_letters_url)
        ]

    def deliver(self, *bodies: str, receives: int = 1) -> list[str]:
        """Invoke the inbox with a batch; the ids, from ``m-0`` on, that are to come again."""
        records = [
            {
                "messageId": f"m-{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:inbox",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
        answer = self.inbox.handler({"Records": records}, CONTEXT)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def _messages(url: str) -> list[Any]:
    answer = queues.sqs().receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(answer.get("Messages", []))


@pytest.fixture
def inbound(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbound]:
    with mock_aws(), stand_in() as provider:
        _forget_clients()
        environment = {
            "PAYPAL_API_BASE": provider.address,
            "MERCADOPAGO_API_BASE": provider.address,
            "MERCADOPAGO_SECRET": _secret("token", "a token"),
            "ORDERS_TABLE": _table("orders"),
            "CATALOG_TABLE": _table("catalog"),
            "WORK_TABLE": _table("work"),
            "INBOX_QUEUE_URL": _queue("inbox"),
            "DEAD_LETTER_QUEUE_URL": _queue("dead"),
            "GIFT_CARD_SECRET": _secret("gift-card", "a secret for gift cards"),
            "WEBHOOK_SECRETS": json.dumps(
                {name: _secret(name, text) for name, text in SECRETS.items()}
            ),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        orders = OrderStore(clients.dynamodb(), environment["ORDERS_TABLE"])
        catalog = CatalogStore(clients.dynamodb(), environment["CATALOG_TABLE"])
        for channel in ("marketplace-br", "shopify:casa-exemplo.myshopify.com"):
            catalog.put_channel(Channel(channel, channel, ("BRL",)))
        for sku in ("MUG-BLUE", "LAMP-DESK"):
            catalog.put_item(Item(sku, sku))
        yield Inbound(
            webhooks=_fresh("functions.webhooks.handler"),
            inbox=_fresh("functions.inbox.handler"),
            inbox_url=environment["INBOX_QUEUE_URL"],
            dead_letters_url=environment["DEAD_LETTER_QUEUE_URL"],
            orders=orders,
            catalog=catalog,
            provider=provider,
        )
    _forget_clients()


def _forget_clients() -> None:
    for made_once in (
        clients.dynamodb,
        queues.sqs,
        secrets.secretsmanager,
        stores.orders,
        stores.catalog,
        stores.catalog_store,
        stores.parcels,
        stores.shipments,
    ):
        made_once.cache_clear()


def _fresh(module: str) -> Any:
    """As in a new execution environment."""
    sys.modules.pop(module, None)
    return importlib.import_module(module)


def _table(name: str) -> str:
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return name


def _queue(name: str) -> str:
    return boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]


def _secret(name: str, text: str) -> str:
    made = boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)
    return made["ARN"]
