"""Reports in any order come to one status."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oms.fulfillment.parcels import Choice, Label, Parcel, in_parcels
from oms.fulfillment.tracking import (
    STATUSES,
    TrackingReport,
    TrackingStatus,
    all_delivered,
    numbers_of,
    tracked,
)
from oms.orders.model import Fulfillment
from tests.samples import NOW

FULFILLMENT = Fulfillment("ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_1", "sp-dc", ())


def report(name: str, status: str, minutes: int = 0, number: str = "A") -> TrackingReport:
    at = NOW + timedelta(minutes=minutes)
    return TrackingReport(name, FULFILLMENT.id, number, TrackingStatus(status), at)


REPORTS = [
    report("1", "accepted", 1),
    report("2", "in_transit", 5),
    report("3", "out_for_delivery", 9),
    report("4", "delivered", 9),
]


@given(st.permutations(REPORTS))
def test_the_latest_by_the_carriers_time_is_shown_in_whatever_order_they_come(
    reports: list[TrackingReport],
) -> None:
    shown = tracked("A", reports)

    assert shown.status == "delivered"
    assert [each.id for each in shown.reports] == ["1", "2", "3", "4"]


def test_a_late_report_of_before_changes_nothing() -> None:
    assert tracked("A", [report("9", "delivered", 9), report("1", "lost", 1)]).status == "delivered"


def test_other_numbers_are_not_its_own() -> None:
    assert tracked("A", [report("1", "delivered", number="B")]).status is None


def test_every_status_has_its_place() -> None:
    assert STATUSES[0] == "label_created"
    assert STATUSES[-3:] == ("delivered", "returned_to_sender", "lost")


def test_all_is_delivered_when_each_number_is() -> None:
    assert all_delivered(["A"], REPORTS)
    assert not all_delivered(["A", "B"], REPORTS)
    assert all_delivered(["A", "B"], [*REPORTS, report("5", "delivered", number="B")])
    assert not all_delivered([], REPORTS)


def test_its_numbers_are_its_labels_unless_it_left_with_another() -> None:
    packing = in_parcels(FULFILLMENT, [Parcel("", ()), Parcel("", ())])
    choice = Choice("pac", "PAC", "Correios", "simulator", "BRL", date(2026, 5, 6), "")
    labelled = replace(packing, choice=choice).with_labels(
        [Label("A", "", 1, "k1"), Label("B", "", 1, "k2")]
    )
    by_hand = replace(FULFILLMENT, tracking_number="C")

    assert numbers_of(FULFILLMENT, None) == ()
    assert numbers_of(FULFILLMENT, packing) == ()
    assert numbers_of(FULFILLMENT, labelled) == ("A", "B")
    assert numbers_of(replace(FULFILLMENT, tracking_number="A"), labelled) == ("A", "B")
    assert numbers_of(by_hand, labelled) == numbers_of(by_hand, None) == ("C",)
