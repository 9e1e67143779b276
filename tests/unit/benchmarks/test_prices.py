from dataclasses import replace
from decimal import Decimal

from benchmarks.prices import REQUESTS_PER_MESSAGE, TRANSITIONS, WRITES, Work, bill, total

NOTHING = Work(
    write_units=0,
    read_units=0,
    invocations=0,
    gb_seconds=0,
    transitions=0,
    messages=0,
    bus_events=0,
    api_calls=0,
    mails=0,
)


def test_a_million_orders_of_one_write_unit_cost_a_million_write_units() -> None:
    assert total(bill(replace(NOTHING, write_units=1))) == WRITES.dollars.quantize(Decimal("0.01"))


def test_eight_transitions_an_order_are_two_hundred_dollars_a_million_orders() -> None:
    lines = bill(replace(NOTHING, transitions=8))

    assert next(line.dollars for line in lines if line.price is TRANSITIONS) == Decimal("200.00")
    assert total(lines) == Decimal("200.00")


def test_a_message_is_sent_received_and_deleted() -> None:
    lines = bill(replace(NOTHING, messages=10))

    assert max(line.amount for line in lines) == 10 * REQUESTS_PER_MESSAGE


def test_half_a_gigabyte_for_two_seconds_is_one_gb_second() -> None:
    assert total(bill(replace(NOTHING, gb_seconds=1))) == Decimal("13.33")


def test_no_work_costs_nothing() -> None:
    assert total(bill(NOTHING)) == 0
