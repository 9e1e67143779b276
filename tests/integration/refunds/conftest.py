from collections.abc import Iterator

import pytest

from oms.aws import secrets
from tests.integration.gateway import Gateway, gateway
from tests.integration.refunds.counter import Counter
from tests.integration.world import World, world


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def counter(oms: World) -> Counter:
    return Counter(oms)


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("GIFT_CARD_SECRET", "gift-card")
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: "a secret")
    with gateway(monkeypatch) as made:
        yield made
