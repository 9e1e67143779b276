"""A payment provider that holds money: localstripe, with a door where a test may stand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stripe

from tests.integration.payments.servers import Answer, Answering, Asked, KeepsKeys

# Called with what was asked and with how to ask localstripe; returns what the caller hears.
AtTheDoor = Callable[[Asked, Answering], Answer]


@dataclass
class Door:
    """Lets every request through to `behind`, but those of a card for which someone stands here."""

    behind: KeepsKeys
    standing: dict[str, AtTheDoor] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        someone = self.standing.get(asked.form.get("payment_method", ""))
        return someone(asked, self.behind) if someone else self.behind(asked)


@dataclass(frozen=True)
class Provider:
    client: stripe.StripeClient
    door: Door

    def card(self, at_the_door: AtTheDoor | None = None) -> str:
        """A new card that is approved. `at_the_door` hears when it is to be charged."""
        details = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        answer = self.client.raw_request("post", "/v1/payment_methods", type="card", card=details)
        token = str(answer.data["id"])
        if at_the_door:
            self.door.standing[token] = at_the_door
        return token

    def charges_of(self, order_id: str) -> list[Any]:
        """Every payment intent that was made for an order."""
        made = self.client.v1.payment_intents.list({"limit": 100})
        return [
            intent for intent in made.data if intent.metadata.to_dict().get("order_id") == order_id
        ]


def by_stripe(token: str) -> dict[str, str]:
    return {"method": "card", "provider": "stripe", "token": token}
