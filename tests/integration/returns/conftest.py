from collections.abc import Iterator

import pytest

from tests.integration.gateway import Gateway, gateway
from tests.integration.returns.counter import Desk
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
def desk(oms: World, call: Gateway) -> Desk:
    return Desk(oms, call)
