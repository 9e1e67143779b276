"""At day's end: what a carrier takes is closed once, and nothing is on two manifests."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from oms.fulfillment import manifests
from oms.fulfillment.labels import buy_labels
from oms.fulfillment.manifests import Closed, close_manifest
from oms.kernel.errors import Conflict, ProviderUnavailable
from oms.kernel.ids import order_of
from oms.orders import decisions
from oms.orders.model import Method
from tests.integration.fulfillment.station import (
    DAY,
    CountingCarrier,
    at,
    at_the_node,
    parcels_of,
    station_of,
    stock_up,
)
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import CAUSE, content

URL = "POST /v1/nodes/sp-dc/manifests"
TODAY = {"carrier": "Correios", "day": "2026-05-04"}


@pytest.fixture(autouse=True)
def stocked(oms: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stock_up(oms)
    monkeypatch.setattr("oms.fulfillment.patience.FIRST_SECONDS", 0)


def labelled(oms: World, *numbers: str) -> list[str]:
    """Tracking numbers."""
    bought = []
    for number in numbers:
        part = at_the_node(oms, number)
        packing = buy_labels(station_of(oms), part, "", at(12))
        bought += [label.tracking_number for label in packing.labels]
    return bought


def close(
    oms: World, number: int = 1, carrier: CountingCarrier | None = None, day: date = DAY
) -> Closed:
    return close_manifest(station_of(oms, carrier), "sp-dc", "Correios", day, number)


def on(closed: Closed) -> set[str]:
    return {parcel.tracking_number for parcel in closed.manifest.parcels}


def test_it_holds_what_is_labelled_and_on_none_yet(oms: World, call: Gateway) -> None:
    numbers = labelled(oms, "1", "2")

    status, closed = call("parcels", URL, TODAY)

    assert status == 200
    assert {each["tracking_number"] for each in closed["parcels"]} == set(numbers)
    assert (closed["number"], closed["more"], closed["weight_grams"]) == (1, False, 2000)
    assert closed["reference"].startswith("sim_")
    read = call("parcels", f"GET /v1/nodes/sp-dc/manifests/{closed['id']}")
    assert read == (200, {**closed, "more": None})


def test_what_has_arrived_at_a_store_by_then_was_handed_over(oms: World, call: Gateway) -> None:
    lines = tuple(
        replace(each, method=Method.SHIP_TO_STORE, pickup_node="rj-store")
        for each in content().lines
    )
    part = at_the_node(oms, of=replace(content(), lines=lines))
    buy_labels(station_of(oms), part, "", at(12))
    assert call("fulfillment", f"POST /v1/fulfillments/{part}/ship")[0] == 200
    assert call("pickup", f"POST /v1/fulfillments/{part}/arrive")[0] == 200

    status, closed = call("parcels", URL, TODAY)

    assert (status, [each["fulfillment_id"] for each in closed["parcels"]]) == (200, [part])


def test_closed_again_it_is_as_it_was(oms: World, call: Gateway) -> None:
    labelled(oms, "1")
    first = call("parcels", URL, TODAY)[1]
    labelled(oms, "2")

    again = call("parcels", URL, TODAY)[1]

    assert again == {**first, "more": True}


def test_the_next_number_takes_what_was_labelled_since(oms: World) -> None:
    (first, second) = (labelled(oms, "1"), [])
    one = close(oms)
    second = labelled(oms, "2")

    two = close(oms, 2)

    assert (on(one), on(two)) == (set(first), set(second))


def test_no_more_than_fit_are_on_one(oms: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MOST_ON_A_MANIFEST", 2)
    monkeypatch.setattr(manifests, "_PAGE", 1)
    numbers = labelled(oms, "1", "2", "3")

    one, two = close(oms), close(oms, 2)

    assert (len(on(one)), one.more) == (2, True)
    assert (len(on(two)), two.more) == (1, False)
    assert on(one) | on(two) == set(numbers)


def test_a_carrier_that_did_not_answer_is_asked_again_for_the_same(oms: World) -> None:
    numbers = labelled(oms, "1")
    carrier = CountingCarrier()

    def silent(asked: str) -> None:
        raise ProviderUnavailable("no answer")

    carrier.before = silent
    with pytest.raises(ProviderUnavailable):
        close(oms, carrier=carrier)
    carrier.before = lambda _: None
    labelled(oms, "2")

    closed = close(oms, carrier=carrier)

    assert on(closed) == set(numbers)
    assert carrier.closed == [tuple(numbers)]


def test_two_who_close_at_the_same_moment_close_the_same(oms: World) -> None:
    labelled(oms, "1")
    carrier = CountingCarrier()
    inner: list[Closed] = []

    def meanwhile(asked: str) -> None:
        if not inner:
            carrier.before = lambda _: None
            inner.append(close(oms, carrier=carrier))

    carrier.before = meanwhile

    assert close(oms, carrier=carrier) == inner[0]


def test_a_label_on_a_manifest_is_not_cancelled(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    call("parcels", f"POST /v1/fulfillments/{part}/label")
    call("parcels", URL, TODAY)

    status, problem = call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")

    assert (status, problem["code"]) == (409, "on_manifest")
    assert call("parcels", f"GET /v1/fulfillments/{part}/parcels")[1]["state"] == "labelled"


def test_a_cancelled_label_is_on_none(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    call("parcels", f"POST /v1/fulfillments/{part}/label")
    call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")

    status, problem = call("parcels", URL, TODAY)

    assert (status, problem["code"]) == (409, "nothing_to_hand_over")


def test_labels_of_work_that_was_taken_back_are_cancelled_on_the_way(oms: World) -> None:
    (kept,) = labelled(oms, "1")
    gone = at_the_node(oms, "2")
    buy_labels(station_of(oms), gone, "", at(12))
    order = oms.orders.load(order_of(gone))
    oms.orders.commit(order, decisions.withdraw(order), CAUSE)
    carrier = CountingCarrier()

    closed = close(oms, carrier=carrier)

    packing = parcels_of(oms).packing(gone)
    assert packing
    assert on(closed) == {kept}
    assert (packing.state, len(carrier.cancelled)) == ("packed", 1)


def test_what_left_during_the_day_is_on_it(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    call("parcels", f"POST /v1/fulfillments/{part}/label")
    call("fulfillment", f"POST /v1/fulfillments/{part}/ship")

    assert len(call("parcels", URL, TODAY)[1]["parcels"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**TODAY, "carrier": "Jadlog"}, 409, "nothing_to_hand_over"),
        ({**TODAY, "number": 2}, 409, "manifest_missing"),
        ({**TODAY, "number": 0}, 422, "greater_than_equal"),
        ({"carrier": "Correios"}, 422, "required"),
    ],
)
def test_what_cannot_be_closed_is_refused(
    oms: World, call: Gateway, body: dict[str, Any], status: int, code: str
) -> None:
    labelled(oms, "1")

    answered, problem = call("parcels", URL, body)

    assert (answered, problem["code"]) == (status, code)


def test_a_manifest_of_another_node_is_not_found(oms: World, call: Gateway) -> None:
    labelled(oms, "1")
    wanted = call("parcels", URL, TODAY)[1]["id"]

    status, problem = call("parcels", f"GET /v1/nodes/rj-store/manifests/{wanted}")

    assert (status, problem["code"]) == (404, "not_found")


def test_staff_of_another_node_close_none(oms: World, call: Gateway) -> None:
    call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})

    status, problem = call("parcels", URL, TODAY, caller="rita")

    assert (status, problem["code"]) == (403, "not_your_node")


def test_a_packing_changed_by_two_at_once_is_stored_once(oms: World) -> None:
    part = at_the_node(oms)
    store = parcels_of(oms)
    packing = buy_labels(station_of(oms), part, "", at(12))
    store.store(packing)

    with pytest.raises(Exception, match="at the same moment") as refused:
        store.store(packing)
    assert not isinstance(refused.value, Conflict)
