"""The parts that are played around the OMS: what they send is what the OMS accepts."""

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import pytest

from local.demo import carrier, payment_provider
from local.demo.api import Api, Refusal
from local.demo.counter import StoreCounter
from local.demo.signed_webhook import shopify_signature, standard_signature
from local.demo.warehouse import GoodsIn, Node, Printer
from local.failure import LocalFailure
from oms.channels.carrier import read as read_carrier
from oms.channels.model import Delivery, ParcelReported
from oms.channels.signatures import verify_body_hmac, verify_standard_webhook
from oms.payments.callbacks import read_callback
from tests.unit.local.orders import order, parcel, payment

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Server:
    """Answers the demo's calls from a list, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._answers = iter(answers)

    def api(self) -> Api:
        transport = httpx.MockTransport(self._answer)
        return Api(httpx.Client(base_url="http://oms", transport=transport), pauses=(0.0,))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((f"{request.method} {request.url.path}", body))
        return next(self._answers)


def fulfillment(state: str) -> httpx.Response:
    return httpx.Response(200, json={"id": "ful_sp", "state": state})


def test_a_webhook_is_signed_as_its_receiver_verifies_it() -> None:
    secret, body = "c2VjcmV0IG9mIDMyIGJ5dGVzISEhISEhISEhISEhISE", b'{"type": "ping"}'
    headers = {"webhook-id": "msg_1", **standard_signature(secret, "msg_1", body, NOW)}

    assert verify_standard_webhook(headers, body, secret, NOW) == "msg_1"


def test_a_shopify_webhook_is_signed_as_its_receiver_verifies_it() -> None:
    signature = shopify_signature("secret", b"{}")["x-shopify-hmac-sha256"]

    verify_body_hmac(signature, b"{}", "secret")


@pytest.mark.parametrize(
    ("status", "kind"),
    [("awaiting_pix", "payment.captured"), ("awaiting_card", "payment.authorized")],
)
def test_the_provider_reports_the_payment_of_the_order(status: str, kind: str) -> None:
    call = payment_provider.report(order(state="sourced", status=status))

    callback = read_callback(json.dumps(call["body"]))

    assert (callback.type, callback.payment_id) == (kind, "pay_x_1")
    assert str(callback.amount) == "100.00"


def test_the_carrier_reports_the_parcel() -> None:
    call = carrier.report(parcel("sp", "shipped"))

    assert call["body"]["data"] == {
        "fulfillment_id": "ful_sp",
        "tracking_number": "EX123456785BR",
        "status": "delivered",
    }


def test_tracking_numbers_carry_their_check_digit() -> None:
    assert list(islice(carrier.tracking_numbers(), 3)) == [
        "EX123456785BR",
        "EX123456799BR",
        "EX123456808BR",
    ]


def test_a_node_takes_one_step_in_each_turn_until_the_parcel_has_left() -> None:
    work = httpx.Response(200, json={"fulfillments": [{"id": "ful_sp"}]})
    states = ("accepted", "picked", "packed", "shipped")
    server = Server(work, *(fulfillment(state) for state in states))
    node = Node("sp", server.api(), lambda: "EX123456785BR")
    waiting = order(state="released", parcels=(parcel("sp", "open"),))

    node.act({waiting.key: waiting})
    for _ in range(4):
        node.act({})

    assert [call.rpartition("/")[2] for call, _ in server.asked] == [
        "fulfillments",
        "accept",
        "pick",
        "pack",
        "ship",
    ]
    assert server.asked[-1][1] == {"carrier": "Correios", "tracking_number": "EX123456785BR"}


def test_a_node_with_a_printer_buys_the_label_of_one_parcel_and_ships_with_it() -> None:
    work = httpx.Response(200, json={"fulfillments": [{"id": "ful_sp"}, {"id": "ful_rj"}]})
    both = [state for state in ("accepted", "picked", "packed") for _ in range(2)]
    server = Server(work, *map(fulfillment, (*both, "labelled", "shipped", "shipped")))
    printer = Printer()
    node = Node("sp", server.api(), lambda: "EX123456785BR", printer)
    waiting = order(state="released", parcels=(parcel("sp", "open"), parcel("rj", "open")))

    node.act({waiting.key: waiting})
    for _ in range(4):
        node.act({})

    shipped = [body for call, body in server.asked if call.endswith("/ship")]
    assert [call for call, _ in server.asked if call.endswith("/label")] == [
        "POST /v1/fulfillments/ful_sp/label"
    ]
    assert shipped == [{"carrier": "Correios", "tracking_number": "EX123456785BR"}, None]
    assert printer.bought["state"] == "labelled"


def test_a_labelled_parcel_is_reported_whole_and_in_no_order() -> None:
    call = carrier.report_all(parcel("sp", "shipped"))

    delivery = Delivery("trk_1", json.dumps(call["body"]), {})
    statuses = [
        command.report.status
        for command in read_carrier(delivery)
        if isinstance(command, ParcelReported)
    ]
    assert statuses == ["delivered", "in_transit", "out_for_delivery", "accepted"]


def test_a_node_says_no_to_the_orders_that_it_refuses() -> None:
    work = httpx.Response(200, json={"fulfillments": [{"id": "ful_sp"}]})
    server = Server(work, fulfillment("rejected"))
    node = Node("sp", server.api(), lambda: "", refuses=frozenset({"WEB-1"}))
    waiting = order("WEB-1", state="released", parcels=(parcel("sp", "open"),))

    node.act({waiting.key: waiting})
    node.act({})

    assert server.asked[1:] == [("POST /v1/fulfillments/ful_sp/reject", {"reason": "too_busy"})]


def test_what_is_collected_lies_ready_once_it_is_picked() -> None:
    work = httpx.Response(200, json={"fulfillments": [{"id": "ful_sp"}]})
    states = ("accepted", "picked", "ready")
    steps = (httpx.Response(200, json={"state": state, "method": "pickup"}) for state in states)
    server = Server(work, *steps)
    node = Node("sp", server.api(), lambda: "")
    waiting = order(state="released", parcels=(parcel("sp", "open"),))

    node.act({waiting.key: waiting})
    for _ in range(3):
        node.act({})

    assert [call.rpartition("/")[2] for call, _ in server.asked[1:]] == ["accept", "pick", "ready"]


def test_a_customer_comes_with_the_code_once_it_was_mailed_and_pays_what_is_due() -> None:
    codes = iter((None, "042137"))
    server = Server(httpx.Response(200, json={"state": "delivered"}))
    counter = StoreCounter(server.api(), lambda _: next(codes))
    ready = order(state="released", paid=payment(), parcels=(parcel("sp", "ready"),))

    counter.act({ready.key: ready})
    counter.act({ready.key: ready})

    ((call, body),) = server.asked
    assert call == "POST /v1/fulfillments/ful_sp/hand-over"
    assert body["code"] == "042137"
    assert body["payment"]["amount"] == "100.00"


def test_a_node_puts_a_parcel_back_whose_order_is_being_cancelled() -> None:
    work = httpx.Response(200, json={"fulfillments": [{"id": "ful_sp"}]})
    server = Server(work, fulfillment("accepted"), httpx.Response(409, json={"code": "cancelling"}))
    node = Node("sp", server.api(), lambda: "EX123456785BR")
    waiting = order(state="released", parcels=(parcel("sp", "open"),))

    node.act({waiting.key: waiting})
    node.act({})
    node.act({})

    assert len(server.asked) == 3


def test_goods_come_in_once_when_an_order_waits_for_them() -> None:
    server = Server(httpx.Response(201, json={}))
    goods_in = GoodsIn(server.api(), [{"id": "late-1"}])
    backordered = order(state="captured", status="backordered")

    goods_in.act({})
    goods_in.act({backordered.key: backordered})
    goods_in.act({backordered.key: backordered})

    assert server.asked == [("POST /v1/inventory/movements", {"id": "late-1"})]


def test_a_call_that_is_asked_to_come_back_is_made_again() -> None:
    server = Server(httpx.Response(503), httpx.Response(200, json={"id": "ord_1"}))

    assert server.api().post("/v1/orders", {}) == {"id": "ord_1"}


def test_a_refusal_says_what_was_refused_and_where() -> None:
    faults = [{"path": "lines.0.sku", "code": "unknown_sku", "message": "not sold"}]
    problem = {"code": "invalid", "detail": "the order breaks a rule", "faults": faults}
    server = Server(httpx.Response(422, json=problem))

    with pytest.raises(Refusal) as refused:
        server.api().post("/v1/orders", {})

    assert refused.value.code == "invalid"
    assert str(refused.value) == (
        "POST /v1/orders answered 422: the order breaks a rule lines.0.sku unknown_sku"
    )


def test_a_call_that_nobody_answers_is_a_failure() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    http = httpx.Client(base_url="http://oms", transport=httpx.MockTransport(refuse))

    with pytest.raises(LocalFailure, match="was not answered"):
        Api(http, pauses=(0.0,)).get("/v1/orders")
