"""A shop for tests: what it sells and where it keeps it, and the orders that are placed there."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.stack import Stack, eventually

WEB = "web"
WAREHOUSE = "sp-warehouse"
STORE = "rj-store"
POP_UP = "campinas-pop-up"
PRICE = "40.00"

_ADDRESS = {
    "name": "Ana Souza",
    "line1": "Avenida Paulista, 1000",
    "city": "São Paulo",
    "region": "SP",
    "postal_code": "01310-100",
    "country": "BR",
    "latitude": -23.5656,
    "longitude": -46.6513,
}

Wanted = Callable[[dict[str, Any]], bool]

# Fulfilments whose units are elsewhere by now.
DEAD = ("rejected", "withdrawn", "moved", "merged", "cancelled", "uncollected")


@dataclass(frozen=True)
class Placed:
    """An order that was captured, and whoever acts on it: customer, node."""

    stack: Stack
    id: str
    number: str
    email: str

    @property
    def path(self) -> str:
        return f"/v1/orders/{self.id}"

    @property
    def payment_id(self) -> str:
        return self.id.replace("ord_", "pay_") + "_1"

    def now(self) -> dict[str, Any]:
        answer = self.stack.api.get(self.path)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def history(self) -> list[dict[str, Any]]:
        answer = self.stack.api.get(f"{self.path}/history")
        assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    def event_types(self) -> list[str]:
        return [event["type"] for event in self.history()]

    def event(self, kind: str) -> dict[str, Any]:
        """The one event of that type."""
        (found,) = (event for event in self.history() if event["type"] == kind)
        return found

    def becomes(
        self, state: str, status: str | None = None, seconds: float = 30, every: float = 0.1
    ) -> dict[str, Any]:
        """The order, once it is in that state, and of that status if one is given."""

        def there(view: dict[str, Any]) -> bool:
            return view["state"] == state and status in (None, view["status"])

        return self.shows(there, seconds, every)

    def shows(self, wanted: Wanted, seconds: float = 30, every: float = 0.1) -> dict[str, Any]:
        """The order, once `wanted` holds of what the API shows."""

        def look() -> dict[str, Any] | None:
            view = self.now()
            return view if wanted(view) else None

        return eventually(look, seconds, self._where_it_stands, every)

    def awaits(self, what: str) -> None:
        """Return once the lifecycle has left its token: for stock, payment or fulfillment."""
        table = self.stack.deployment.orders_table

        def token_is_there() -> bool:
            item = self.stack.aws("dynamodb").get_item(
                TableName=table, Key={"pk": {"S": self.id}, "sk": {"S": "await"}}
            )
            return bool(item.get("Item", {}).get("awaits", {}).get("S") == what)

        eventually(token_is_there, otherwise=self._where_it_stands)

    def cancel(self, reason: str = "changed my mind") -> httpx.Response:
        return self.stack.api.post(f"{self.path}/cancel", {"reason": reason})

    def resume(self) -> httpx.Response:
        return self.stack.api.post(f"{self.path}/resume")

    def work(self) -> list[str]:
        """The ids of its fulfilments that are live, once it is released."""
        view = self.becomes("released")
        return [one["id"] for one in view["fulfillments"] if one["state"] not in DEAD]

    def step(self, fulfillment_id: str, step: str) -> httpx.Response:
        body = None
        if step == "ship":
            body = {"carrier": "correios", "tracking_number": tracking_number(fulfillment_id)}
        return self.stack.api.post(f"/v1/fulfillments/{fulfillment_id}/{step}", body)

    def ship(self) -> list[str]:
        """Every node accepts, picks, packs and ships its part."""
        work = self.work()
        for fulfillment_id in work:
            for step in ("accept", "pick", "pack", "ship"):
                answer = self.step(fulfillment_id, step)
                assert answer.status_code == 200, answer.text
        return work

    def fulfil(self) -> list[str]:
        """Every node ships its part, and every part arrives."""
        work = self.ship()
        for fulfillment_id in work:
            answer = self.step(fulfillment_id, "deliver")
            assert answer.status_code == 200, answer.text
        return work

    def mails(self) -> list[dict[str, Any]]:
        return self.stack.mails_to(self.email)

    def is_told(self, *subjects: str) -> list[dict[str, Any]]:
        """Its mails, once as many came as there are `subjects`, each beginning with one."""

        def all_there() -> list[dict[str, Any]] | None:
            mails = self.mails()
            return mails if len(mails) >= len(subjects) else None

        mails = eventually(all_there, otherwise=lambda: [mail["Subject"] for mail in self.mails()])
        told = [mail["Subject"] for mail in mails]
        assert len(told) == len(subjects), told
        for subject in subjects:
            assert any(one.startswith(subject) for one in told), (subject, told)
        return mails

    def as_exception(self) -> dict[str, Any] | None:
        """As it is among what a person must decide. Orders of other tests are there too: every page
        is read."""
        cursor = ""
        while True:
            params = {"limit": "50", "cursor": cursor}
            page = self.stack.api.get("/v1/exceptions", params=params).json()
            for one in page["exceptions"]:
                if one["order_id"] == self.id:
                    return dict(one)
            cursor = page["next_cursor"]
            if not cursor:
                return None

    def execution(self) -> str:
        """The state of its lifecycle: RUNNING, SUCCEEDED, FAILED; NONE when there is none."""
        states = self.stack.aws("stepfunctions")
        try:
            found = states.describe_execution(executionArn=self.execution_arn)
        except states.exceptions.ExecutionDoesNotExist:
            return "NONE"
        return str(found["status"])

    @property
    def execution_arn(self) -> str:
        machine = self.stack.deployment.state_machine_arn
        return machine.replace(":stateMachine:", ":execution:") + f":{self.id}"

    def _where_it_stands(self) -> object:
        view = self.now()
        return view["state"], view["status"], view["exception"], self.event_types()


@dataclass(frozen=True)
class Shop:
    """One channel, a warehouse and two stores. Every test sells items of its own."""

    stack: Stack
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def open(self) -> None:
        self.channel(WEB)
        self.node(WAREHOUSE, "warehouse", city="Cajamar", latitude=-23.35, longitude=-46.88)
        self.node(STORE, "store", city="Rio de Janeiro", latitude=-22.91, longitude=-43.17)
        self.node(POP_UP, "store", city="Campinas", latitude=-22.91, longitude=-47.06)

    def channel(
        self, channel: str, *, callback_url: str = "", availability: bool = False
    ) -> dict[str, Any]:
        body = {
            "name": channel,
            "currencies": ["BRL"],
            "callback_url": callback_url,
            "availability": availability,
        }
        answer = self.stack.api.put(f"/v1/channels/{channel}", body)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def node(self, node: str, kind: str = "warehouse", **place: Any) -> str:
        body = {"name": node, "kind": kind, "country": "BR", **place}
        answer = self.stack.api.put(f"/v1/nodes/{node}", body)
        assert answer.status_code == 200, answer.text
        return node

    def item(self, stock: int = 0, *, node: str = WAREHOUSE, scale: int = 0) -> str:
        """A new SKU of which `node` has `stock`."""
        sku = f"SKU-{next(self._numbers)}"
        self.sell(sku, scale=scale)
        if stock:
            self.receive(sku, stock, node=node)
        return sku

    def sell(self, sku: str, *, scale: int = 0) -> None:
        answer = self.stack.api.put(f"/v1/items/{sku}", {"name": f"Item {sku}", "scale": scale})
        assert answer.status_code == 200, answer.text

    def receive(self, sku: str, quantity: float, *, node: str = WAREHOUSE) -> None:
        answer = self.move("receipt", sku, quantity, node=node)
        assert answer.status_code == 201, answer.text

    def move(
        self, kind: str, sku: str, quantity: float, *, node: str = WAREHOUSE, movement: str = ""
    ) -> httpx.Response:
        body = {
            "id": movement or f"move-{next(self._numbers)}",
            "kind": kind,
            "sku": sku,
            "node": node,
            "quantity": quantity,
            "reason": "test" if kind == "adjustment" else "",
        }
        return self.stack.api.post("/v1/inventory/movements", body)

    def stock(self, sku: str) -> dict[str, Any]:
        """Over all nodes: on_hand, reserved, available."""
        answer = self.stack.api.get(f"/v1/inventory/{sku}")
        assert answer.status_code == 200, answer.text
        view = answer.json()
        return {name: view[name] for name in ("on_hand", "reserved", "available")}

    def ledger(self, sku: str, node: str = WAREHOUSE) -> list[dict[str, Any]]:
        """Every entry of the item at the node, oldest first."""
        entries: list[dict[str, Any]] = []
        query = {"node": node, "limit": "100"}
        while True:
            answer = self.stack.api.get(f"/v1/inventory/{sku}/movements", params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            entries += page["movements"]
            if not page["next_cursor"]:
                return entries[::-1]
            query["cursor"] = page["next_cursor"]

    def document(self, *skus: str, **changes: Any) -> dict[str, Any]:
        """What a channel posts for one of each item, paid by a card that is approved."""
        number = f"W-{next(self._numbers)}"
        lines = [{"sku": sku, "quantity": 1, "unit_price": PRICE} for sku in skus]
        return {
            "channel": WEB,
            "channel_order_id": number,
            "currency": "BRL",
            "customer": {
                "id": f"customer-{number}",
                "name": "Ana Souza",
                "email": f"{number.lower()}@example.com",
                "locale": "pt-BR",
                "tax_id": "529.982.247-25",
            },
            "shipping_address": dict(_ADDRESS),
            "lines": lines,
            "shipping": "10.00",
            "total": f"{40 * len(lines) + 10}.00",
            "payment": card("4242424242424242"),
            **changes,
        }

    def place(self, *skus: str, **changes: Any) -> Placed:
        return self.send(self.document(*skus, **changes))

    def send(self, document: dict[str, Any]) -> Placed:
        answer = self.stack.api.post("/v1/orders", document)
        assert answer.status_code == 201, answer.text
        return self.placed(answer.json())

    def placed(self, view: dict[str, Any]) -> Placed:
        return Placed(self.stack, view["id"], view["channel_order_id"], view["customer"]["email"])

    def orders_of(self, channel: str) -> list[dict[str, Any]]:
        answer = self.stack.api.get("/v1/orders", params={"channel": channel, "limit": "50"})
        assert answer.status_code == 200, answer.text
        orders: list[dict[str, Any]] = answer.json()["orders"]
        return orders


def card(token: str) -> dict[str, str]:
    return {"method": "card", "provider": "simulator", "token": token}


PIX = {"method": "pix", "provider": "simulator"}


def tracking_number(fulfillment_id: str) -> str:
    return f"BR-{fulfillment_id[4:12].upper()}-{fulfillment_id.rpartition('_')[2]}"
