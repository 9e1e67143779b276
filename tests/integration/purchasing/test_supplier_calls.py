import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from standardwebhooks import Webhook

from oms.aws.secrets import secretsmanager
from oms.catalog.model import Node
from oms.kernel.clock import utc_now
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Envelope
from oms.notifications.callback import CallbackOutcome, SignedPost
from oms.notifications.signing import channel_secret, supplier_name
from oms.purchasing import purchasing
from oms.purchasing.supplier_call import call_suppliers
from tests.integration.world import World
from tests.samples import CAUSE

from .conftest import ACME, at, created, sent, told

Call = Callable[..., Any]
MASTER = "the master secret"
URL = "https://acme.example/orders"


@dataclass
class RecordingPoster:
    status: int = 204
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def post(self, url: str, body: str, headers: dict[str, str]) -> int:
        self.calls.append((url, body, headers))
        return self.status


def deliver(oms: World, event: Envelope, poster: RecordingPoster) -> dict[str, CallbackOutcome]:
    post = SignedPost(poster, lambda: MASTER, utc_now)
    return call_suppliers(event, oms.purchases, oms.catalog.node, post)


def connect(oms: World, url: str = URL) -> Node:
    supplier = replace(ACME, callback_url=url)
    oms.catalog.put_node(supplier)
    return supplier


def test_a_supplier_verifies_the_order_that_it_is_sent(oms: World) -> None:
    connect(oms)
    sent(oms)
    poster = RecordingPoster()
    assert deliver(oms, told(oms)[0], poster) == {"acme": CallbackOutcome.ACCEPTED}
    ((url, body, headers),) = poster.calls
    secret = channel_secret(MASTER, supplier_name("acme"))
    document: Any = Webhook(secret).verify(body, headers)
    assert (url, headers["webhook-id"]) == (URL, "po_1:2:1")
    assert document["type"] == "purchase_order.sent"
    assert document["data"] == {
        "id": "po_1",
        "version": 2,
        "state": "sent",
        "node": "sp-dc",
        "lines": [{"sku": "MUG", "quantity": 10, "due": "2026-05-14T12:00:00.000Z"}],
    }


def test_a_supplier_without_an_address_is_not_called(oms: World) -> None:
    sent(oms)
    assert deliver(oms, told(oms)[0], RecordingPoster()) == {
        "acme": CallbackOutcome.NO_CALLBACK_URL
    }


def test_an_order_that_the_supplier_never_had_is_not_called_off_there(oms: World) -> None:
    connect(oms)
    created(oms)
    sent(oms, "po_2")
    for order_id in ("po_1", "po_2"):
        purchasing.cancel(order_id, oms.purchases, oms.stock, at(5))
    poster = RecordingPoster()
    never = deliver(oms, told(oms, "po_1")[0], poster)
    assert (never, poster.calls) == ({}, [])
    deliver(oms, told(oms, "po_2")[0], poster)
    assert json.loads(poster.calls[0][1])["type"] == "purchase_order.cancelled"


def test_suppliers_are_told_that_an_item_is_sold_out(oms: World) -> None:
    connect(oms)
    poster = RecordingPoster()
    data = {"sku": "MUG", "suppliers": ["acme", "other"]}
    event = Envelope("soldout#MUG:3:1", "item_sold_out", "MUG", 3, CAUSE.at, "x", "", "", data)
    assert deliver(oms, event, poster) == {
        "acme": CallbackOutcome.ACCEPTED,
        "other": CallbackOutcome.NO_CALLBACK_URL,
    }
    assert json.loads(poster.calls[0][1])["data"] == {"sku": "MUG"}


def test_a_supplier_that_does_not_take_it_is_called_again(oms: World) -> None:
    connect(oms)
    sent(oms)
    with pytest.raises(ProviderUnavailable):
        deliver(oms, told(oms)[0], RecordingPoster(500))


def test_a_supplier_is_shown_its_secret_where_it_has_an_address(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    secretsmanager.cache_clear()
    secretsmanager().create_secret(Name="callbacks", SecretString=MASTER)
    monkeypatch.setenv("CALLBACK_SECRET", "callbacks")
    plain = {"name": "Acme", "kind": "supplier", "country": "BR"}
    _, stored = call("catalog", "PUT /v1/nodes/acme", plain)
    assert stored["signing_secret"] == ""
    _, stored = call("catalog", "PUT /v1/nodes/acme", {**plain, "callback_url": URL})
    assert stored["signing_secret"] == channel_secret(MASTER, supplier_name("acme"))
    status, refused = call(
        "catalog", "PUT /v1/nodes/acme", {**plain, "callback_url": "http://acme.example"}
    )
    assert (status, refused["code"]) == (422, "callback_url_forbidden")
    secretsmanager.cache_clear()
