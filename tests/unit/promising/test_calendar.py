"""Worked examples. Tiradentes is Tuesday, 21 April 2026; Carnaval 16 and 17 February."""

from datetime import UTC, date, datetime, time

import pytest

from oms.catalog.delivery import Band, CarrierService, NodeCalendar, PublicHolidays
from oms.promising.calendar import NodeDays, Passed, ServiceDays
from oms.promising.public_holidays import is_known, public_holidays

SAO_PAULO = NodeCalendar("America/Sao_Paulo", cut_off=time(14), holidays=PublicHolidays("BR", "SP"))
GROUND = CarrierService("ground", "Ground", "Correios", ("BR",), (Band(5000, 2, 1500),), "BRL")
TO_RIO = PublicHolidays("BR", "RJ")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ships(calendar: NodeCalendar | None, ready: str) -> date:
    found = NodeDays(calendar).ships(at(ready))
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("ready", "shipped"),
    [
        ("2026-11-23T14:00:00-03:00", date(2026, 11, 23)),  # to the minute
        ("2026-11-23T14:00:01-03:00", date(2026, 11, 24)),
        ("2026-11-24T02:30:00Z", date(2026, 11, 24)),  # still Monday, 23:30, in São Paulo
        ("2026-11-24T03:30:00Z", date(2026, 11, 24)),  # Tuesday, 00:30
        ("2026-11-24T17:30:00Z", date(2026, 11, 25)),  # Tuesday, 14:30
        ("2026-11-27T20:00:00-03:00", date(2026, 11, 30)),  # Friday evening
        ("2026-11-28T10:00:00-03:00", date(2026, 11, 30)),  # Saturday
        ("2026-04-20T15:00:00-03:00", date(2026, 4, 22)),  # the day before Tiradentes
    ],
)
def test_a_parcel_leaves_on_the_first_working_day_after_the_cut_off(
    ready: str, shipped: date
) -> None:
    assert ships(SAO_PAULO, ready) == shipped


def test_handling_days_are_working_days() -> None:
    calendar = NodeCalendar(
        "America/Sao_Paulo", time(14), handling_days=2, holidays=PublicHolidays("BR", "SP")
    )
    assert ships(calendar, "2026-04-17T10:00:00-03:00") == date(2026, 4, 22)


def test_handling_hours_come_before_the_cut_off() -> None:
    calendar = NodeCalendar("America/Sao_Paulo", time(14), handling_hours=2)
    assert ships(calendar, "2026-11-23T12:00:00-03:00") == date(2026, 11, 23)
    assert ships(calendar, "2026-11-23T12:30:00-03:00") == date(2026, 11, 24)


def test_carnaval_is_a_day_off_where_the_node_says_so() -> None:
    customary = NodeCalendar(
        "America/Sao_Paulo", time(14), holidays=PublicHolidays("BR", "SP", customary=True)
    )
    assert ships(SAO_PAULO, "2026-02-16T10:00:00-03:00") == date(2026, 2, 16)
    assert ships(customary, "2026-02-16T10:00:00-03:00") == date(2026, 2, 19)


def test_a_node_closes_on_days_of_its_own() -> None:
    calendar = NodeCalendar("America/Sao_Paulo", closed=(date(2026, 11, 23), date(2026, 11, 24)))
    assert ships(calendar, "2026-11-21T10:00:00-03:00") == date(2026, 11, 25)


def test_a_node_without_a_calendar_ships_every_day() -> None:
    assert ships(None, "2026-11-22T23:59:00Z") == date(2026, 11, 22)


def test_a_node_that_never_opens_does_not_ship() -> None:
    assert NodeDays(NodeCalendar(working_days=())).ships(at("2026-11-22T10:00:00Z")) is None


def test_a_node_in_another_zone_goes_by_its_own_clock() -> None:
    tokyo = NodeCalendar("Asia/Tokyo", time(15))
    found = NodeDays(tokyo).ships(at("2026-11-23T04:00:00-03:00"))  # 16:00 in Tokyo
    assert found == (date(2026, 11, 24), datetime(2026, 11, 24, 6, tzinfo=UTC))


def test_a_parcel_leaves_at_the_cut_off_summer_or_winter() -> None:
    berlin = NodeDays(NodeCalendar("Europe/Berlin", time(12)))
    assert berlin.leaves(date(2026, 10, 24)).hour == 10
    assert berlin.leaves(date(2026, 10, 26)).hour == 11


def test_it_is_said_what_a_date_was_put_off_by() -> None:
    days = NodeDays(SAO_PAULO)
    assert list(days.passed(at("2026-04-17T18:00:00-03:00"))) == [
        Passed(date(2026, 4, 17), "cut_off", "14:00"),
        Passed(date(2026, 4, 18), "rest_day"),
        Passed(date(2026, 4, 19), "rest_day"),
    ]
    assert list(days.passed(at("2026-04-20T18:00:00-03:00"))) == [
        Passed(date(2026, 4, 20), "cut_off", "14:00"),
        Passed(date(2026, 4, 21), "holiday", "Tiradentes"),
    ]


@pytest.mark.parametrize(
    ("shipped", "days", "arrives"),
    [
        (date(2026, 11, 23), 2, date(2026, 11, 25)),
        (date(2026, 11, 26), 2, date(2026, 11, 30)),  # Thursday: Friday, Monday
        (date(2026, 4, 17), 2, date(2026, 4, 22)),  # Friday: Monday, and not Tiradentes
        (date(2026, 4, 22), 1, date(2026, 4, 24)),  # São Jorge, in Rio only
        (date(2026, 11, 21), 0, date(2026, 11, 23)),  # the same day, but it is a Saturday
    ],
)
def test_a_carrier_travels_on_its_days_and_on_no_holiday_of_the_destination(
    shipped: date, days: int, arrives: date
) -> None:
    assert ServiceDays(GROUND, TO_RIO).arrives(shipped, days) == arrives


def test_a_service_that_delivers_on_holidays_and_weekends_does() -> None:
    service = CarrierService(
        "moto", "Moto", "Loggi", ("BR",), GROUND.bands, "BRL", (0, 1, 2, 3, 4, 5, 6), True
    )
    assert ServiceDays(service, TO_RIO).arrives(date(2026, 4, 20), 1) == date(2026, 4, 21)


def test_the_year_may_turn_on_the_way() -> None:
    days = ServiceDays(GROUND, TO_RIO)
    assert days.arrives(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert [passed.name for passed in days.passed(date(2026, 12, 31), date(2027, 1, 4))] == [
        "Confraternização Universal",
        "",
        "",
    ]


def test_holidays_are_named_in_the_language_of_their_country() -> None:
    names = public_holidays(PublicHolidays("BR", "São Paulo"), 2026).values()
    assert "Revolução Constitucionalista" in names


def test_countries_and_subdivisions_are_known_or_not() -> None:
    assert is_known(PublicHolidays("BR", "SP"))
    assert not is_known(PublicHolidays("BR", "XX"))
    assert not is_known(PublicHolidays("XX"))
    assert public_holidays(PublicHolidays("XX"), 2026) == {}
