from collections.abc import Iterator

import pytest

from oms.aws import secrets
from oms.aws.account_store import AccountStore
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World, world

SECRET = "a secret for gift cards"


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def accounts(oms: World) -> AccountStore:
    return AccountStore(oms.client, "accounts")


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("GIFT_CARD_SECRET", "gift-card")
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: SECRET)
    with gateway(monkeypatch) as made:
        yield made
