"""The sample orders of `events/`, in the order they are sent, and what must become of each."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from local.engine import ROOT

EVENTS = ROOT / "events"

Language = Literal["pt-BR", "en"]
# An order as its channel knows it: the channel, and its number there.
Key = tuple[str, str]

DELIVERED = ("confirmation", "shipped", "delivered")


@dataclass(frozen=True, slots=True)
class Sample:
    """`file` is under `events/`: an order to post from `orders/`, a call to sign from `webhooks/`.

    `state`, `status`, `nodes` and `mails` (in `language`) are how it must end. It is sent `times`
    times, its customer cancels it once it has reached the state `cancelled_when`, and the node
    `refused_by` says no to it. One unit of its first line comes back to the node `returned_to`.
    """

    file: str
    channel: str
    number: str
    story: str
    nodes: tuple[str, ...] = ()
    state: str = "completed"
    status: str = "completed"
    mails: tuple[str, ...] = DELIVERED
    language: Language = "pt-BR"
    times: int = 1
    cancelled_when: str = ""
    refused_by: str = ""
    returned_to: str = ""

    @property
    def key(self) -> Key:
        return (self.channel, self.number)

    @property
    def by_webhook(self) -> bool:
        return self.file.startswith("webhooks/")


SAMPLES = (
    Sample(
        "orders/web_card.json",
        "web",
        "WEB-1001",
        "card; sent twice, captured once",
        nodes=("cd-cajamar",),
        times=2,
    ),
    Sample(
        "webhooks/shopify_orders_create.json",
        "shopify:casa-exemplo.myshopify.com",
        "9007199254741042",
        "Shopify, paid there; delivered twice, captured once",
        nodes=("loja-paulista",),
        language="en",
        times=2,
    ),
    Sample(
        "orders/app_pix_cancelled.json",
        "app",
        "APP-2002",
        "Pix, paid; the customer cancels and is refunded",
        nodes=("cd-cajamar",),
        state="cancelled",
        status="refunded",
        mails=("confirmation", "cancelled", "refunded"),
        cancelled_when="released",
    ),
    Sample(
        "webhooks/standard_order_created.json",
        "marketplace-br",
        "MKT-2026-000123",
        "marketplace, paid there",
        nodes=("loja-paulista",),
    ),
    Sample(
        "orders/web_split.json",
        "web",
        "WEB-1002",
        "no node has all of it: two parcels",
        nodes=("cd-cajamar", "cd-recife"),
        mails=("confirmation", "shipped", "shipped", "delivered", "delivered"),
    ),
    Sample(
        "orders/app_pix.json",
        "app",
        "APP-2001",
        "Pix: waits for the provider's callback",
        nodes=("cd-recife",),
    ),
    Sample(
        "orders/web_backordered.json",
        "web",
        "WEB-1005",
        "out of stock: waits for a receipt",
        nodes=("cd-recife",),
    ),
    Sample(
        "orders/call_centre_english.json",
        "call-centre",
        "CALL-3001",
        "call centre, in English and US dollars",
        nodes=("miami",),
        language="en",
    ),
    Sample(
        "orders/web_confirmed_later.json",
        "web",
        "WEB-1003",
        "card that its bank must confirm",
        nodes=("loja-savassi",),
    ),
    Sample(
        "orders/till_by_weight.json",
        "till-savassi",
        "TILL-4001",
        "till, a line by weight",
        nodes=("loja-savassi",),
    ),
    Sample(
        "orders/web_pickup.json",
        "web",
        "WEB-1007",
        "collected in a store with a code, paid at its till",
        nodes=("loja-paulista",),
        mails=("confirmation", "ready"),
    ),
    Sample(
        "orders/web_rejected.json",
        "web",
        "WEB-1008",
        "the store says no: another node ships it",
        nodes=("cd-cajamar",),
        refused_by="loja-savassi",
    ),
    Sample(
        "orders/web_returned.json",
        "web",
        "WEB-1009",
        "two cards, gift wrap, discount; a shirt comes back to a store and is refunded",
        nodes=("cd-cajamar",),
        status="refunded",
        mails=(*DELIVERED, "return_approved", "return_received", "refunded"),
        returned_to="loja-paulista",
    ),
    Sample(
        "orders/web_declined.json",
        "web",
        "WEB-1004",
        "card declined: stock released",
        state="cancelled",
        status="cancelled",
        mails=("confirmation", "cancelled"),
    ),
)


def read(file: str) -> dict[str, Any]:
    """A JSON document under `events/`."""
    document: dict[str, Any] = json.loads((EVENTS / file).read_text(encoding="utf-8"))
    return document
