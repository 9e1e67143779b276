"""Labels are bought once, of the cheapest service that keeps the promise, and cancelled."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from oms.fulfillment.labels import buy_labels, cancel_labels
from oms.fulfillment.parcels import PACKING_TRANSITIONS, Packing, PackingState
from oms.kernel.errors import Conflict, ProviderUnavailable, VersionConflict
from oms.kernel.ids import order_of
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.model import CommittedPromise, Content, Method, PromisedPart, Units
from tests.integration.fulfillment.station import (
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


@pytest.fixture(autouse=True)
def stocked(oms: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stock_up(oms)
    monkeypatch.setattr("oms.fulfillment.patience.FIRST_SECONDS", 0)


def buy(oms: World, part: str, carrier: CountingCarrier, service: str = "") -> Packing:
    return buy_labels(station_of(oms, carrier), part, service, at(12))


def label(call: Gateway, part: str, body: object = None) -> tuple[int, Any]:
    return call("parcels", f"POST /v1/fulfillments/{part}/label", body)


def promised(day: date, number: str = "1") -> Content:
    parts = tuple(
        PromisedPart(sku, "sp-dc", units, "on_hand", at(18), day)
        for sku, units in (("MUG", 2), ("TEE", 1))
    )
    return replace(content(number=number), promise=CommittedPromise("p1", "cheapest", parts))


def failing(times: int, asked: str = "buy") -> Callable[[str], None]:
    """Does not answer the first so many times it is ``asked``."""
    left = [times]

    def before(now: str) -> None:
        if now == asked and left[0]:
            left[0] -= 1
            raise ProviderUnavailable("no answer")

    return before


# --- which service --------------------------------------------------------------------------------


def test_without_a_promise_the_cheapest_service_is_bought(oms: World, call: Gateway) -> None:
    status, bought = label(call, at_the_node(oms))

    assert (status, bought["state"], bought["label"]["service"]) == (200, "labelled", "pac")
    assert (bought["label"]["cost"], bought["label"]["currency"]) == ("11.00", "BRL")
    assert [each["service"] for each in bought["label"]["compared"]] == ["pac", "sedex"]
    assert bought["parcels"][0]["label"]["tracking_number"].startswith("SM")
    assert bought["label"]["reason"].startswith("the cheapest: PAC for 11.00 BRL")


def test_it_is_the_cheapest_that_keeps_the_promise(oms: World) -> None:
    part = at_the_node(oms, of=promised(date(2026, 5, 6)))

    choice = buy(oms, part, CountingCarrier()).choice

    assert choice
    assert (choice.service, choice.promised) == ("sedex", date(2026, 5, 6))
    assert [(each.service, each.keeps_promise) for each in choice.compared] == [
        ("sedex", True),
        ("pac", False),
    ]


def test_a_service_that_is_named_is_bought(oms: World, call: Gateway) -> None:
    status, bought = label(call, at_the_node(oms), {"service": "sedex"})

    assert (status, bought["label"]["service"]) == (200, "sedex")


def test_what_cannot_be_bought_is_refused(oms: World, call: Gateway) -> None:
    packed, picked = at_the_node(oms), at_the_node(oms, "2", steps=2)

    assert label(call, packed, {"service": "rocket"})[1]["code"] == "unknown_service"
    early = label(call, picked)
    assert (early[0], early[1]["code"], early[1]["state"]) == (409, "illegal_transition", "picked")
    assert "pack" in early[1]["allowed"]
    for each in oms.catalog.carrier_services():
        oms.catalog.put_carrier_service(replace(each, labels_by=""))
    call("catalog", "GET /v1/carrier-services")
    with pytest.raises(Conflict) as refused:
        buy(oms, packed, CountingCarrier())
    assert refused.value.problem_code == "no_carrier"


# --- once -----------------------------------------------------------------------------------------


def test_asked_again_the_same_labels_are_answered_and_none_is_bought(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier()

    first, again = buy(oms, part, carrier), buy(oms, part, carrier)

    assert first == again
    assert carrier.bought == [f"{first.parcels[0].id}:label:1"]
    with pytest.raises(Conflict) as refused:
        buy(oms, part, carrier, "sedex")
    assert refused.value.problem_code == "labelled"


def test_a_carrier_that_does_not_answer_is_asked_again_under_the_same_key(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier(before=failing(2))

    assert buy(oms, part, carrier).is_labelled
    assert len(set(carrier.bought)) == 1


def test_what_a_carrier_never_answered_goes_on_with_the_same_service_and_keys(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier(before=failing(3))
    with pytest.raises(ProviderUnavailable):
        buy(oms, part, carrier)
    assert (stored(oms, part).state, carrier.bought) == ("labelling", [])
    for each in oms.catalog.carrier_services():
        if each.id == "pac":
            cheaper = replace(each, id="aaa")
            oms.catalog.put_carrier_service(
                replace(cheaper, bands=(replace(each.bands[0], cost=1),))
            )

    bought = buy(oms, part, carrier)

    assert bought.choice
    assert bought.choice.service == "pac"
    assert carrier.bought == [f"{bought.parcels[0].id}:label:1"]


def test_two_who_buy_at_the_same_moment_get_the_same_label(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier()
    inner: list[Packing] = []

    def meanwhile(asked: str) -> None:
        if asked == "buy" and not inner:
            carrier.before = lambda _: None
            inner.append(buy(oms, part, carrier))

    carrier.before = meanwhile
    with pytest.raises(VersionConflict):
        buy(oms, part, carrier)

    assert set(carrier.bought) == {f"{inner[0].parcels[0].id}:label:1"}
    assert buy(oms, part, carrier) == inner[0]


def stored(oms: World, part: str) -> Packing:
    packing = parcels_of(oms).packing(part)
    assert packing
    return packing


# --- cancelled ------------------------------------------------------------------------------------


def test_labels_are_cancelled_and_others_bought(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    first = label(call, part)[1]["parcels"][0]["label"]["tracking_number"]

    status, cancelled = call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")
    again = label(call, part, {"service": "sedex"})[1]["parcels"][0]["label"]["tracking_number"]

    assert (status, cancelled["state"], cancelled["label"]) == (200, "packed", None)
    assert again != first


def test_cancelling_twice_or_nothing_changes_nothing(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)

    answers = [call("parcels", f"POST /v1/fulfillments/{part}/label/cancel") for _ in range(2)]

    assert [(status, shown["state"]) for status, shown in answers] == [(200, "proposed")] * 2


def test_a_cancellation_that_was_not_answered_goes_on(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier(before=failing(3, "cancel"))
    key = buy(oms, part, carrier).labels[0].key
    with pytest.raises(ProviderUnavailable):
        cancel_labels(station_of(oms, carrier), part)

    assert stored(oms, part).state == "cancelling"
    after = cancel_labels(station_of(oms, carrier), part)

    assert after
    assert (after.state, carrier.cancelled) == ("packed", [key])


def test_nothing_is_bought_while_labels_are_being_cancelled(oms: World) -> None:
    part, carrier = at_the_node(oms), CountingCarrier(before=failing(3))
    with pytest.raises(ProviderUnavailable):
        buy(oms, part, carrier)
    carrier.before = failing(3, "cancel")
    with pytest.raises(ProviderUnavailable):
        cancel_labels(station_of(oms, carrier), part)

    with pytest.raises(Conflict) as refused:
        buy(oms, part, carrier)
    assert refused.value.problem_code == "label_pending"


def test_labels_that_are_being_cancelled_are_not_answered_again(oms: World, call: Gateway) -> None:
    part, carrier = at_the_node(oms), CountingCarrier()
    buy(oms, part, carrier)
    carrier.before = failing(3, "cancel")
    with pytest.raises(ProviderUnavailable):
        cancel_labels(station_of(oms, carrier), part)

    path = f"/v1/fulfillments/{part}"
    assert label(call, part)[1]["code"] == "label_pending"
    assert call("parcels", f"GET {path}/label")[1]["code"] == "not_labelled"
    assert call("fulfillment", f"POST {path}/ship")[1]["code"] == "label_pending"


# What a step answers that a packing does not take, or has taken: 200 where it was done before.
ASKED = {
    "proposed": {"cancel": "done", "ship": "not_labelled"},
    "packed": {"cancel": "done", "ship": "not_labelled"},
    "labelling": {"label": "done", "pack": "label_pending", "ship": "label_pending"},
    "labelled": {"label": "done", "pack": "labelled"},
    "cancelling": {
        "cancel": "done",
        "label": "label_pending",
        "pack": "label_pending",
        "ship": "label_pending",
    },
    "shipped": {"cancel": "shipped", "label": "done", "pack": "illegal_transition", "ship": "done"},
}


def packed_in(oms: World, call: Gateway, part: str, state: str) -> None:
    """The parcels of a packed fulfilment, as far as that."""
    lines = [{"line_id": "MUG", "quantity": 2}, {"line_id": "TEE", "quantity": 1}]
    if state != "proposed":
        call("fulfillment", f"POST /v1/fulfillments/{part}/pack", {"parcels": [{"lines": lines}]})
    if state in ("labelled", "cancelling", "shipped"):
        assert label(call, part)[0] == 200
    if state == "shipped":
        assert call("fulfillment", f"POST /v1/fulfillments/{part}/ship")[0] == 200
    fails = {"labelling": "buy", "cancelling": "cancel"}.get(state)
    if fails:
        carrier = CountingCarrier(before=failing(3, fails))
        act = buy if state == "labelling" else cancelled
        with pytest.raises(ProviderUnavailable):
            act(oms, part, carrier)


def cancelled(oms: World, part: str, carrier: CountingCarrier) -> Packing | None:
    return cancel_labels(station_of(oms, carrier), part)


@pytest.mark.parametrize("state", PackingState)
@pytest.mark.parametrize("step", ["pack", "label", "cancel", "ship"])
def test_what_is_asked_of_parcels_follows_their_table(
    oms: World, call: Gateway, state: PackingState, step: str
) -> None:
    part = at_the_node(oms)
    packed_in(oms, call, part, state)
    assert parcels_state(call, part) == state
    function = "fulfillment" if step in ("pack", "ship") else "parcels"
    path = f"POST /v1/fulfillments/{part}/{'label/cancel' if step == 'cancel' else step}"
    line = {"line_id": "MUG", "quantity": 2}, {"line_id": "TEE", "quantity": 1}
    body = {"parcels": [{"lines": [one]} for one in line]} if step == "pack" else None

    status, answer = call(function, path, body)

    otherwise = ASKED[state].get(step, "")
    assert bool(otherwise) is (step not in PACKING_TRANSITIONS[state])
    if otherwise in ("", "done"):
        assert status == 200
    else:
        assert (status, answer["code"]) == (409, otherwise)


def parcels_state(call: Gateway, part: str) -> str:
    return str(call("parcels", f"GET /v1/fulfillments/{part}/parcels")[1]["state"])


def test_labels_that_have_left_are_not_cancelled(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    label(call, part)
    assert call("fulfillment", f"POST /v1/fulfillments/{part}/ship")[0] == 200

    status, problem = call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")

    assert (status, problem["code"]) == (409, "shipped")


def test_an_order_that_was_cancelled_while_the_carrier_was_asked_keeps_no_label(
    oms: World,
) -> None:
    part, carrier = at_the_node(oms), CountingCarrier()

    def meanwhile(asked: str) -> None:
        if asked == "buy":
            order = oms.orders.load(order_of(part))
            oms.orders.commit(order, decisions.withdraw(order), CAUSE)

    carrier.before = meanwhile
    with pytest.raises(Conflict) as refused:
        buy(oms, part, carrier)

    assert refused.value.problem_code == "withdrawn"
    assert carrier.cancelled == carrier.bought
    assert stored(oms, part).state == "packed"


# --- outdated -----------------------------------------------------------------------------------


def happens(oms: World, part: str, event: Event) -> None:
    order = oms.orders.load(order_of(part))
    oms.orders.commit(order, (event,), CAUSE)


def codes(call: Gateway, part: str) -> set[str]:
    """What printing the label, buying one and shipping with it are refused with."""
    calls = (
        ("parcels", f"GET /v1/fulfillments/{part}/label"),
        ("parcels", f"POST /v1/fulfillments/{part}/label"),
        ("fulfillment", f"POST /v1/fulfillments/{part}/ship"),
    )
    answers = [call(*each) for each in calls]
    assert {status for status, _ in answers} == {409}
    return {problem["code"] for _, problem in answers}


def test_a_label_with_an_address_that_was_changed_since_is_of_no_use(
    oms: World, call: Gateway
) -> None:
    part = at_the_node(oms)
    label(call, part)
    moved = replace(content().shipping_address, line1="Rua Augusta 1")
    happens(oms, part, happened.AddressChanged(moved))

    assert codes(call, part) == {"address_changed"}

    call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")
    label(call, part)
    assert "Rua Augusta 1" in printed(call, part, "label", "zpl")


def test_labels_for_units_that_are_no_longer_in_it_are_of_no_use(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    label(call, part)
    happens(oms, part, happened.FulfillmentReduced(part, (Units("TEE", 1),)))

    assert codes(call, part) == {"packed_otherwise"}

    call("parcels", f"POST /v1/fulfillments/{part}/label/cancel")
    left = {"parcels": [{"lines": [{"line_id": "MUG", "quantity": 2}]}]}
    assert call("fulfillment", f"POST /v1/fulfillments/{part}/pack", left)[0] == 200
    assert label(call, part)[0] == 200


def test_nothing_leaves_while_its_labels_are_being_bought(oms: World, call: Gateway) -> None:
    part, carrier = at_the_node(oms), CountingCarrier(before=failing(3))
    with pytest.raises(ProviderUnavailable):
        buy(oms, part, carrier)
    given = {"carrier": "Correios", "tracking_number": "BR1"}

    for body in (None, given):
        status, problem = call("fulfillment", f"POST /v1/fulfillments/{part}/ship", body)
        assert (status, problem["code"]) == (409, "label_pending")


def test_labels_of_what_left_with_another_number_meanwhile_are_cancelled(
    oms: World, call: Gateway
) -> None:
    part = at_the_node(oms)
    given = {"carrier": "Correios", "tracking_number": "BR1"}

    def leaves(asked: str) -> None:
        if asked == "rates":
            assert call("fulfillment", f"POST /v1/fulfillments/{part}/ship", given)[0] == 200

    carrier = CountingCarrier(before=leaves)
    with pytest.raises(Conflict) as refused:
        buy(oms, part, carrier)

    assert refused.value.problem_code == "other_tracking_number"
    assert carrier.bought == carrier.cancelled
    assert parcels_of(oms).awaiting("sp-dc", "Correios", 10, None).parcels == ()


def test_no_label_is_bought_for_what_is_picked_up(oms: World, call: Gateway) -> None:
    lines = tuple(
        replace(each, method=Method.PICKUP, pickup_node="sp-dc") for each in content().lines
    )
    part = at_the_node(oms, of=replace(content(), lines=lines))

    status, problem = label(call, part)

    assert (status, problem["code"], problem["state"]) == (409, "illegal_transition", "packed")


# --- printed --------------------------------------------------------------------------------------


def printed(call: Gateway, part: str, what: str, form: str) -> Any:
    query = {"format": form}
    status, body = call("parcels", f"GET /v1/fulfillments/{part}/{what}", query=query)
    assert status == 200
    return body


def test_labels_are_printed_in_pdf_and_zpl(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    number = label(call, part)[1]["parcels"][0]["label"]["tracking_number"]

    (page,) = PdfReader(io.BytesIO(printed(call, part, "label", "pdf"))).pages
    zpl = printed(call, part, "label", "zpl")

    assert number in page.extract_text()
    assert f"^FD{number}^FS" in zpl
    assert zpl.startswith("^XA")


def test_a_packing_slip_is_printed_with_or_without_labels(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)

    (page,) = PdfReader(io.BytesIO(printed(call, part, "packing-slip", "pdf"))).pages

    assert "Lista de conteúdo" in page.extract_text()
    assert "The MUG" in printed(call, part, "packing-slip", "zpl")


def test_a_label_that_is_not_bought_is_not_printed(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)

    status, problem = call("parcels", f"GET /v1/fulfillments/{part}/label")

    assert (status, problem["code"]) == (409, "not_labelled")


def test_staff_of_another_node_neither_buy_nor_cancel(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})

    for path in ("label", "label/cancel"):
        status, problem = call("parcels", f"POST /v1/fulfillments/{part}/{path}", caller="rita")
        assert (status, problem["code"]) == (403, "not_your_node")
