"""A node's work over HTTP: picklist, short pick, parcels, labels, papers, tracking, manifest."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.senders import Senders
from tests.e2e.shop import WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually

# Other tests leave work at the warehouse, and a wave takes the oldest.
HERE = "campinas-dc"
ELSEWHERE = "curitiba-dc"


@pytest.fixture(scope="module", autouse=True)
def second_node_and_two_services(shop: Shop) -> None:
    shop.node(HERE, city="Campinas", latitude=-22.91, longitude=-47.06)
    shop.node(ELSEWHERE, city="Curitiba", latitude=-25.43, longitude=-49.27)
    for service, cost, days in (("e2e-slow", "10.00", 6), ("e2e-fast", "25.00", 1)):
        answer = shop.stack.api.put(
            f"/v1/carrier-services/{service}",
            {
                "name": service,
                "carrier": "Correios",
                "countries": ["BR"],
                "currency": "BRL",
                "labels_by": "simulator",
                "bands": [{"up_to_km": 4000, "days": days, "cost": cost}],
            },
        )
        assert answer.status_code == 200, answer.text


def done(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def step(order: Placed, work: str, name: str, body: object = None) -> Any:
    return done(order.stack.api.post(f"/v1/fulfillments/{work}/{name}", body))


def test_a_short_pick_ships_what_was_found_and_fetches_the_rest_elsewhere(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(3, node=HERE)
    shop.receive(sku, 3, node=ELSEWHERE)
    lines = [{"sku": sku, "quantity": 3, "unit_price": "40.00"}]
    order = shop.place(sku, lines=lines, total="130.00")
    (work,) = order.work()
    listed = f"/v1/fulfillments?node={HERE}"
    eventually(lambda: work in stack.api.get(listed).text)

    picklist = done(stack.api.post(f"/v1/nodes/{HERE}/picklists", {"id": f"wave-{order.number}"}))
    assert picklist["fulfillments"] == [work]
    mine = {"fulfillment_id": work, "line_id": sku, "picked": 2, "reason": "not_in_stock"}
    done(stack.api.post(f"/v1/picklists/{picklist['id']}/picked", {"lines": [mine]}))
    done(stack.api.post(f"/v1/picklists/{picklist['id']}/picked", {"lines": [mine]}))

    def elsewhere(view: dict[str, Any]) -> bool:
        return any(one["node"] == ELSEWHERE for one in view["fulfillments"])

    view = order.shows(elsewhere)
    there = {one["node"]: one for one in view["fulfillments"]}
    assert there[HERE]["lines"][0]["quantity"] == 2
    assert there[ELSEWHERE]["lines"][0]["quantity"] == 1
    assert shop.stock(sku)["on_hand"] == 5
    (task,) = [
        one
        for one in done(stack.api.get(f"/v1/nodes/{HERE}/count-tasks"))["tasks"]
        if one["sku"] == sku
    ]
    assert (task["reason"], task["fulfillment_id"]) == ("not_in_stock", work)

    for name in ("pack", "ship", "deliver"):
        assert order.step(work, name).status_code == 200
    assert order.now()["status"] == "partially_shipped"
    for name in ("accept", "pick", "pack", "ship", "deliver"):
        assert order.step(there[ELSEWHERE]["id"], name).status_code == 200
    order.becomes("completed")


def test_two_parcels_are_labelled_printed_shipped_tracked_and_on_the_manifest(
    shop: Shop, stack: Stack, senders: Senders
) -> None:
    sku = shop.item(2)
    lines = [{"sku": sku, "quantity": 2, "unit_price": "40.00"}]
    order = shop.place(sku, lines=lines, total="90.00")
    (work,) = order.work()
    step(order, work, "accept")
    step(order, work, "pick")
    one_each = {"lines": [{"line_id": sku, "quantity": 1}], "weight_grams": 500}
    too_few = stack.api.post(f"/v1/fulfillments/{work}/pack", {"parcels": [one_each]})
    assert (too_few.status_code, too_few.json()["code"]) == (422, "quantities_do_not_add_up")
    step(order, work, "pack", {"parcels": [one_each, one_each]})

    labelled = step(order, work, "label", {})
    again = step(order, work, "label", {})

    assert labelled["label"]["service"] == "e2e-slow"
    numbers = [parcel["label"]["tracking_number"] for parcel in labelled["parcels"]]
    assert len(set(numbers)) == 2
    assert [parcel["label"]["tracking_number"] for parcel in again["parcels"]] == numbers
    for paper, begins in (("label", b"%PDF"), ("packing-slip", b"%PDF")):
        answer = stack.api.get(f"/v1/fulfillments/{work}/{paper}", params={"format": "pdf"})
        assert _body(answer).startswith(begins)
        answer = stack.api.get(f"/v1/fulfillments/{work}/{paper}", params={"format": "zpl"})
        assert _body(answer).startswith(b"^XA")

    step(order, work, "ship")
    now = datetime.now(UTC)
    reports = [("delivered", 0), ("in_transit", 2), ("accepted", 3)]
    for number in numbers[:1]:
        _report(senders, work, number, reports, now)
        _report(senders, work, number, reports, now)
    path = f"/v1/fulfillments/{work}/tracking"
    eventually(
        lambda: done(stack.api.get(path))["parcels"][0]["status"] == "delivered",
        otherwise=lambda: stack.api.get(path).json(),
    )
    assert order.now()["state"] == "shipped"
    _report(senders, work, numbers[1], reports, now)
    order.becomes("completed")

    manifest = done(
        stack.api.post(
            f"/v1/nodes/{WAREHOUSE}/manifests",
            {"carrier": "Correios", "day": labelled_day(now)},
        )
    )
    assert {parcel["tracking_number"] for parcel in manifest["parcels"]} >= set(numbers)


def labelled_day(now: datetime) -> str:
    """The warehouse has no calendar of its own: its day is that of UTC."""
    return now.date().isoformat()


def _report(
    senders: Senders,
    work: str,
    number: str,
    reports: list[tuple[str, int]],
    now: datetime,
) -> None:
    events = [
        {
            "id": f"{number}-{status}",
            "status": status,
            "occurred_at": (now - timedelta(hours=hours)).isoformat(),
        }
        for status, hours in reports
    ]
    data = {"fulfillment_id": work, "tracking_number": number, "events": events}
    answer = senders.standard("carrier", "tracking.updated", data, "")
    assert answer.status_code == 202, answer.text


def _body(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    return answer.content if not _is_base64(answer.content) else base64.b64decode(answer.content)


def _is_base64(content: bytes) -> bool:
    return content[:4] == b"JVBE"
