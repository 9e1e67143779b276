"""Return rates over HTTP, counted from what happens to orders."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.queues import QUEUES
from oms.aws import dynamo, return_rate_store, stores
from oms.aws.order_store import envelopes
from oms.aws.outbox import publications
from oms.kernel.clock import utc_now
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.ids import fulfillment_id
from oms.notifications.callback import CallbackOutcome, SignedPost
from oms.notifications.return_rate_call import call_about_returns
from oms.orders import events as happened
from oms.orders.model import Fulfillment, FulfillmentLine, Order
from oms.reporting.return_rates import Counted, RankedBy, RateOf
from oms.returns.events import ReturnReceived, ReturnRequested
from oms.returns.model import Receipt, Return, ReturnLine, ReturnUnits
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import World
from tests.samples import CAUSE, NOW, allocated, content, line

from .conftest import Call, Project

MAY = {"from_": "2026-05", "to": "2026-05"}


def delivered(oms: World, project: Project, number: str, at: datetime = NOW, **units: int) -> Order:
    """An order of these units by SKU, delivered in one part."""
    order = oms.capture(content(*(line(sku, of) for sku, of in units.items()), number=number))
    part = Fulfillment(
        fulfillment_id(order.order_id, 1),
        "sp-dc",
        tuple(FulfillmentLine(sku, of) for sku, of in units.items()),
    )
    steps = (
        happened.OrderSourced(allocated(order), "rule", "why"),
        happened.OrderReleased((part,)),
        happened.FulfillmentShipped(part.id, "carrier", "T1"),
        happened.FulfillmentDelivered(part.id),
    )
    order = oms.orders.commit(order, steps, replace(CAUSE, at=at))
    project(order.order_id)
    return order


def sent_back(
    oms: World,
    project: Project,
    order: Order,
    at: datetime = NOW,
    reason: str = "too_small",
    receipt: str = "r1",
    **units: int,
) -> Order:
    order = oms.orders.load(order.order_id)
    return_id = f"ret_{order.order_id.removeprefix('ord_')}_{len(order.progress.returns) + 1}"
    asked = Return(return_id, tuple(ReturnLine(sku, of, reason) for sku, of in units.items()), at)
    came = Receipt(receipt, "sp-dc", at, tuple(ReturnUnits(sku, of) for sku, of in units.items()))
    steps = (ReturnRequested(return_id, asked), ReturnReceived(return_id, came))
    order = oms.orders.commit(order, steps, replace(CAUSE, at=at))
    project(order.order_id)
    return order


def rates(call: Call, **query: str) -> list[tuple[str, int, int, str]]:
    status, page = call("GET /v1/reports/returns", **{**MAY, **query})
    assert status == 200, page
    return [
        (one["subject"], one["delivered"], one["returned"], one["rate"]) for one in page["rates"]
    ]


def told(oms: World) -> list[dict[str, Any]]:
    """The events that say that a rate is high."""
    items = oms.client.scan(TableName="orders")["Items"]
    found = [publications({"dynamodb": {"NewImage": item}}) for item in items if "events" in item]
    return [
        {"id": one.envelope.id, **one.envelope.data}
        for publication in found
        for one in publication
        if one.envelope.type == "return_rate_high"
    ]


def test_what_is_delivered_and_comes_back_is_counted_by_product_and_customer(
    oms: World, call: Call, project: Project
) -> None:
    order = delivered(oms, project, "1", MUG=4, TEE=2)
    delivered(oms, project, "2", TEE=2)
    sent_back(oms, project, order, MUG=1, TEE=2)
    assert rates(call) == [("TEE", 4, 2, "0.5000"), ("MUG", 4, 1, "0.2500")]
    assert rates(call, by="customer") == [("c1", 8, 3, "0.3750")]
    assert rates(call, order="returned", minimum="5") == []


def test_a_return_from_asking_to_the_counter_is_counted_when_it_is_there(
    oms: World, ask: Gateway, call: Call, project: Project
) -> None:
    """In parts, by the use cases of returns themselves; what was refused of it is not counted."""
    desk = Desk(oms, ask)
    order = desk.delivered(line("MUG", 4), line("TEE", 2))
    asked = desk.ask(order, {"MUG": 2, "TEE": 1}, reason="too_big")
    project(order.order_id)
    assert call("GET /v1/reports/returns")[1]["rates"] == []
    desk.receive(asked, "r1", lines=[{"line_id": "MUG", "quantity": 1}])
    desk.receive(asked, "r2", lines=[{"line_id": "MUG", "quantity": 1}])
    desk.receive(asked, "r3", lines=[{"line_id": "TEE", "quantity": 1}])
    for _ in range(2):
        project(order.order_id)
    _, page = call("GET /v1/reports/returns", order="returned")
    found = [(one["subject"], one["returned"], one["reasons"]) for one in page["rates"]]
    assert found == [
        ("MUG", 2, [{"reason": "too_big", "returned": 2}]),
        ("TEE", 1, [{"reason": "too_big", "returned": 1}]),
    ]
    _, page = call("GET /v1/reports/returns", by="customer")
    (customer,) = page["rates"]
    assert (customer["subject"], customer["delivered"], customer["rate"]) == ("c1", 6, "0.5000")


def test_reasons_and_months_are_told(oms: World, call: Call, project: Project) -> None:
    order = delivered(oms, project, "1", MUG=10)
    sent_back(oms, project, order, MUG=1, reason="damaged")
    june = NOW + timedelta(days=30)
    sent_back(oms, project, order, june, MUG=2, receipt="r2")
    _, page = call("GET /v1/reports/returns", from_="2026-04", to="2026-06")
    assert page["rates"] == [
        {
            "subject": "MUG",
            "delivered": 10,
            "returned": 3,
            "rate": "0.3000",
            "reasons": [
                {"reason": "too_small", "returned": 2},
                {"reason": "damaged", "returned": 1},
            ],
            "months": [
                {"month": "2026-05", "delivered": 10, "returned": 1},
                {"month": "2026-06", "delivered": 0, "returned": 2},
            ],
        }
    ]
    assert rates(call, from_="2026-05", to="2026-05") == [("MUG", 10, 1, "0.1000")]
    assert rates(call, from_="2026-06", to="2026-06", minimum="0") == [("MUG", 0, 2, "1.0000")]


def test_events_that_come_again_change_nothing(oms: World, call: Call, project: Project) -> None:
    order = sent_back(oms, project, delivered(oms, project, "1", MUG=4), MUG=1)
    for _ in range(3):
        project(order.order_id)
    assert rates(call) == [("MUG", 4, 1, "0.2500")]
    assert rates(call, by="customer") == [("c1", 4, 1, "0.2500")]


def test_one_subject_is_read_by_its_name(oms: World, call: Call, project: Project) -> None:
    delivered(oms, project, "1", MUG=4, TEE=1)
    assert rates(call, subject="MUG") == [("MUG", 4, 0, "0.0000")]
    assert rates(call, subject="CAP") == []
    assert rates(call) == []  # Nothing of it came back.


def test_rates_are_paged_without_a_gap(oms: World, call: Call, project: Project) -> None:
    counts = stores.return_rates()
    for number in range(7):
        subject = f"SKU:{number}"
        counts.deliver(f"d{number}", NOW, [Counted(RateOf.PRODUCT, subject, 10_000_000)], NOW)
        back = Counted(RateOf.PRODUCT, subject, reasons={"size": (number % 3) * 1_000_000 or 5})
        counts.count(f"e{number}", "2026-05", [back], NOW)
        counts.catch_up(RateOf.PRODUCT, subject, NOW)
    whole = [subject for subject, *_ in rates(call)]
    found: list[str] = []
    cursor = ""
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        _, page = call("GET /v1/reports/returns", **MAY, **query)
        found += [one["subject"] for one in page["rates"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole
    assert (len(whole), sorted(whole)) == (7, sorted(set(whole)))
    listed = "product#2026-05#2026-05#rate#1"
    for rank in ("x", "1:x:y", f"{'9' * 5000}:1:y", "²:1:y"):
        forged = dynamo.encode_cursor({"pk": dynamo.text(listed), "sk": dynamo.text(rank)})
        for cursor in ("x", str(forged)):
            status, problem = call("GET /v1/reports/returns", **MAY, cursor=cursor)
            assert (status, problem["code"]) == (422, "invalid_cursor")


def noted(event: str, at: datetime, units: int = 1, now: datetime | None = None) -> None:
    counted = [Counted(RateOf.PRODUCT, "MUG", units)]
    stores.return_rates().deliver(event, at, counted, now or at)


def by_month(*months: str) -> dict[str, int]:
    found = stores.return_rates().of(RateOf.PRODUCT, "MUG", months or ("2026-04", "2026-05"))
    return {one.month: one.delivered for one in found}


def test_a_delivery_is_an_item_of_its_own_for_each_subject(oms: World, project: Project) -> None:
    """Nothing that all deliveries of an item would have to wait for."""
    before = {(item["pk"]["S"], item["sk"]["S"]) for item in views_of(oms)}
    order = delivered(oms, project, "1", MUG=4, TEE=2)
    added = {(item["pk"]["S"], item["sk"]["S"]) for item in views_of(oms)} - before
    written = sorted(pk for pk, _ in added if not pk.startswith(("ful_", order.order_id)))
    assert written == ["delivered#customer#c1", "delivered#product#MUG", "delivered#product#TEE"]


def views_of(oms: World) -> list[Any]:
    return oms.client.scan(TableName="views")["Items"]


def test_deliveries_are_added_up_once_however_often_and_late_they_are_told(call: Call) -> None:
    day = timedelta(days=1)
    counts = stores.return_rates()
    for number in range(34):
        noted(f"e{number}", NOW - number * day)
    whole = {"2026-04": 34 - NOW.day, "2026-05": NOW.day}
    assert by_month() == whole
    for later in (NOW, NOW, NOW + day, NOW + 30 * day):
        counts.catch_up(RateOf.PRODUCT, "MUG", later)
        assert by_month() == whole
        # All are told again, some of them long after.
        for number in range(34):
            noted(f"e{number}", NOW - number * day, now=later)
        assert by_month() == whole
    noted("forgotten", NOW - 3 * day, now=NOW + 30 * day)
    noted("forgotten", NOW - 3 * day, now=NOW + 31 * day)
    counts.catch_up(RateOf.PRODUCT, "MUG", NOW + 40 * day)
    assert by_month() == {**whole, "2026-05": NOW.day + 1}


def test_what_is_delivered_is_added_up_in_chunks(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(return_rate_store, "_CHUNK", 3)
    for number in range(10):
        noted(f"e{number}", NOW + timedelta(minutes=number))
    later = NOW + timedelta(days=5)
    noted("now", later)
    counts = stores.return_rates()
    counts.catch_up(RateOf.PRODUCT, "MUG", later)
    assert by_month("2026-05") == {"2026-05": 11}
    noted("more", later)
    counts.catch_up(RateOf.PRODUCT, "MUG", later)
    assert by_month("2026-05") == {"2026-05": 12}


def test_two_who_add_up_at_the_same_moment_add_up_once(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = stores.return_rates()
    noted("a", NOW)
    settle = type(counts)._settle
    later = NOW + timedelta(days=5)
    others = iter([1])

    def overtaken(store: Any, *arguments: Any) -> bool:
        if next(others, None):
            store.catch_up(RateOf.PRODUCT, "MUG", later)
        return settle(store, *arguments)

    monkeypatch.setattr(type(counts), "_settle", overtaken)
    counts.catch_up(RateOf.PRODUCT, "MUG", later)
    assert by_month("2026-05") == {"2026-05": 1}


def test_returns_counted_at_the_same_moment_both_count(
    oms: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is written between this one's look and its write."""
    counts = stores.return_rates()
    one = Counted(RateOf.PRODUCT, "MUG", reasons={"size": 1_000_000})
    look = type(counts)._returned
    others = iter(["b", "c"])

    def interrupted(store: Any, counted: Counted, month: str) -> int:
        before = look(store, counted, month)
        other = next(others, None)
        if other:
            store.count(other, month, [one], NOW)
        return before

    monkeypatch.setattr(type(counts), "_returned", interrupted)
    assert counts.count("a", "2026-05", [one], NOW)
    (found,) = counts.of(RateOf.PRODUCT, "MUG", ("2026-05",))
    assert (found.returned, found.reasons) == (3_000_000, {"size": 3_000_000})
    page = counts.page(RateOf.PRODUCT, ("2026-05",), RankedBy.RETURNED, 0, 10, None)
    assert [rate.returned for rate in page.rates] == [3_000_000]


def test_a_high_rate_is_told_once_a_month_for_each_subject(
    oms: World, call: Call, project: Project
) -> None:
    call("PUT /v1/reports/returns/settings", {"product_minimum": 4, "product_rate": "0.5"})
    order = delivered(oms, project, "1", MUG=4)
    sent_back(oms, project, order, MUG=1)
    assert told(oms) == []
    sent_back(oms, project, order, MUG=1, receipt="r2", reason="damaged")
    expected = {
        "by": "product",
        "subject": "MUG",
        "month": "2026-05",
        "channel": "web",
        "delivered": 4,
        "returned": 2,
        "rate": "0.5000",
        "reasons": {"damaged": 1, "too_small": 1},
    }
    assert told(oms) == [{"id": "return_rate#2026-05#product#MUG:1:1", **expected}]
    sent_back(oms, project, order, MUG=1, receipt="r3")
    assert len(told(oms)) == 1
    june = NOW + timedelta(days=30)
    sent_back(oms, project, order, june, MUG=1, receipt="r4")
    assert sorted(one["month"] for one in told(oms)) == ["2026-05", "2026-06"]


def test_a_customer_who_sends_most_of_it_back_is_told_of(
    oms: World, call: Call, project: Project
) -> None:
    sent_back(oms, project, delivered(oms, project, "1", MUG=10), MUG=5)
    assert [(one["by"], one["subject"]) for one in told(oms)] == [("customer", "c1")]


def test_settings_are_replaced_whole(call: Call) -> None:
    path = "/v1/reports/returns/settings"
    assert call(f"GET {path}")[1] == {
        "product_rate": "0.3000",
        "product_minimum": 20,
        "customer_rate": "0.5000",
        "customer_minimum": 10,
    }
    status, kept = call(f"PUT {path}", {"product_rate": "0.25", "customer_minimum": 3})
    assert (status, kept["product_rate"], kept["customer_minimum"]) == (200, "0.2500", 3)
    assert call(f"GET {path}")[1] == kept


@pytest.mark.parametrize(
    "settings",
    [{"product_rate": "1.5"}, {"product_rate": "0.12345"}, {"customer_minimum": 0}, {"x": 1}],
)
def test_settings_that_cannot_be_are_refused(call: Call, settings: dict[str, Any]) -> None:
    assert call("PUT /v1/reports/returns/settings", settings)[0] == 422


@pytest.mark.parametrize(
    "query",
    [
        {"from_": "2026-05", "to": "2026-04"},
        {"from_": "May"},
        {"from_": "2024-01", "to": "2026-05"},
    ],
)
def test_months_that_are_none_are_refused(call: Call, query: dict[str, str]) -> None:
    status, problem = call("GET /v1/reports/returns", **query)
    assert (status, problem["code"]) == (422, "invalid_period")


def test_without_months_it_is_this_one_and_the_two_before(
    oms: World, call: Call, project: Project
) -> None:
    sent_back(oms, project, delivered(oms, project, "1", utc_now(), MUG=4), utc_now(), MUG=1)
    _, page = call("GET /v1/reports/returns")
    assert [one["subject"] for one in page["rates"]] == ["MUG"]


class RecordingPoster:
    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.calls: list[tuple[str, str]] = []

    def post(self, url: str, body: str, headers: dict[str, str]) -> int:
        assert headers["webhook-id"].startswith("return_rate#")
        self.calls.append((url, body))
        return self.status


def test_the_channel_is_told_what_the_event_says(oms: World, call: Call, project: Project) -> None:
    sent_back(oms, project, delivered(oms, project, "1", MUG=20), MUG=10)
    items = oms.client.scan(TableName="orders")["Items"]
    found = [e for item in items if item["sk"]["S"] == "told" for e in envelopes(item)]
    event = next(one for one in found if one.data["by"] == "product")
    poster = RecordingPoster()
    post = SignedPost(poster, lambda: "the master secret", utc_now)
    outcome = call_about_returns(event, lambda channel: f"https://{channel}.example", post)
    ((url, body),) = poster.calls
    assert (outcome, url) == (CallbackOutcome.ACCEPTED, "https://web.example")
    document = json.loads(body)
    assert (document["type"], document["data"]["subject"]) == ("return_rate.high", "MUG")
    assert "channel" not in document["data"]
    assert call_about_returns(event, lambda _: "", post) is CallbackOutcome.NO_CALLBACK_URL
    with pytest.raises(ProviderUnavailable):
        call_about_returns(event, lambda _: "https://x", replace(post, poster=RecordingPoster(500)))


def test_the_channels_queue_hears_of_high_rates() -> None:
    heard = next(plan.event_types for plan in QUEUES if plan.name == "callbacks")
    assert "return_rate_high" in heard
