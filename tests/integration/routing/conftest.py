from collections.abc import Iterator

import pytest

from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World, world


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("ORDERS_TABLE", "orders")
    with gateway(monkeypatch) as made:
        yield made
