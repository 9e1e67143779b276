from typing import Any

from oms.aws.outbox import entered_state, publications

AT = {"ApproximateCreationDateTime": 1777896000.0, "SequenceNumber": "1"}


def record(new: dict[str, Any] | None, old: dict[str, Any] | None = None) -> dict[str, Any]:
    images = {"NewImage": new} if new else {}
    return {"dynamodb": {**AT, **images, **({"OldImage": old} if old else {})}}


def balance(available: int, low_stock_at: int = 3, version: int = 7) -> dict[str, Any]:
    return {
        "pk": {"S": "MUG"},
        "sk": {"S": "node#sp-dc"},
        "on_hand": {"N": str(available)},
        "available": {"N": str(available)},
        "low_stock_at": {"N": str(low_stock_at)},
        "version": {"N": str(version)},
    }


def commit(events: str, **more: str) -> dict[str, Any]:
    texts = {
        "pk": "ord_1",
        "sk": "commit#000002",
        "at": "2026-05-04T12:00:00.000Z",
        "by": "tester",
        "events": events,
        **more,
    }
    return {**{name: {"S": value} for name, value in texts.items()}, "version": {"N": "2"}}


def test_the_events_of_a_commit_are_published_in_their_order() -> None:
    item = commit(
        '[{"type":"payment_captured","data":{"amount":1}},{"type":"order_completed","data":{}}]'
    )
    found = publications(record(item))
    assert [(one.source, one.envelope.id, one.envelope.type) for one in found] == [
        ("oms.orders", "ord_1:2:1", "payment_captured"),
        ("oms.orders", "ord_1:2:2", "order_completed"),
    ]


def test_a_captured_order_is_published_without_its_customer() -> None:
    item = commit(
        '[{"type":"order_captured","data":{"content":{"channel":"web","currency":"BRL",'
        '"customer":{"email":"ana@example.com"},"payment":{"token":"secret"}}}}]'
    )
    (one,) = publications(record(item))
    assert one.envelope.data == {"channel": "web", "currency": "BRL"}


def test_a_return_is_published_without_what_its_customer_wrote() -> None:
    item = commit(
        '[{"type":"return_requested","data":{"return_id":"ret_1","requested":{"id":"ret_1",'
        '"lines":[{"line_id":"MUG","quantity":1,"note":"my son broke it","proof":["a.jpg"]}]}}}]'
    )
    (one,) = publications(record(item))
    lines = [{"line_id": "MUG", "quantity": 1}]
    assert one.envelope.data == {
        "return_id": "ret_1",
        "requested": {"id": "ret_1", "lines": lines},
    }


def test_an_exchange_is_published_without_the_means_that_may_be_charged() -> None:
    item = commit(
        '[{"type":"exchange_drafted","data":{"return_id":"ret_1","wanted":"{}","total":1}},'
        '{"type":"exchange_confirmed","data":{"return_id":"ret_1","charge":{"token":"secret"}}}]'
    )
    drafted, confirmed = publications(record(item))
    assert drafted.envelope.data == {"return_id": "ret_1", "total": 1}
    assert confirmed.envelope.data == {"return_id": "ret_1"}


def test_a_state_is_counted_when_it_is_entered() -> None:
    assert entered_state(record(commit("[]", entered="sourced"))) == "sourced"
    assert entered_state(record(commit("[]"))) == ""


def test_a_receipt_is_published_and_a_reservation_is_not() -> None:
    def entry(kind: str) -> dict[str, Any]:
        text = (
            f'{{"id":"m1","kind":"{kind}","sku":"MUG","node":"sp-dc",'
            '"at":"2026-05-04T12:00:00Z","by":"tester","on_hand":5}'
        )
        return {"pk": {"S": "MUG#sp-dc"}, "sk": {"S": "t#m1"}, "record": {"S": text}}

    (one,) = publications(record(entry("receipt")))
    assert (one.source, one.envelope.type) == ("oms.inventory", "stock_received")
    assert one.envelope.data == {
        "sku": "MUG",
        "node": "sp-dc",
        "movement": "receipt",
        "on_hand": 5,
    }
    assert publications(record(entry("reserve"))) == []


def test_stock_is_low_once_when_it_falls_to_its_threshold() -> None:
    (one,) = publications(record(balance(3), balance(4)))
    assert (one.envelope.type, one.envelope.id) == ("stock_low", "MUG#sp-dc:7:1")
    assert publications(record(balance(2), balance(3))) == []
    assert publications(record(balance(9), balance(2))) == []
    assert publications(record(balance(1, low_stock_at=0), balance(2, low_stock_at=0))) == []


def test_what_is_nobodys_business_is_not_published() -> None:
    movement = {"pk": {"S": "movement#m1"}, "sk": {"S": "movement"}, "record": {"S": "{}"}}
    token = {"pk": {"S": "ord_1"}, "sk": {"S": "await"}, "token": {"S": "secret"}}
    waiting = {"pk": {"S": "waiting#MUG"}, "sk": {"S": "t#ord_1"}}
    for item in (movement, token, waiting, None):
        assert publications(record(item)) == []
