from datetime import UTC, date, datetime, time

import pytest

from oms.catalog.delivery import Band, CarrierService, NodeCalendar
from oms.catalog.model import Node
from oms.kernel.money import Money
from oms.promising.model import Destination
from oms.routing.costs import (
    Packed,
    Penalties,
    Rate,
    best_rate,
    parcel_cost,
    rates_from,
    weight,
)

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
RIO = Destination("BR", "RJ", "Rio de Janeiro", "", -22.9, -43.2)
SP = Node("sp-dc", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)
SLOW = CarrierService(
    "slow", "Slow", "Correio", ("BR",), (Band(100, 1, 500, 50), Band(1000, 4, 900, 100)), "BRL"
)
FAST = CarrierService("fast", "Fast", "Correio", ("BR",), (Band(2000, 1, 2500, 300),), "BRL")


def rates(*services: CarrierService, node: Node = SP) -> tuple[Rate, ...]:
    return rates_from([node], services, RIO, "BRL", MONDAY).get(node.id, ())


def test_a_rate_is_that_of_the_distances_band_with_the_day_it_arrives() -> None:
    assert rates(SLOW, FAST) == (
        Rate("slow", 900, 100, date(2026, 5, 8)),
        Rate("fast", 2500, 300, date(2026, 5, 5)),
    )


def test_what_is_there_after_the_cut_off_arrives_a_day_later() -> None:
    late = Node("late", "Late", "store", "BR", calendar=NodeCalendar(cut_off=time(11)))
    assert rates(FAST)[0].arrives == date(2026, 5, 5)
    assert rates(FAST, node=late)[0].arrives == date(2026, 5, 6)


@pytest.mark.parametrize(
    "service",
    [
        CarrierService("x", "X", "X", ("PT",), (Band(9000, 1, 100),), "BRL"),
        CarrierService("x", "X", "X", ("BR",), (Band(9000, 1, 100),), "EUR"),
        CarrierService("x", "X", "X", ("BR",), (Band(10, 1, 100),), "BRL"),
        CarrierService("x", "X", "X", ("BR",), (Band(9000, 1, 100),), "BRL", active=False),
    ],
    ids=["another country", "another currency", "too far", "not offered"],
)
def test_a_service_that_does_not_go_there_gives_no_rate(service: CarrierService) -> None:
    assert rates(service) == ()


def test_kilograms_are_counted_as_they_begin() -> None:
    rate = Rate("slow", 900, 100, date(2026, 5, 8))
    assert [rate.carriage(grams) for grams in (0, 1, 1000, 1001)] == [900, 1000, 1000, 1100]


def test_the_faster_service_is_taken_where_being_late_would_cost_more() -> None:
    known = rates(SLOW, FAST)
    wednesday = date(2026, 5, 6)
    no_matter, dear = Penalties(wednesday), Penalties(wednesday, late_per_day=2000)
    assert [
        best.service if (best := best_rate(known, 500, each)) else "" for each in (no_matter, dear)
    ] == ["slow", "fast"]


def test_a_parcel_costs_carriage_handling_and_lateness_less_its_credit() -> None:
    node = Node(
        "sp-dc", "SP", "store", "BR", handling_cost=Money(300, "BRL"), line_cost=Money(40, "BRL")
    )
    penalties = Penalties(date(2026, 5, 6), late_per_day=70, credit=200)
    found = parcel_cost(node, rates(SLOW), Packed(1500, 3, marked_down=2), "BRL", penalties)
    assert (found.carriage, found.handling, found.lateness, found.credit) == (1100, 420, 140, 400)
    assert (found.total, found.late, found.service) == (1260, 2, "slow")


def test_handling_in_another_currency_and_unknown_carriage_count_for_nothing() -> None:
    node = Node("pt", "Porto", "store", "PT", handling_cost=Money(300, "EUR"))
    assert parcel_cost(node, (), Packed(1500, 3), "BRL", Penalties()).total == 0


def test_a_weight_is_in_grams_begun() -> None:
    assert [weight(2, 350, 0), weight(1500, 1000, 3), weight(1, 1, 3)] == [700, 1500, 1]
