"""What a channel is told of what it may sell: the newest, in order, not each sale of a burst."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.receiver import Receiver, receiving, verified
from tests.e2e.shop import Shop
from tests.e2e.stack import Api, eventually

FEED = "feed"
SALES = 20
LEFT = 5
SECONDS = 120


@dataclass(frozen=True)
class Feed:
    receiver: Receiver
    secret: str

    def told(self, sku: str) -> list[dict[str, Any]]:
        """What the channel was told of the item, as it came."""
        messages = [verified(asked, self.secret) for asked in self.receiver.about(sku)]
        feed = (each["data"] for each in messages if each["type"] == "availability.changed")
        return [data for data in feed if data["sku"] == sku]

    def hears(self, sku: str, available: int) -> list[dict[str, Any]]:
        """The same, once its last word is that so many are available."""

        def last_word() -> list[dict[str, Any]] | None:
            told = self.told(sku)
            return told if told and told[-1]["available"] == available else None

        return eventually(last_word, SECONDS, lambda: self.told(sku))


@pytest.fixture
def feed(shop: Shop) -> Iterator[Feed]:
    with receiving() as receiver:
        view = shop.channel(FEED, callback_url=receiver.address, availability=True)
        yield Feed(receiver, view["signing_secret"])
        # What the other tests sell is nobody's business.
        shop.channel(FEED)


def test_a_burst_of_sales_is_few_messages_and_the_last_says_what_is_left(
    shop: Shop, feed: Feed
) -> None:
    sku = shop.item(SALES + LEFT)
    with ThreadPoolExecutor(8) as buyers:
        orders = list(buyers.map(lambda _: shop.place(sku), range(SALES)))
    for order in orders:
        order.becomes("released")

    told = feed.hears(sku, LEFT)

    assert shop.stock(sku)["available"] == LEFT
    sequences = [each["sequence"] for each in told]
    assert sequences == sorted(set(sequences))
    assert len(told) <= SALES / 2
    assert {each["channel"] for each in told} == {FEED}


def test_a_channel_is_told_that_an_item_is_sold_out_and_that_it_is_back(
    shop: Shop, feed: Feed
) -> None:
    sku = shop.item(1)

    shop.place(sku).becomes("released")
    assert feed.hears(sku, 0)[-1]["state"] == "sold_out"

    shop.receive(sku, 3)
    assert feed.hears(sku, 3)[-1]["state"] == "in_stock"


def test_a_channel_without_an_address_cannot_be_told(api: Api) -> None:
    body = {"name": "Mute", "currencies": ["BRL"], "availability": True}

    answer = api.put("/v1/channels/mute", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "callback_url_needed")
