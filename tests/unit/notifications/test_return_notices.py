import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.notifications.callback import callback_body
from oms.notifications.model import notice_of
from oms.notifications.render import render
from oms.orders.model import Order
from oms.returns import events as happened
from oms.returns.model import Resolution, ReturnLabel, Settlement, Valued
from tests.unit.notifications.conftest import (
    APPROVED,
    ASKED,
    DELIVERED,
    RECEIVED,
    RELEASED,
    REQUESTED,
    RETURN,
    SHIPPED,
    envelope,
)

After = Callable[..., tuple[Envelope, Order]]
Told = tuple[Envelope, Order]

ARRIVED = (RELEASED, SHIPPED, DELIVERED)


def text(told: Told, locale: str = "en") -> str:
    notice = notice_of(*told)
    assert notice is not None
    return render(replace(notice, locale=locale), "Loja Azul").text


def test_who_may_return_is_told_what_and_under_which_number(return_approved: Told) -> None:
    said = text(return_approved)

    assert f"Number of the return: {RETURN}" in said
    assert "2 x Camiseta <azul>" in said
    assert "Café" not in said
    assert "bring them to one of our stores" in said


def test_who_has_a_label_is_told_its_tracking_number(after: After) -> None:
    label = ReturnLabel("k", "sp-1", "sedex", "Correios", "post")
    bought = happened.ReturnLabelled(RETURN, "BR42", "ref", 990)
    events = (*ARRIVED, REQUESTED, APPROVED, happened.ReturnLabelRequested(RETURN, label), bought)
    _, order = after(*events)

    said = text((envelope(APPROVED, order), order))

    assert "Correios knows it by the tracking number BR42" in said


def test_who_keeps_the_goods_is_not_asked_to_send_them(after: After) -> None:
    kept = happened.ReturnRequested(RETURN, replace(ASKED, keeps_goods=True))

    assert "nothing to send back" in text(after(*ARRIVED, kept, APPROVED))


def test_who_has_brought_it_meanwhile_is_not_asked_to_send_it(return_received: Told) -> None:
    _, order = return_received
    assert notice_of(envelope(APPROVED, order), order) is None


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("outside_window", "The time in which it could be returned is over."),
        ("not_returnable", "cannot be returned"),
        ("proof_needed", "what you sent us"),
        ("a known swindler", "please get in touch"),
    ],
)
def test_a_no_says_why_in_our_words_only(after: After, reason: str, said: str) -> None:
    told = text(after(*ARRIVED, REQUESTED, happened.ReturnRejected(RETURN, reason)))

    assert said in told
    assert "swindler" not in told


def test_what_came_is_told_and_what_of_it_goes_back(return_received: Told) -> None:
    said = text(return_received)

    assert "1 x Camiseta <azul>" in said
    assert "0.25 x Café em grãos" in said
    assert "not part of the return and goes back to you: 0.25 x Café em grãos." in said


def test_where_nothing_is_refused_nothing_is_said_to_go_back(after: After) -> None:
    taken = replace(RECEIVED, receipt=replace(RECEIVED.receipt, refused=()))

    said = text(after(*ARRIVED, REQUESTED, APPROVED, taken), "pt-BR")

    assert "volta para você" not in said
    assert "0,25" not in said


def test_the_customer_of_a_channel_that_sends_itself_hears_from_the_channel(
    return_approved: Told,
) -> None:
    event, order = return_approved
    content = replace(order.content, fulfilled_by_channel=True)
    assert notice_of(event, replace(order, content=content)) is None


def test_a_return_that_the_order_does_not_have_is_not_told_of(return_approved: Told) -> None:
    event, order = return_approved
    with pytest.raises(NotFound):
        notice_of(event, order.with_progress(returns=()))


def test_the_channel_is_told_of_the_return_and_of_nothing_personal(return_received: Told) -> None:
    body = json.loads(callback_body(*return_received))

    assert body["type"] == "return.received"
    assert body["data"]["returns"] == [
        {
            "id": RETURN,
            "kind": "return",
            "state": "partially_received",
            "amount": "0.00",
            "lines": [
                {"line_id": "1", "sku": "TEE", "quantity": 2, "received": 1, "refused": 0},
                {"line_id": "2", "sku": "COFFEE", "quantity": 0, "received": 0, "refused": 0.25},
            ],
        }
    ]
    assert "Maria" not in json.dumps(body)


def test_only_the_channel_is_told_that_a_return_is_resolved(after: After) -> None:
    settlement = Settlement(Resolution.REFUND, (Valued("1", 1, 5990),), 5990)
    resolved = happened.ReturnResolved(RETURN, settlement)
    told = after(*ARRIVED, REQUESTED, APPROVED, RECEIVED, resolved)

    assert notice_of(*told) is None
    assert json.loads(callback_body(*told))["type"] == "return.resolved"
    assert json.loads(callback_body(*told))["data"]["returns"][0]["amount"] == "59.90"
