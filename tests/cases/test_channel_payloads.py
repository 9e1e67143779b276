"""Public webhook payloads and signatures: which we accept, and what we read out of them.

The files are other people's fixtures and are not carried here; see ``CASES_DIR``. Of the schemes
and channels in them, those that we have a source for are run.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import shopify, standard
from oms.channels.model import CaptureRequested, ChannelLine, ChannelOrder, Delivery, Ignored
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
_SHOPIFY, _STANDARD = "shopify", "standard-webhooks"


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _vectors() -> list[Any]:
    cases = _read(VECTORS)["cases"] if VECTORS.exists() else []
    return [
        pytest.param(case, id=case["id"])
        for case in cases
        if case["scheme"].split()[0] in (_SHOPIFY, _STANDARD)
    ]


def _payloads() -> list[Any]:
    files = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
    cases = [_read(path) for path in files if not path.name.startswith("_")]
    return [pytest.param(case, id=case["id"]) for case in cases if case["channel"] == _SHOPIFY]


def _verify(scheme: str, given: Mapping[str, Any]) -> Delivery:
    headers, body, secret = given["headers"], given["raw_body"].encode(), given["secret"]
    if scheme.split()[0] == _SHOPIFY:
        return shopify.verify(headers, body, secret, _NOW)
    return standard.verify(
        headers,
        body,
        secret,
        datetime.fromtimestamp(given["now"], UTC),
        timedelta(seconds=given["tolerance_seconds"]),
    )


@pytest.mark.parametrize("case", _vectors())
def test_a_signature_is_accepted_or_refused_for_its_reason(case: dict[str, Any]) -> None:
    then = case["then"]

    if then["accepted"]:
        assert _verify(case["scheme"], case["given"]).body == case["given"]["raw_body"]
        return

    with pytest.raises(Unauthenticated) as refusal:
        _verify(case["scheme"], case["given"])
    assert refusal.value.problem_code == then["reason"]


@pytest.mark.parametrize("case", _payloads())
def test_a_payload_comes_from_the_shop_and_is_read(case: dict[str, Any]) -> None:
    delivery = shopify.verify(
        case["headers"], case["raw_body"].encode(), case["secret_used_if_known"], _NOW
    )

    assert delivery.body == case["raw_body"]
    assert delivery.id == case["headers"]["X-Shopify-Webhook-Id"]
    if case["facts"]["type"] == "order":
        order = shopify.read_order(delivery.body)
        assert _differences(case["facts"], order, _not_read(case["event"])) == {}


@pytest.mark.parametrize("case", _payloads())
def test_a_payload_is_captured_or_ignored_or_refused_with_a_code(case: dict[str, Any]) -> None:
    delivery = shopify.verify(
        case["headers"], case["raw_body"].encode(), case["secret_used_if_known"], _NOW
    )
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


def _plain(value: ChannelOrder | ChannelLine) -> dict[str, Any]:
    return {field.name: _fact(getattr(value, field.name)) for field in fields(value)}


def _fact(value: object) -> Any:
    if isinstance(value, Money):
        return value.minor
    if isinstance(value, tuple):
        return [_plain(line) for line in value]
    return value
