import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from oms.aws import queues
from oms.aws.outbox import publications
from oms.inventory.model import MovementKind, Need
from oms.kernel.encoding import from_json
from oms.kernel.errors import Conflict, Invalid, VersionConflict
from oms.kernel.events import Envelope
from oms.purchasing import purchasing, replenishment, sold_out
from oms.purchasing.contract import ReplenishmentDocument
from oms.purchasing.model import PurchaseOrder, PurchaseState
from oms.purchasing.reorder import Settings
from oms.purchasing.store import Look
from tests.integration.gateway import CONTEXT
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW

from .conftest import at, sent, supply, told

Call = Callable[..., Any]
PATH = "/v1/inventory/MUG/nodes/sp-dc/replenishment"
SETTINGS = {
    "reorder_point": 5,
    "reorder_quantity": 12,
    "supplier": "acme",
    "lead_time_days": 7,
}


def configured(oms: World, **more: object) -> Settings:
    document = ReplenishmentDocument.model_validate({**SETTINGS, **more})
    return replenishment.set_replenishment("MUG", SP.id, document, oms.replenishment, oms.catalog)


def review(oms: World, seconds: int = 0) -> PurchaseOrder | None:
    settings = oms.replenishment.find("MUG", SP.id)
    assert settings is not None
    return replenishment.review(
        settings, oms.replenishment, oms.purchases, oms.stock, oms.stock, at(seconds)
    )


def sell(oms: World, units: int, order_id: str = "ord_1", node: str = SP.id) -> None:
    needs = [Need("MUG", node, units)]
    oms.stock.transact(oms.stock.reserve(needs, order_id, CAUSE))
    oms.stock.transact(oms.stock.ship(needs, order_id, at(1)))


def look(oms: World, now: datetime = NOW) -> str:
    return sold_out.look("MUG", oms.stock, oms.replenishment, now)


def last_told(oms: World) -> Envelope:
    key = {"pk": {"S": "soldout#MUG"}, "sk": {"S": "soldout"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    return from_json(item["envelopes"]["S"], list[Envelope])[0]


def test_what_falls_to_its_reorder_point_is_suggested_once(oms: World) -> None:
    configured(oms)
    oms.receive("MUG", 5)
    order = review(oms)
    assert order is not None
    assert (order.state, order.supplier, order.node) == (PurchaseState.SUGGESTED, "acme", SP.id)
    assert (order.lines[0].ordered, order.lines[0].due) == (12, NOW + timedelta(days=7))
    assert [one.type for one in told(oms, order.id)] == ["purchase_order_suggested"]
    assert review(oms, 60) is None
    assert supply(oms) == []


def test_what_is_above_it_is_not(oms: World) -> None:
    configured(oms)
    oms.receive("MUG", 6)
    assert review(oms) is None


def test_what_is_on_order_counts(oms: World) -> None:
    configured(oms)
    sent(oms, units=6)
    assert review(oms) is None


def test_a_suggestion_that_is_approved_becomes_an_order_and_when_it_ends_another_may_follow(
    oms: World,
) -> None:
    configured(oms)
    first = review(oms)
    assert first is not None
    stores = (oms.purchases, oms.stock)
    purchasing.approve(first.id, *stores, at(1))
    purchasing.send(first.id, *stores, at(2))
    assert oms.balance("MUG").incoming == 12
    assert review(oms, 3) is None
    purchasing.close(first.id, *stores, at(4))
    second = review(oms, 5)
    assert second is not None
    assert second.id != first.id


def test_a_suggestion_that_is_turned_down_is_not_made_again_on_that_day(oms: World) -> None:
    configured(oms)
    order = review(oms)
    assert order is not None
    purchasing.cancel(order.id, oms.purchases, oms.stock, at(1))
    assert review(oms, 3600) is None
    assert review(oms, 90_000) is not None


def test_of_two_who_suggest_at_the_same_moment_one_does(oms: World) -> None:
    settings = configured(oms)

    def suggest(units: int) -> PurchaseOrder | None:
        oms.move("MUG", units, MovementKind.COUNT)
        stores = (oms.replenishment, oms.purchases, oms.stock, oms.stock)
        return replenishment.review(settings, *stores, CAUSE)

    assert suggest(0) is not None
    assert suggest(-20 + 20) is None
    assert len(oms.purchases.page("acme", None, 10, None).orders) == 1


def test_settings_that_change_keep_what_was_suggested(oms: World) -> None:
    configured(oms)
    order = review(oms)
    assert order is not None
    changed = configured(oms, reorder_point=8)
    assert (changed.reorder_point, changed.suggestion, changed.orders) == (8, order.id, 1)


def test_days_of_cover_come_from_what_was_sold(oms: World) -> None:
    configured(oms, cover_days=10, reorder_point=0)
    oms.receive("MUG", 60)
    assert review(oms) is None
    sell(oms, 40)
    # Of the day before NOW nothing was sold by its end; two days later 40 were, 16 a day.
    order = review(oms, 2 * 86_400)
    assert order is not None
    assert order.lines[0].ordered == 144
    kept = oms.replenishment.days("MUG", SP.id, NOW.date() - timedelta(days=9))
    assert [(one.day.isoformat(), one.sold) for one in kept] == [
        ("2026-05-03", 0),
        ("2026-05-05", 40),
    ]


def test_a_day_is_kept_once(oms: World) -> None:
    configured(oms)
    oms.receive("MUG", 60)
    review(oms)
    sell(oms, 3)
    review(oms, 60)
    (kept,) = oms.replenishment.days("MUG", SP.id, NOW.date() - timedelta(days=9))
    assert kept.sold == 0
    key = {"pk": {"S": "sales#MUG#sp-dc"}, "sk": {"S": "2026-05-03"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    forgotten = datetime.fromtimestamp(int(item["forget_at"]["N"]), UTC)
    assert forgotten == datetime(2026, 6, 29, tzinfo=UTC)


def test_every_fault_of_the_settings_is_named(oms: World) -> None:
    document = ReplenishmentDocument.model_validate(
        {**SETTINGS, "supplier": "rj-store", "reorder_quantity": 1.5}
    )
    with pytest.raises(Invalid) as refused:
        replenishment.set_replenishment("MUG", "nowhere", document, oms.replenishment, oms.catalog)
    assert [fault.code for fault in refused.value.faults] == [
        "unknown_node",
        "not_a_supplier",
        "too_many_decimals",
    ]


def test_a_review_stops_in_time_and_the_next_goes_on(oms: World) -> None:
    for number in range(60):
        oms.replenishment.put(Settings(f"S{number:02}", SP.id, 1, 1, "acme", 1))
    seen: list[str] = []
    turns = iter([True, False])

    def once() -> bool:
        return next(turns)

    def look_at(settings: Settings) -> None:
        seen.append(settings.sku)

    assert not replenishment.review_all(oms.replenishment, look_at, once)
    assert len(seen) == 25
    assert replenishment.review_all(oms.replenishment, look_at, lambda: True)
    assert seen == [f"S{number:02}" for number in range(60)]
    assert oms.replenishment.resume_at() is None


def test_what_is_late_is_told_whatever_else_is_to_do(oms: World) -> None:
    sent(oms)
    late = at(11 * 86_400)

    def tell(order_id: str) -> bool:
        purchasing.tell_late(order_id, oms.purchases, oms.stock, late)
        return True

    assert replenishment.tell_late(oms.purchases, late.at, tell, lambda: True) == 1
    assert replenishment.tell_late(oms.purchases, late.at, tell, lambda: True) == 0
    assert told(oms)[0].data["to"] is None


def test_an_order_that_cannot_be_told_does_not_hold_up_the_others(oms: World) -> None:
    for order_id in ("po_1", "po_2"):
        sent(oms, order_id)
    late = at(11 * 86_400)
    tried: list[str] = []

    def tell(order_id: str) -> bool:
        tried.append(order_id)
        if order_id == "po_2":
            purchasing.tell_late(order_id, oms.purchases, oms.stock, late)
        return order_id == "po_2"

    assert replenishment.tell_late(oms.purchases, late.at, tell, lambda: True) == 1
    assert tried == ["po_1", "po_2"]


def test_a_sku_is_sold_out_at_the_last_node_and_back_at_the_first_each_told_once(
    oms: World,
) -> None:
    configured(oms)
    oms.receive("MUG", 2)
    oms.receive("MUG", 1, RJ)
    assert look(oms) == ""
    sell(oms, 2)
    assert look(oms) == ""
    sell(oms, 1, "ord_2", RJ.id)
    assert look(oms) == "item_sold_out"
    assert look(oms) == ""
    event = last_told(oms)
    assert (event.type, event.subject) == ("item_sold_out", "MUG")
    assert event.data == {"sku": "MUG", "suppliers": ["acme"]}
    oms.move("MUG", 4, MovementKind.COUNT, RJ)
    assert look(oms) == "item_back_in_stock"
    assert look(oms) == ""
    assert last_told(oms).type == "item_back_in_stock"


def test_a_look_that_was_overtaken_is_not_written(oms: World) -> None:
    stale = oms.replenishment.last_look("MUG")
    oms.receive("MUG", 1)
    look(oms)
    with pytest.raises(VersionConflict):
        oms.replenishment.keep_look(Look("MUG", True, stale.number + 1), "item_sold_out", [], NOW)


def balance(available: int, sku: str = "MUG") -> dict[str, Any]:
    return {
        "pk": {"S": sku},
        "sk": {"S": "node#sp-dc"},
        "available": {"N": str(available)},
        "version": {"N": "7"},
    }


def published(old: int | None, new: int) -> list[str]:
    images = {"NewImage": balance(new), "OldImage": None if old is None else balance(old)}
    record = {"dynamodb": {**images, "ApproximateCreationDateTime": 1777896000.0}}
    return [one.envelope.type for one in publications(record)]


def test_only_what_crosses_zero_is_told_not_each_sale() -> None:
    assert published(3, 2) == []
    assert published(1, 0) == published(2, -3) == ["node_sold_out"]
    assert published(0, -1) == []
    assert published(None, 4) == published(0, 4) == ["node_back_in_stock"]


# --- the functions -------------------------------------------------------------------------------


@pytest.fixture
def replenish(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, Any]], Any]]:
    queues.sqs.cache_clear()
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs/dead")
    from functions.replenishment.handler import handler

    def invoke(event: dict[str, Any], milliseconds: int = 30_000) -> Any:
        left = SimpleNamespace(
            **{**vars(CONTEXT), "get_remaining_time_in_millis": lambda: milliseconds}
        )
        return handler(event, left)

    yield invoke
    queues.sqs.cache_clear()


def message(event_type: str, node: str = SP.id) -> dict[str, Any]:
    envelope = {
        "id": "1",
        "type": event_type,
        "subject": f"MUG#{node}",
        "version": 1,
        "at": "2026-05-04T12:00:00Z",
        "by": "inventory",
        "reason": "",
        "correlation_id": "",
        "data": {"sku": "MUG", "node": node},
    }
    record = {
        "messageId": "m-1",
        "receiptHandle": "handle",
        "body": json.dumps({"detail": envelope}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}


def suggestions(oms: World) -> list[str]:
    return [one.id for one in oms.purchases.page("", PurchaseState.SUGGESTED, 10, None).orders]


def test_stock_that_runs_low_is_suggested_at_once(oms: World, replenish: Call) -> None:
    configured(oms)
    assert replenish(message("stock_low")) == {"batchItemFailures": []}
    assert len(suggestions(oms)) == 1


def test_a_node_that_is_sold_out_has_the_sku_looked_at(oms: World, replenish: Call) -> None:
    oms.receive("MUG", 1)
    sell(oms, 1)
    replenish(message("node_sold_out"))
    assert last_told(oms).type == "item_sold_out"
    oms.receive("MUG", 1)
    replenish(message("node_back_in_stock"))
    assert last_told(oms).type == "item_back_in_stock"


def test_the_schedule_reviews_all_and_passes_over_what_is_refused(
    oms: World, replenish: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(oms)
    oms.replenishment.put(Settings("TEE", SP.id, 5, 5, "acme", 1))
    review_one = replenishment.review

    def refuse_the_first(settings: Settings, *stores: Any) -> PurchaseOrder | None:
        if settings.sku == "MUG":
            raise Conflict("not this one")
        return review_one(settings, *stores)

    monkeypatch.setattr(replenishment, "review", refuse_the_first)
    replenish({})
    assert len(suggestions(oms)) == 1


def test_a_run_without_time_does_nothing(oms: World, replenish: Call) -> None:
    configured(oms)
    replenish({}, milliseconds=1)
    assert suggestions(oms) == []


def test_settings_are_put_and_read_with_their_outlook(oms: World, call: Call) -> None:
    assert call("purchasing", f"GET {PATH}")[0] == 404
    status, stored = call("purchasing", f"PUT {PATH}", SETTINGS)
    assert (status, stored["reorder_quantity"]) == (200, 12)
    oms.receive("MUG", 7)
    _, view = call("purchasing", f"GET {PATH}")
    assert (view["available"], view["position"], view["days_of_cover"]) == (7, 7, None)
    _, page = call("purchasing", "GET /v1/replenishment", node="sp-dc")
    assert [one["sku"] for one in page["replenishment"]] == ["MUG"]
    assert call("purchasing", "GET /v1/replenishment", node="rj-store")[1]["replenishment"] == []
    missing = "/v1/inventory/CAP/nodes/sp-dc/replenishment"
    assert call("purchasing", f"PUT {missing}", SETTINGS)[1]["code"] == "unknown_sku"
