"""A channel that is told of its orders: it takes our webhooks, or refuses them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook

from tests.e2e.stack import eventually
from tests.integration.payments.servers import Answer, Asked, recording


@dataclass(frozen=True)
class Receiver:
    """Takes what is posted to `address`, refuses what is posted to `refusing`."""

    address: str
    asked: list[Asked]

    @property
    def refusing(self) -> str:
        return f"{self.address}/refusing"

    def about(self, order_id: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if order_id.encode() in asked.body]

    def kinds(self, order_id: str) -> list[str]:
        return [str(json.loads(asked.body)["type"]) for asked in self.about(order_id)]

    def hears(self, order_id: str, *kinds: str, seconds: float = 30) -> list[Asked]:
        """What was posted about the order, once each of those kinds was."""

        def all_there() -> list[Asked] | None:
            told = self.kinds(order_id)
            return self.about(order_id) if set(kinds) <= set(told) else None

        return eventually(all_there, seconds, lambda: self.kinds(order_id))


@contextmanager
def receiving() -> Iterator[Receiver]:
    def answer(asked: Asked) -> Answer:
        return Answer.of(500 if asked.path == "/refusing" else 200, {})

    with recording(answer) as server:
        yield Receiver(server.address, server.asked)


def verified(asked: Asked, secret: str) -> dict[str, Any]:
    """The message, when its signature holds; raises otherwise."""
    message: dict[str, Any] = Webhook(secret).verify(asked.body, asked.headers)
    return message
