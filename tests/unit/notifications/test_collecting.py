"""What a customer is told to collect with, and when nothing is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from oms.catalog.delivery import NodeCalendar
from oms.catalog.model import Node
from oms.fulfillment.pickup_code import is_code, pickup_code
from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.notifications.collecting import collections
from oms.notifications.model import notice_of
from oms.orders import events as happened
from oms.orders.model import Order, Units

from .conftest import COLLECTED, FIRST, READY

After = Callable[..., tuple[Envelope, Order]]
Told = tuple[Envelope, Order]

STORE = Node(
    "rj-1",
    "Ipanema",
    "store",
    "BR",
    "RJ",
    "Rio de Janeiro",
    "22410-000",
    calendar=NodeCalendar("America/Sao_Paulo"),
)


def test_the_code_is_of_the_fulfilment_and_the_time_is_the_stores(ready: Told) -> None:
    notice = notice_of(*ready, collections({"rj-1": STORE}.get, lambda: "secret"))

    assert notice is not None and notice.collection is not None
    told = notice.collection
    assert is_code(told.code, "secret", FIRST)
    assert told.until == datetime(2026, 5, 9, 18, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert (told.until.hour, told.until.minute) == (18, 30)
    assert (told.place, told.address) == ("Ipanema", ("Rio de Janeiro, RJ", "22410-000"))


def test_a_store_without_a_calendar_goes_by_utc(ready: Told) -> None:
    bare = replace(STORE, calendar=None)

    notice = notice_of(*ready, collections({"rj-1": bare}.get, lambda: "secret"))

    assert notice is not None and notice.collection is not None
    assert notice.collection.until.hour == 21


@pytest.mark.parametrize(
    "then",
    [
        happened.FulfillmentHandedOver(FIRST),
        happened.FulfillmentUncollected(FIRST),
        happened.CancelRequested("changed_my_mind"),
    ],
)
def test_nobody_is_called_for_what_lies_there_no_more(
    ready: Told, after: After, then: happened.Event
) -> None:
    event, _ = ready
    _, order = after(COLLECTED, READY, then)

    assert notice_of(event, order, collections({"rj-1": STORE}.get, lambda: "secret")) is None


def test_what_lies_at_an_unknown_node_parks_its_message(ready: Told) -> None:
    with pytest.raises(NotFound):
        notice_of(*ready, collections(lambda node: None, lambda: "secret"))


def test_who_declined_at_the_counter_is_not_told_that_nobody_came(after: After) -> None:
    declined = after(COLLECTED, READY, happened.FulfillmentUncollected(FIRST, declined=True))

    assert notice_of(*declined) is None


@pytest.mark.parametrize("reason", ["not_collected", "declined", "changed_at_the_counter"])
def test_units_that_lay_ready_are_told_of_once(after: After, reason: str) -> None:
    assert notice_of(*after(happened.UnitsCancelled((Units("1", 1),), 5990, reason))) is None


def test_a_code_has_six_digits_and_no_other_fulfilment_has_it() -> None:
    codes = [pickup_code("secret", f"ful_{number}") for number in range(500)]

    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert len({*codes}) > 495
    assert pickup_code("another", "ful_1") != codes[1]
    assert not is_code("12345", "secret", "ful_1") and not is_code("é", "secret", "ful_1")
