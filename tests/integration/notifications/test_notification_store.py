from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from oms.aws.notification_store import NotificationStore
from oms.notifications.model import Kind
from oms.notifications.store import Claim

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
CLAIM = Claim("ord_a:1:1", Kind.CONFIRMATION, "sqs-1", NOON)


@pytest.fixture
def client(aws: None) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def store(client: Any, table: Callable[[str], str]) -> NotificationStore:
    return NotificationStore(client, table("views"))


def test_a_claim_is_taken_once(store: NotificationStore) -> None:
    late = replace(CLAIM, by="sqs-2")

    assert store.claim(CLAIM) is None
    assert store.claim(late) == CLAIM


def test_events_are_claimed_apart(store: NotificationStore) -> None:
    assert store.claim(CLAIM) is None
    assert store.claim(replace(CLAIM, event_id="ord_a:2:1")) is None


def test_a_claim_whose_answer_got_lost_is_still_ours(store: NotificationStore) -> None:
    store.claim(CLAIM)

    assert store.claim(CLAIM) is None


def test_a_later_attempt_of_the_same_message_meets_the_earlier_claim(
    store: NotificationStore,
) -> None:
    store.claim(CLAIM)

    assert store.claim(replace(CLAIM, at=NOON.replace(minute=5))) == CLAIM


def test_a_sent_notice_stays_sent(store: NotificationStore) -> None:
    store.claim(CLAIM)
    store.mark_sent(CLAIM, "ses-1", NOON)

    assert store.claim(replace(CLAIM, by="sqs-2")) == replace(CLAIM, sent=True)


def test_a_released_claim_can_be_taken_again(store: NotificationStore) -> None:
    store.claim(CLAIM)
    store.release(CLAIM)

    assert store.claim(replace(CLAIM, by="sqs-2")) is None


def test_nobody_releases_the_claim_of_another(store: NotificationStore) -> None:
    store.claim(CLAIM)

    with pytest.raises(ClientError, match="conditional request failed"):
        store.release(replace(CLAIM, by="sqs-2"))


def test_a_sent_notice_is_not_released(store: NotificationStore) -> None:
    store.claim(CLAIM)
    store.mark_sent(CLAIM, "ses-1", NOON)

    with pytest.raises(ClientError, match="conditional request failed"):
        store.release(CLAIM)


def test_an_email_costs_two_writes_of_less_than_a_kilobyte(
    store: NotificationStore, client: Any
) -> None:
    calls: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    claim = replace(CLAIM, event_id=f"ord_{'a' * 26}:123:10", by="0" * 36)

    store.claim(claim)
    store.mark_sent(claim, "0" * 64, NOON)

    assert calls == ["PutItem", "UpdateItem"]
    item = client.scan(TableName="views")["Items"][0]
    assert len(str(item)) < 1024


def test_a_notice_is_forgotten_after_ninety_days_and_names_nobody(
    store: NotificationStore, client: Any
) -> None:
    store.claim(CLAIM)
    store.mark_sent(CLAIM, "ses-1", NOON)

    item = client.scan(TableName="views")["Items"][0]
    assert item["pk"]["S"] == "notice#ord_a:1:1"
    assert int(item["expires_at"]["N"]) == int(NOON.timestamp()) + 90 * 24 * 3600
    assert item.keys() == {
        "pk", "sk", "kind", "status", "claimed_by", "claimed_at", "expires_at", "message_id",
        "sent_at",
    }  # fmt: skip
