from collections.abc import Callable
from datetime import timedelta
from typing import Any

from oms.kernel.clock import rfc3339, utc_now, whole_milliseconds
from oms.kernel.encoding import from_json
from oms.kernel.events import Envelope
from tests.integration.world import RJ, SP, World

from .conftest import supply

Call = Callable[..., Any]
DUE = whole_milliseconds(utc_now() + timedelta(days=10))


def book(call: Call, movement_id: str, kind: str, node: str, units: int, **more: str) -> int:
    body = {"id": movement_id, "kind": kind, "sku": "MUG", "node": node, "quantity": units, **more}
    status: int = call("inventory", "POST /v1/inventory/movements", body)[0]
    return status


def send(call: Call, **more: str) -> int:
    return book(call, "t1", "transfer", SP.id, 4, to_node=RJ.id, **more)


def arrive(call: Call, units: int) -> int:
    return book(call, "a1", "arrival", RJ.id, units, transfer="t1")


def told(oms: World) -> list[Envelope]:
    key = {"pk": {"S": "movement#t1"}, "sk": {"S": "supply"}}
    item = oms.client.get_item(TableName="inventory", Key=key).get("Item")
    return from_json(item["envelopes"]["S"], list[Envelope]) if item else []


def test_a_transfer_with_a_date_is_supply_while_it_travels(oms: World, call: Call) -> None:
    oms.receive("MUG", 10)
    assert send(call, due=rfc3339(DUE)) == 201
    assert send(call, due=rfc3339(DUE)) == 200
    (one,) = supply(oms)
    assert (one.id, one.kind, one.node, one.open) == ("transfer#t1", "transfer", RJ.id, 4)
    assert (one.due, oms.balance("MUG", RJ).incoming) == (DUE, 4)
    assert arrive(call, 4) == 201
    assert arrive(call, 4) == 200
    assert (supply(oms), oms.balance("MUG", RJ).incoming, told(oms)) == ([], 0, [])


def test_what_is_missing_of_it_is_told(oms: World, call: Call) -> None:
    oms.receive("MUG", 10)
    send(call, due=rfc3339(DUE))
    arrive(call, 3)
    (event,) = told(oms)
    assert (event.type, event.data["supply"]) == ("supply_changed", "transfer#t1")
    assert (event.data["open_before"], event.data["open"], event.data["reason"]) == (1, 0, "short")


def test_a_transfer_without_a_date_is_no_supply(oms: World, call: Call) -> None:
    oms.receive("MUG", 10)
    send(call)
    assert supply(oms, now=DUE + timedelta(days=1)) == []
    assert arrive(call, 3) == 201
    assert told(oms) == []
