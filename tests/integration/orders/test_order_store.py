import pytest

from oms.aws.order_store import read_event
from oms.kernel.errors import Invalid, NotFound, VersionConflict
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.evolve import begin, evolve_all
from oms.orders.listing import Filter, list_orders
from oms.orders.model import State
from oms.orders.store import AwaitedToken
from tests.integration.world import World
from tests.samples import CAUSE, allocated, content


def test_an_order_is_captured_once_and_found_again(oms: World) -> None:
    first = oms.orders.add(content(), "same", CAUSE)
    again = oms.orders.add(content(), "same", CAUSE)
    assert (first.created, again.created) == (True, False)
    assert again.order == first.order == oms.orders.load(first.order.order_id)


def test_a_repeat_with_another_content_gives_the_old_fingerprint(oms: World) -> None:
    oms.orders.add(content(), "first", CAUSE)
    again = oms.orders.add(content(), "second", CAUSE)
    assert (again.created, again.fingerprint) == (False, "first")


def test_a_commit_is_read_back_as_the_order_it_led_to(oms: World) -> None:
    order = oms.capture(content())
    events = decisions.source(order, allocated(order), "rule", "why")
    committed = oms.orders.commit(order, events, CAUSE)
    assert committed.version == 2
    assert committed.state is State.SOURCED
    assert oms.orders.load(order.order_id) == committed


def test_of_two_commits_on_one_version_the_second_is_refused(oms: World) -> None:
    order = oms.capture(content())
    oms.orders.commit(order, (happened.CancelRequested("first"),), CAUSE)
    with pytest.raises(VersionConflict):
        oms.orders.commit(order, (happened.CancelRequested("second"),), CAUSE)
    assert oms.orders.load(order.order_id).progress.cancel_reason == "first"


def test_every_event_is_kept_with_who_when_and_why_and_folds_to_the_order(oms: World) -> None:
    order = oms.capture(content())
    order = oms.orders.commit(
        order, decisions.source(order, allocated(order), "rule", "why"), CAUSE
    )
    order = oms.orders.commit(
        order, (happened.CancelRequested("no"), happened.ReservationReleased()), CAUSE
    )
    history = oms.orders.history(order.order_id)
    assert [(envelope.version, envelope.type) for envelope in history] == [
        (1, "order_captured"),
        (2, "order_sourced"),
        (3, "cancel_requested"),
        (3, "reservation_released"),
    ]
    assert {(e.at, e.by, e.reason, e.correlation_id) for e in history} == {
        (CAUSE.at, CAUSE.by, CAUSE.reason, CAUSE.correlation_id)
    }
    assert [envelope.id for envelope in history][-1] == f"{order.order_id}:3:2"
    first, *rest = (read_event(envelope) for envelope in history)
    assert isinstance(first, happened.OrderCaptured)
    assert evolve_all(begin(first), rest).progress == order.progress


def test_the_token_of_a_wait_is_not_mistaken_for_a_commit(oms: World) -> None:
    order = oms.capture(content())
    oms.orders.put_token(order.order_id, AwaitedToken("token", "payment"))
    assert oms.orders.load(order.order_id) == order
    assert oms.orders.token(order.order_id) == AwaitedToken("token", "payment")
    assert [e.type for e in oms.orders.history(order.order_id)] == ["order_captured"]


def test_what_was_never_captured_is_not_found(oms: World) -> None:
    with pytest.raises(NotFound):
        oms.orders.load("ord_" + "a" * 26)
    with pytest.raises(NotFound):
        oms.orders.history("ord_" + "a" * 26)
    assert oms.orders.token("ord_" + "a" * 26) is None


def test_orders_are_listed_by_channel_and_customer_page_by_page(oms: World) -> None:
    numbers = [str(number) for number in range(5)]
    ids = {oms.capture(content(number=number)).order_id for number in numbers}
    first = list_orders(Filter(channel="web"), 3, None, oms.orders)
    second = list_orders(Filter(channel="web"), 3, first.cursor, oms.orders)
    assert len(first.orders) == 3
    assert {order.order_id for order in (*first.orders, *second.orders)} == ids
    assert len(list_orders(Filter(customer="c1"), 50, None, oms.orders).orders) == 5
    assert not list_orders(Filter(channel="web", state=State.SHIPPED), 9, None, oms.orders).orders
    assert not list_orders(
        Filter(channel="web", since="2027-01-01T00:00:00Z"), 9, None, oms.orders
    ).orders


@pytest.mark.parametrize(
    ("wanted", "cursor", "code"),
    [
        (Filter(), None, "filter_needed"),
        (Filter(channel="web", customer="c1"), None, "filter_needed"),
        (Filter(channel="web", since="yesterday"), None, "invalid_time"),
        (Filter(channel="web", until="2026-01-01T00:00:00"), None, "invalid_time"),
        (Filter(channel="web"), "bm90IGEgY3Vyc29y", "invalid_cursor"),
        (Filter(channel="web"), "eyJjaGFubmVsIjp7IlMiOiJhcHAifX0=", "invalid_cursor"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(
    oms: World, wanted: Filter, cursor: str | None, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        list_orders(wanted, 10, cursor, oms.orders)
    assert refused.value.problem_code == code
