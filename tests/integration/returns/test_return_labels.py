"""A return's label: bought once, from the customer to a node, and followed on its way."""

from dataclasses import replace
from typing import Any

import pytest

from functions.returns import handler
from oms.fulfillment.tracking import TrackingReport, TrackingStatus
from oms.kernel.errors import Conflict, ProviderUnavailable
from oms.kernel.ids import order_of
from oms.returns import decisions
from oms.returns.tracking import take_report
from tests.integration.fulfillment.station import CountingCarrier, service
from tests.integration.returns.counter import Desk
from tests.integration.world import World
from tests.samples import CAUSE, NOW


@pytest.fixture
def carrier(oms: World, monkeypatch: pytest.MonkeyPatch) -> CountingCarrier:
    oms.catalog.put_carrier_service(service("slow", 7, 900))
    oms.catalog.put_carrier_service(service("fast", 1, 2500))
    made = CountingCarrier()
    monkeypatch.setattr(handler, "carriers", made)
    return made


def test_it_leads_to_the_policys_node_by_the_cheapest_service(
    desk: Desk, carrier: CountingCarrier
) -> None:
    desk.policy(return_node="rj-store")
    asked = desk.ask(desk.delivered(), {"MUG": 1})

    first = desk.step(asked, "label")
    again = desk.step(asked, "label", {"node": "rj-store"})

    label = first["label"]
    assert (label["node"], label["service"], label["cost"]) == ("rj-store", "slow", "9.00")
    assert label["tracking_number"].startswith("SM") and again == first
    assert len(carrier.bought) == 1


def test_without_one_it_leads_to_where_it_came_from(desk: Desk, carrier: CountingCarrier) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})

    assert desk.step(asked, "label", {"service": "fast"})["label"]["node"] == "sp-dc"
    status, problem = desk.try_to(asked, "label", {"service": "slow"})
    assert (status, problem["code"]) == (409, "labelled")


def test_a_carrier_that_did_not_answer_is_asked_for_the_same_again(
    desk: Desk, carrier: CountingCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oms.fulfillment.patience.ATTEMPTS", 1)
    asked = desk.ask(desk.delivered(), {"MUG": 1})

    def fail(what: str) -> None:
        if what == "buy":
            raise ProviderUnavailable("no answer")

    carrier.before = fail
    status, _ = desk.try_to(asked, "label")
    carrier.before = lambda what: None
    desk.step(asked, "label")

    assert status == 503
    assert carrier.bought == [f"{asked['id']}:label"]


def test_the_customer_pays_it_where_the_policy_says_so(
    desk: Desk, carrier: CountingCarrier
) -> None:
    desk.policy(refund_when="received", label_paid_by="customer")
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    desk.step(asked, "label")

    received = desk.receive(asked)

    assert received["amount"] == "11.00"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"service": "rocket"}, 422, "unknown_service"),
        ({"node": "nowhere"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_bought_is_refused(
    desk: Desk, carrier: CountingCarrier, body: dict[str, Any], status: int, code: str
) -> None:
    answered, problem = desk.try_to(desk.ask(desk.delivered(), {"MUG": 1}), "label", body)

    assert (answered, problem["code"]) == (status, code)


def test_no_service_no_label(desk: Desk) -> None:
    status, problem = desk.try_to(desk.ask(desk.delivered(), {"MUG": 1}), "label")

    assert (status, problem["code"]) == (409, "no_carrier")


def test_what_the_carrier_reports_is_shown_and_late_reports_change_nothing(
    desk: Desk, oms: World, carrier: CountingCarrier
) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    number = desk.step(asked, "label")["label"]["tracking_number"]
    report = TrackingReport("e2", asked["id"], number, TrackingStatus.IN_TRANSIT, NOW)

    take_report(report, oms.orders, CAUSE)
    after = take_report(
        replace(report, id="e1", status=TrackingStatus.ACCEPTED, at=NOW.replace(hour=1)),
        oms.orders,
        CAUSE,
    )

    label = after.progress.returns[0].label
    assert label is not None and label.status == "in_transit"
    with pytest.raises(Conflict) as refused:
        take_report(replace(report, tracking_number="X"), oms.orders, CAUSE)
    assert refused.value.problem_code == "other_tracking_number"


def test_a_cancelled_return_gives_its_label_back(desk: Desk, carrier: CountingCarrier) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    desk.step(asked, "label")

    for _ in range(2):
        assert desk.step(asked, "cancel")["state"] == "cancelled"

    assert {*carrier.cancelled} == {f"{asked['id']}:label"}


def test_a_label_that_was_given_back_is_not_printed(desk: Desk, carrier: CountingCarrier) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    desk.step(asked, "label")
    desk.step(asked, "cancel", {"reason": "kept"})

    status, problem = desk.call("returns", f"GET /v1/returns/{asked['id']}/label")

    assert (status, problem["code"]) == (409, "withdrawn")


def test_without_a_label_there_is_nothing_to_give_back(
    desk: Desk, carrier: CountingCarrier
) -> None:
    desk.step(desk.ask(desk.delivered(), {"MUG": 1}), "cancel")

    assert carrier.cancelled == []


def test_a_label_bought_while_the_return_was_cancelled_is_given_back(
    desk: Desk, carrier: CountingCarrier
) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})

    def cancelled_meanwhile(what: str) -> None:
        if what == "buy":
            carrier.before = lambda _: None
            order_id = order_of(asked["id"])
            desk.commit(order_id, lambda order: decisions.cancel(order, asked["id"], "kept it"))

    carrier.before = cancelled_meanwhile
    status, problem = desk.try_to(asked, "label")

    assert (status, problem["code"]) == (409, "withdrawn")
    assert carrier.cancelled == [f"{asked['id']}:label"]


def test_it_is_printed_with_who_sends_it_and_where_it_goes(
    desk: Desk, carrier: CountingCarrier
) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    path = f"GET /v1/returns/{asked['id']}/label"
    missing = desk.call("returns", path)
    number = desk.step(asked, "label", {"node": "rj-store"})["label"]["tracking_number"]

    _, printed = desk.call("returns", path, query={"format": "zpl"})
    status, page = desk.call("returns", path)

    assert (missing[0], missing[1]["code"]) == (409, "not_labelled")
    assert number in printed and "Ana Souza" in printed and "Ipanema" in printed
    assert status == 200 and page.startswith(b"%PDF")
