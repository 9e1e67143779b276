"""What is reported of money and of returns, over HTTP on the deployed stack."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oms.kernel.clock import rfc3339
from tests.e2e.shop import STORE, Placed, Shop
from tests.e2e.stack import eventually

HEAD = "provider_reference,payment_id,type,amount,currency,fee,settled_at"


@pytest.fixture
def period() -> dict[str, str]:
    """From now on: what other tests did is not in it."""
    now = datetime.now(UTC)
    return {"from": rfc3339(now), "to": rfc3339(now + timedelta(hours=1))}


def completed(shop: Shop, *skus: str) -> Placed:
    order = shop.place(*skus)
    order.fulfil()
    order.becomes("completed")
    return order


def believed(shop: Shop, order: Placed, period: dict[str, str], count: int) -> list[dict[str, Any]]:
    """What is thought to have moved for an order, once there is so much."""

    def there() -> list[dict[str, Any]] | None:
        asked = {"provider": "simulator", "limit": "100", **period}
        answer = shop.stack.api.get("/v1/reports/payments", params=asked)
        assert answer.status_code == 200, answer.text
        found = [one for one in answer.json()["movements"] if one["order_id"] == order.id]
        return found if len(found) == count else None

    return eventually(there)


def test_a_settlement_file_is_compared_with_what_moved(shop: Shop, period: dict[str, str]) -> None:
    order, api = completed(shop, shop.item(1)), shop.stack.api
    refund = {"refund_key": "settled", "goodwill": "5.00"}
    assert api.post(f"{order.path}/refunds", refund).status_code == 201
    order.shows(lambda view: view["payment"]["refunded"] == "5.00")
    taken, back = believed(shop, order, period, 2)
    assert (taken["type"], taken["amount"], back["type"]) == ("capture", "50.00", "refund")

    rows = [
        f"{taken['references'][0]},,capture,50.00,BRL,1.50,",
        f"{back['references'][0]},,refund,4.99,BRL,,",
        "nobody,,capture,1.00,BRL,,",
    ]
    sent = {"provider": "simulator", "format": "generic", "csv": "\n".join([HEAD, *rows])}
    first = api.post("/v1/settlements", {**sent, **period})
    again = api.post("/v1/settlements", {**sent, **period})
    assert (first.status_code, again.status_code) == (201, 200), first.text
    report = first.json()
    assert again.json() == report
    assert report["counts"]["matched"] == 1
    path = f"/v1/settlements/{report['id']}/differences"
    # Orders of other tests move money too.
    listed = [one for one in api.get(path).json()["differences"] if one["theirs"]]
    assert [one["kind"] for one in listed] == ["amount_differs", "unknown_to_us"]
    resolved = api.post(f"{path}/1/resolve", {"note": "a cent of rounding"})
    assert resolved.json()["resolved"]["note"] == "a cent of rounding"
    left = api.get(path, params={"unresolved": "true"}).json()["differences"]
    assert [one["number"] for one in left if one["theirs"]] == [2]


def test_a_file_with_bad_rows_is_refused_with_all_of_them(
    shop: Shop, period: dict[str, str]
) -> None:
    rows = [HEAD, "a,,capture,x,BRL,,", "b,,sale,1.00,BRL,,"]
    sent = {"provider": "nobody", "format": "generic", "csv": "\n".join(rows), **period}
    answer = shop.stack.api.post("/v1/settlements", sent)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["faults"]] == ["csv.2.amount", "csv.3.type"]


def test_a_return_is_in_the_rates_of_its_product(shop: Shop) -> None:
    sku, api = shop.item(1), shop.stack.api
    order = completed(shop, sku)
    asked = api.post(
        f"{order.path}/returns",
        {"lines": [{"line_id": sku, "quantity": 1, "reason": "too_big"}]},
    )
    assert asked.status_code == 201, asked.text
    received = api.post(
        f"/v1/returns/{asked.json()['id']}/receive",
        {"receipt_id": "rates-1", "node": STORE, "lines": [{"line_id": sku, "quantity": 1}]},
    )
    assert received.status_code == 200, received.text

    def counted() -> dict[str, Any] | None:
        page = api.get("/v1/reports/returns", params={"subject": sku}).json()
        found: list[dict[str, Any]] = page["rates"]
        return found[0] if found and found[0]["returned"] and found[0]["delivered"] else None

    rate = eventually(counted)
    assert (rate["delivered"], rate["returned"], rate["rate"]) == (1, 1, "1.0000")
    assert rate["reasons"] == [{"reason": "too_big", "returned": 1}]
