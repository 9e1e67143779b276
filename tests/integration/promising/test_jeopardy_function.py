"""The function as its queue drives it: every event it is sent, twice, and what it does not know."""

import importlib
import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from oms.aws import clients, queues, stores
from oms.notifications.model import notice_of
from oms.notifications.render import Message, render
from oms.orders import decisions, paying
from oms.orders import events as happened
from oms.orders.model import Order
from tests.integration.promising.desk import Desk, from_supply
from tests.samples import CAUSE

# Far enough ahead of any clock that runs the function.
FAR = 4000

Tell = Callable[..., list[str]]

CACHED: list[Any] = [
    clients.dynamodb,
    queues.sqs,
    stores.orders,
    stores.stock,
    stores.catalog_store,
    stores.catalog,
    stores.demand,
    stores.promises,
]


@pytest.fixture
def tell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Sends the function an event, twice; returns the messages that it could not handle."""
    for cached in CACHED:
        cached.cache_clear()
    dead = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    for table in ("orders", "inventory", "catalog"):
        monkeypatch.setenv(f"{table.upper()}_TABLE", table)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", dead)
    monkeypatch.delitem(sys.modules, "functions.jeopardy.handler", raising=False)
    function = importlib.import_module("functions.jeopardy.handler")

    def send(event_type: str, subject: str, **data: Any) -> list[str]:
        record = message(event_type, subject, data)
        answers = [function.handler({"Records": [record]}, context()) for _ in range(2)]
        return [each["itemIdentifier"] for one in answers for each in one["batchItemFailures"]]

    return send


def message(event_type: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    envelope = {
        "id": f"{subject}:2:1",
        "type": event_type,
        "subject": subject,
        "version": 2,
        "at": "2026-05-04T12:00:00.000Z",
        "by": "tester",
        "reason": "",
        "correlation_id": "corr-1",
        "data": data,
    }
    return {
        "messageId": f"message-{event_type}",
        "body": json.dumps({"detail-type": event_type, "detail": envelope}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def context() -> LambdaContext:
    made = LambdaContext()
    made._function_name = made._aws_request_id = made._invoked_function_arn = "jeopardy"
    made._memory_limit_in_mb = 512
    return made


def waiting(desk: Desk) -> Order:
    desk.due("po_1", FAR, 1)
    return desk.promised(from_supply("po_1", FAR))


def changed(desk: Desk, tell: Tell, due_in: int, reason: str = "slip") -> list[str]:
    desk.due("po_1", due_in, 1)
    return tell("supply_changed", "purchase_order_1", sku="MUG", reason=reason)


def test_a_slip_is_told_to_the_order_once(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    assert changed(desk, tell, FAR + 4) == []
    assert desk.types(order) == ["order_captured", "promise_in_jeopardy"]
    assert desk.oms.orders.history(order.order_id)[-1].by == "jeopardy"


def test_a_recovery_is_told_once(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    changed(desk, tell, FAR + 4)
    changed(desk, tell, FAR, "earlier")
    assert desk.types(order)[1:] == ["promise_in_jeopardy", "promise_restored"]


def test_a_count_is_looked_at_too(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    desk.gone("po_1")
    tell("stock_adjusted", "MUG#sp-dc", sku="MUG", movement="count")
    assert desk.types(order)[1:] == ["promise_in_jeopardy"]


def test_an_order_that_waits_is_looked_at(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    desk.gone("po_1")
    tell("order_backordered", order.order_id, promised=True)
    assert desk.types(order)[1:] == ["promise_in_jeopardy"]


def test_a_sourced_order_waits_for_nothing(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    desk.oms.receive("MUG", 1)
    desk.reserve(order)
    assert tell("order_sourced", order.order_id, promised=True) == []
    assert desk.rows()[0].held
    assert desk.promised_of("po_1") == 0


def test_a_cancelled_order_gives_back_what_it_was_promised(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    order = desk.oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)
    desk.oms.orders.commit(order, paying.close_cancelled(order, "no"), CAUSE)
    assert tell("order_cancelled", order.order_id, promised=True) == []
    assert (desk.rows(), desk.promised_of("po_1")) == ([], 0)


def test_a_parcel_that_left_ends_its_demand(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    desk.oms.receive("MUG", 1)
    order = desk.reserve(order)
    paid = paying.authorize_payment(order, 1000, "auth", "a")
    order = desk.oms.orders.commit(order, paid, CAUSE)
    order = desk.oms.orders.commit(order, decisions.release(order), CAUSE)
    number = order.progress.fulfillments[0].id
    left = happened.FulfillmentShipped(number, "Correios", "BR1", promised=True)
    desk.oms.orders.commit(order, (left,), CAUSE)
    assert tell("fulfillment_shipped", order.order_id, promised=True) == []
    assert (desk.rows(), desk.promised_of("po_1")) == ([], 0)


def test_an_order_that_is_not_there_yet_is_tried_again(desk: Desk, tell: Tell) -> None:
    assert tell("order_sourced", "ord_unknown", promised=True)


def test_the_customer_reads_the_new_day_in_portuguese(desk: Desk, tell: Tell) -> None:
    order = waiting(desk)
    changed(desk, tell, FAR + 4)
    mail = told(desk, order)
    promised, expected = (day.strftime("%d/%m/%Y") for day in days(desk, order))
    assert f"A nova previsão de entrega é {expected}. A data prometida era {promised}" in mail.text


def told(desk: Desk, order: Order) -> Message:
    last = desk.oms.orders.history(order.order_id)[-1]
    notice = notice_of(last, desk.oms.orders.load(order.order_id))
    assert notice is not None
    return render(notice, "Loja Azul")


def days(desk: Desk, order: Order) -> tuple[date, date]:
    promised = order.promised_day("MUG")
    expected = desk.oms.orders.load(order.order_id).expected_day
    assert promised is not None
    assert expected == promised + timedelta(days=4)
    return promised, expected
