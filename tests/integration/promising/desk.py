"""Promises on moto: what was offered, what is captured on it, and what becomes of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from oms.aws import dynamo
from oms.aws.demand_store import DemandStore
from oms.aws.policy_store import PolicyStore
from oms.aws.promise_store import PromiseStore
from oms.aws.supply_items import supply_item, supply_key
from oms.catalog.delivery import Band, CarrierService
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Supply
from oms.inventory.reservations import Reservations
from oms.kernel.money import Money
from oms.orders import sourcing
from oms.orders.capture import CaptureResult, capture
from oms.orders.contract import CaptureOrder
from oms.orders.model import Order
from oms.promising.acceptance import Acceptance
from oms.promising.demand import DemandLine
from oms.promising.keeping import Keeper
from oms.promising.model import (
    BasketLine,
    Destination,
    Option,
    OptionLine,
    Promise,
    supply_source,
)
from oms.routing.policies import BuiltIn
from tests.integration.world import World
from tests.samples import CAUSE, NOW, content, line

# Two days from everywhere, every day of the week.
STANDARD = CarrierService(
    "standard",
    "Standard",
    "Correios",
    ("BR",),
    (Band(9000, 2, 1000),),
    "BRL",
    delivers_on=(0, 1, 2, 3, 4, 5, 6),
    delivers_on_holidays=True,
)
TO = Destination("BR", "SP", "São Paulo", "01310-100")


def later(**after: float) -> datetime:
    return NOW + timedelta(**after)


def day(number: int) -> date:
    return later(days=number).date()


def part(
    sku: str = "MUG",
    quantity: int = 1,
    source: str = "on_hand",
    ready_in: int = 0,
    node: str = "sp-dc",
) -> OptionLine:
    """It leaves on the day it is ready, and is there two days later."""
    ready = later(days=ready_in)
    ship_by = ready.replace(hour=23)
    return OptionLine(
        sku, sku, node, quantity, source, ready, ship_by, day(ready_in + 2), "standard"
    )


def from_supply(supply_id: str, ready_in: int, quantity: int = 1, sku: str = "MUG") -> OptionLine:
    return part(sku, quantity, supply_source(supply_id), ready_in)


class Desk:
    """Where promises are offered, accepted and kept."""

    def __init__(self, oms: World) -> None:
        self.oms = oms
        self.demand = DemandStore(oms.client, "inventory")
        self.promises = PromiseStore(oms.client, "inventory")
        self.acceptance = Acceptance(self.promises, self.demand, self.promises)
        self.keeper = Keeper(oms.orders, oms.stock, oms.catalog, self.demand, self.promises)
        oms.catalog.put_carrier_service(STANDARD)

    def offer(self, *parts: OptionLine, number: str = "1", **changes: Any) -> str:
        bookings = changes.pop("bookings", ())
        lines = parts or (part(),)
        option = Option(
            id="opt_1",
            ranks=(),
            ship_by=max(each.ship_by for each in lines),
            arrive_by=max(each.arrive_by for each in lines),
            lines=lines,
            cost=Money(0, "BRL"),
            bookings=bookings,
        )
        basket = tuple(BasketLine(each.line_id, each.sku, each.quantity) for each in lines)
        promise = Promise(f"prm_{number}", "web", NOW, later(minutes=15), TO, basket, (option,))
        self.promises.offer(replace(promise, **changes))
        return promise.id

    def capture(
        self,
        promise_id: str,
        quantity: int = 1,
        *,
        number: str = "1",
        after: float = 0,
        reservations: Reservations | None = None,
        **more: Any,
    ) -> CaptureResult:
        cause = replace(CAUSE, at=later(minutes=after))
        request = request_of(promise_id, quantity, number, **more)
        return capture(
            request,
            self.oms.orders,
            self.oms.catalog,
            cause,
            accept=self.acceptance.accept,
            stock=self.oms.stock,
            reservations=reservations,
        )

    def promised(self, *parts: OptionLine, number: str = "1", **more: Any) -> Order:
        """An order that was captured on a promise of these parts."""
        quantity = sum(each.quantity for each in parts) or 1
        bookings = more.pop("bookings", ())
        promise = self.offer(*parts, number=number, bookings=bookings)
        return self.capture(promise, quantity, number=number, **more).order

    def sourced_later(self, *parts: OptionLine, number: str = "1", **more: Any) -> Order:
        """The same, of an order that needs more than one transaction: its stock is not its yet."""
        lines = [line(part.sku, part.quantity, line_id=part.line_id) for part in parts]
        promise = self.offer(*parts, number=number)
        ordered = content(*lines, number=number, **more)
        accepted = self.acceptance.accept(ordered, promise, "opt_1", NOW)
        return self.oms.orders.add(accepted.content, "f", CAUSE, also=accepted.writes).order

    def reserve(self, order: Order) -> Order:
        oms, cause = self.oms, replace(CAUSE, at=later(minutes=1))
        return sourcing.reserve(
            order.order_id,
            oms.orders,
            oms.stock,
            oms.catalog,
            BuiltIn(),
            cause,
        )

    def due(
        self, supply_id: str, in_days: int, units: int, sku: str = "MUG", **more: Any
    ) -> Supply:
        """Put a supply as it is by now; what is promised of it stays."""
        known = self.demand.supply(sku, supply_id)
        promised = known.promised if known else 0
        more.setdefault("node", "sp-dc")
        supply = Supply(
            supply_id, sku, due=later(days=in_days), open=units, promised=promised, **more
        )
        self.oms.client.put_item(TableName="inventory", Item=supply_item(supply))
        return supply

    def gone(self, supply_id: str, sku: str = "MUG") -> None:
        self.oms.client.delete_item(TableName="inventory", Key=supply_key(sku, supply_id))

    def promised_of(self, supply_id: str, sku: str = "MUG") -> int:
        supply = self.demand.supply(sku, supply_id)
        assert supply is not None
        return supply.promised

    def rows(self, sku: str = "MUG") -> list[DemandLine]:
        return list(self.demand.of_sku(sku))

    def capacity_left(self, resource: str, when: date) -> int:
        (found,) = self.promises.days({resource}, when, when)[resource]
        return found.left

    def forget(self, promise_id: str) -> None:
        key = {"pk": dynamo.text(f"promise#{promise_id}"), "sk": dynamo.text("promise")}
        self.oms.client.delete_item(TableName="inventory", Key=key)

    def takes_alternatives(self, sku: str = "MUG") -> None:
        store = PolicyStore(self.oms.client, "inventory")
        store.put(sku, SellingPolicy(take_alternative=True), CAUSE)

    def types(self, order: Order) -> list[str]:
        return [each.type for each in self.oms.orders.history(order.order_id)]


def request_of(promise_id: str, quantity: int, number: str, **changes: Any) -> CaptureOrder:
    lines = changes.pop("lines", [{"sku": "MUG", "quantity": quantity, "unit_price": "10.00"}])
    return CaptureOrder.model_validate(
        {
            "channel": "web",
            "channel_order_id": number,
            "currency": "BRL",
            "customer": {"name": "Ana Souza", "email": "ana@example.com", "locale": "pt-BR"},
            "shipping_address": {
                "name": "Ana Souza",
                "line1": "Av. Paulista 1000",
                "city": "São Paulo",
                "region": "SP",
                "postal_code": "01310-100",
                "country": "BR",
            },
            "lines": lines,
            "total": f"{sum(line['quantity'] for line in lines) * 10}.00",
            "payment": {"method": "card", "token": "4242424242424242"},
            "promise": {"id": promise_id, "option": "opt_1"},
            **changes,
        }
    )
