from collections.abc import Iterator

import pytest

from oms.aws import secrets
from oms.aws.pickup_store import PickupStore
from tests.integration.fulfillment.counter import SECRET, Counter
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World, world


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("CALLBACK_SECRET", "secret")
    with gateway(monkeypatch) as calls:
        yield calls


@pytest.fixture
def store(oms: World, call: Gateway, monkeypatch: pytest.MonkeyPatch) -> Counter:
    monkeypatch.setenv("PICKUP_SECRET", "pickup")
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: SECRET)
    return Counter(oms, call)


@pytest.fixture
def pickups(oms: World) -> PickupStore:
    return PickupStore(oms.client, "work")
