"""Which channels are told of availability, as the catalogue's API takes it."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from oms.aws import clients, secrets, stores
from tests.integration.world import World, world

from .conftest import CONTEXT

Put = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def oms() -> Iterator[World]:
    made_once = (clients.dynamodb, secrets.secretsmanager, stores.catalog_store)
    with world() as made:
        for each in made_once:
            each.cache_clear()
        yield made
    for each in made_once:
        each.cache_clear()


@pytest.fixture
def put(oms: World, monkeypatch: pytest.MonkeyPatch) -> Put:
    boto3.client("secretsmanager").create_secret(Name="callbacks", SecretString="master")
    monkeypatch.setenv("CATALOG_TABLE", "catalog")
    monkeypatch.setenv("CALLBACK_SECRET", "callbacks")
    monkeypatch.delitem(sys.modules, "functions.catalog.handler", raising=False)
    function = importlib.import_module("functions.catalog.handler")

    def call(channel: str, **document: object) -> tuple[int, dict[str, Any]]:
        path = f"/v1/channels/{channel}"
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json"},
            "pathParameters": {"channel_id": channel},
            "requestContext": {
                "requestId": "request-1",
                "stage": "$default",
                "http": {"method": "PUT", "path": path},
            },
            "body": json.dumps({"name": channel, "currencies": ["BRL"], **document}),
            "isBase64Encoded": False,
        }
        response = function.handler(event, CONTEXT)
        return response["statusCode"], json.loads(response["body"])

    return call


def told(oms: World) -> list[str]:
    return [channel.id for channel in oms.catalog.told_of_availability()]


def test_a_channel_asks_to_be_told_and_not_to_be_told_any_more(oms: World, put: Put) -> None:
    address = "https://shop.example/hook"
    code, view = put("web", callback_url=address, availability=True)
    assert (code, view["availability"], told(oms)) == (200, True, ["web"])

    code, view = put("web", callback_url=address)
    assert (code, view["availability"], told(oms)) == (200, False, [])


def test_a_channel_without_an_address_cannot_be_told(oms: World, put: Put) -> None:
    code, problem = put("web", availability=True)

    assert (code, problem["code"], told(oms)) == (422, "callback_url_needed", [])
