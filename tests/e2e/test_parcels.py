"""Parcels over HTTP: packed, labelled, printed, shipped with their labels, tracked in any order."""

from typing import Any

import pytest

from tests.e2e.senders import Senders
from tests.e2e.shop import WAREHOUSE, Shop
from tests.e2e.stack import Stack

# Where no other test sends anything: its carriers are nobody else's.
ABROAD = {
    "name": "Ana Souza",
    "line1": "Avenida 18 de Julio, 1000",
    "city": "Montevideo",
    "postal_code": "11100",
    "country": "UY",
    "latitude": -34.9059,
    "longitude": -56.1913,
}
DAY = "2026-05-04"


@pytest.fixture
def carriers(stack: Stack) -> None:
    for service, days, cost in (("uy-slow", 9, "40.00"), ("uy-fast", 2, "90.00")):
        document = {
            "name": service.upper(),
            "carrier": "Correo",
            "countries": ["UY"],
            "currency": "BRL",
            "labels_by": "simulator",
            "bands": [{"up_to_km": 5000, "days": days, "cost": cost}],
        }
        answer = stack.api.put(f"/v1/carrier-services/{service}", document)
        assert answer.status_code == 200, answer.text


def post(stack: Stack, path: str, body: object = None) -> dict[str, Any]:
    answer = stack.api.post(path, body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.usefixtures("carriers")
def test_two_parcels_travel_with_the_labels_that_were_bought_for_them(
    shop: Shop, stack: Stack, senders: Senders
) -> None:
    first, second = shop.item(1), shop.item(1)
    order = shop.place(first, second, shipping_address=ABROAD)
    (work,) = order.work()
    url = f"/v1/fulfillments/{work}"
    lines = [line["line_id"] for line in order.now()["lines"]]
    for step in ("accept", "pick"):
        post(stack, f"{url}/{step}")
    post(
        stack,
        f"{url}/pack",
        {
            "parcels": [
                {"lines": [{"line_id": line, "quantity": 1}], "weight_grams": 700} for line in lines
            ]
        },
    )

    bought = post(stack, f"{url}/label")
    numbers = [parcel["label"]["tracking_number"] for parcel in bought["parcels"]]
    pdf = stack.api.get(f"{url}/label")
    zpl = stack.api.get(f"{url}/label", params={"format": "zpl"})
    slip = stack.api.get(f"{url}/packing-slip")

    assert (bought["label"]["service"], bought["label"]["cost"]) == ("uy-slow", "80.00")
    assert post(stack, f"{url}/label") == bought
    assert pdf.headers["content-type"] == slip.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF") and slip.content.startswith(b"%PDF")
    assert zpl.headers["content-type"] == "x-application/zpl"
    assert all(f"^FD{number}^FS" in zpl.text for number in numbers)

    def told(number: str, status: str) -> None:
        data = {"fulfillment_id": work, "tracking_number": number, "status": status}
        senders.standard("carrier", "tracking.updated", data, f"{number}-{status}")

    told(numbers[0], "delivered")
    manifest = post(stack, f"/v1/nodes/{WAREHOUSE}/manifests", {"carrier": "Correo", "day": DAY})
    assert {parcel["tracking_number"] for parcel in manifest["parcels"]} >= set(numbers)
    assert post(stack, f"{url}/ship")["tracking_number"] == numbers[0]
    for _ in range(2):
        told(numbers[1], "delivered")
    told(numbers[1], "in_transit")

    order.becomes("completed")
    assert order.event_types().count("fulfillment_delivered") == 1
    tracking = stack.api.get(f"{url}/tracking").json()
    assert {parcel["status"] for parcel in tracking["parcels"]} <= {"delivered", "in_transit"}


def test_a_lost_parcel_holds_its_order_up_until_it_is_found(
    shop: Shop, stack: Stack, senders: Senders
) -> None:
    order = shop.place(shop.item(1))
    (work,) = order.ship()

    senders.carrier(work, status="lost")
    order.becomes("shipped", "undelivered")
    senders.carrier(work)

    order.becomes("completed")
    assert "delivery_recovered" in order.event_types()
