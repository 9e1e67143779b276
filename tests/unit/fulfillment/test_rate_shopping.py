"""Which service is bought: the cheapest that keeps the promise."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import Band, CarrierService
from oms.fulfillment.carriers import Rate
from oms.fulfillment.rate_shopping import choose, promised_day
from oms.kernel.errors import Conflict, Invalid
from oms.orders.events import OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import (
    CommittedPromise,
    Fulfillment,
    FulfillmentLine,
    Order,
    PromisedPart,
)
from tests.samples import NOW, captured, content

MONDAY = date(2026, 5, 4)


def rate(service: str, cost: int, days: int) -> Rate:
    made = CarrierService(
        service,
        service.title(),
        "Correios",
        ("BR",),
        (Band(9000, days, cost),),
        "BRL",
        labels_by="simulator",
    )
    return Rate(made, cost, days, MONDAY + timedelta(days=days))


SLOW, FAST, FASTEST = rate("slow", 1000, 5), rate("fast", 2000, 2), rate("fastest", 5000, 1)
ALL = (FASTEST, SLOW, FAST)


def chosen(promised: date | None, *rates: Rate, wanted: str = "") -> str:
    return choose(rates or ALL, promised, wanted, "BRL").service


def test_without_a_promise_it_is_the_cheapest() -> None:
    assert chosen(None) == "slow"


def test_it_is_the_cheapest_that_is_there_by_the_promised_day() -> None:
    assert chosen(MONDAY + timedelta(days=5)) == "slow"
    assert chosen(MONDAY + timedelta(days=4)) == "fast"
    assert chosen(MONDAY + timedelta(days=1)) == "fastest"


def test_when_none_keeps_the_promise_it_is_the_one_that_is_there_first() -> None:
    choice = choose(ALL, MONDAY, "", "BRL")

    assert choice.service == "fastest"
    assert choice.reason.startswith("none is there by 2026-05-04")


def test_of_equals_it_is_the_quicker_then_the_first_by_id() -> None:
    assert chosen(None, rate("b", 900, 3), rate("a", 900, 4)) == "b"
    assert chosen(None, rate("b", 900, 3), rate("a", 900, 3)) == "a"


def test_what_was_compared_is_told_the_best_first() -> None:
    choice = choose(ALL, MONDAY + timedelta(days=3), "", "BRL")

    assert [each.service for each in choice.compared] == ["fast", "fastest", "slow"]
    assert [each.keeps_promise for each in choice.compared] == [True, True, False]
    assert choice.reason == (
        "the cheapest that is there by 2026-05-07: Fast for 20.00 BRL, there on 2026-05-06"
    )


def test_a_service_that_is_asked_for_is_taken_whatever_it_costs() -> None:
    assert chosen(None, wanted="fastest") == "fastest"


def test_a_service_that_does_not_go_there_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        chosen(None, wanted="rocket")
    assert refused.value.problem_code == "unknown_service"


def test_where_no_service_goes_no_label_is_bought() -> None:
    with pytest.raises(Conflict) as refused:
        choose((), None, "", "BRL")
    assert refused.value.problem_code == "no_carrier"


@given(st.permutations(ALL), st.one_of(st.none(), st.integers(0, 6)))
def test_the_order_in_which_carriers_answer_changes_nothing(
    rates: list[Rate], days: int | None
) -> None:
    promised = None if days is None else MONDAY + timedelta(days=days)

    assert choose(rates, promised, "", "BRL") == choose(ALL, promised, "", "BRL")


def test_the_first_day_that_one_of_its_lines_was_promised_for_counts() -> None:
    def part(line_id: str, node: str, days: int) -> PromisedPart:
        arrives = MONDAY + timedelta(days=days)
        return PromisedPart(line_id, node, 1, "on_hand", NOW, arrives)

    parts = (part("MUG", "sp-dc", 3), part("MUG", "rj-store", 9), part("TEE", "rj-store", 2))
    order = promised_order(CommittedPromise("p1", "cheapest", parts))

    def day(*line_ids: str) -> date | None:
        lines = tuple(FulfillmentLine(line_id, 1) for line_id in line_ids)
        return promised_day(order, Fulfillment("ful_1", "sp-dc", lines))

    assert day("MUG") == MONDAY + timedelta(days=3)
    assert day("MUG", "TEE") == MONDAY + timedelta(days=2)
    assert promised_day(captured(), Fulfillment("ful_1", "sp-dc", ())) is None


def promised_order(promise: CommittedPromise) -> Order:
    return begin(OrderCaptured(replace(content(), promise=promise)))
