"""What goes into parcels, what they weigh, and how large they are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import Promising
from oms.catalog.model import Item
from oms.fulfillment.parcels import (
    Label,
    Parcel,
    adds_up,
    check_quantities,
    in_parcels,
    one_parcel,
    proposed,
)
from oms.kernel.errors import Faults
from oms.orders.model import Fulfillment, FulfillmentLine, Line, Units
from oms.routing.packages import ParcelLimits
from tests.samples import line

FULFILLMENT = Fulfillment(
    "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
    "sp-dc",
    (FulfillmentLine("MUG", 2), FulfillmentLine("MUG", 1, counter=1), FulfillmentLine("TEE", 1)),
)


def item(sku: str, grams: int, *sides: int) -> Item:
    length, width, height = sides or (0, 0, 0)
    measured = Item(sku, sku, promising=Promising(weight_grams=grams))
    return replace(measured, length_mm=length, width_mm=width, height_mm=height)


ITEMS = {"MUG": item("MUG", 350, 100, 90, 120), "TEE": item("TEE", 200, 300, 20, 250)}
LINES: dict[str, Line] = {"MUG": line("MUG", 3), "TEE": line("TEE", 1)}


def faults_of(*parcels: dict[str, int]) -> list[str]:
    faults = Faults()
    lines = [[Units(*each) for each in parcel.items()] for parcel in parcels]
    check_quantities(FULFILLMENT.units, lines, faults)
    return [fault.code for fault in faults.found]


def test_parcels_that_hold_every_unit_once_add_up() -> None:
    assert faults_of({"MUG": 2}, {"MUG": 1, "TEE": 1}) == []


@pytest.mark.parametrize(
    "parcels",
    [
        [{"MUG": 2, "TEE": 1}],
        [{"MUG": 3, "TEE": 2}],
        [{"MUG": 3}],
    ],
)
def test_a_unit_too_few_or_too_many_is_found(parcels: list[dict[str, int]]) -> None:
    assert faults_of(*parcels) == ["quantities_do_not_add_up"]


def test_a_line_of_another_fulfilment_is_found() -> None:
    assert faults_of({"MUG": 3, "TEE": 1, "HAT": 1}) == ["unknown_line"]


def test_everything_in_one_parcel_weighs_what_it_weighs_and_stands_one_upon_the_other() -> None:
    parcel = one_parcel(FULFILLMENT.units, LINES, ITEMS)

    assert parcel.weight_grams == 3 * 350 + 200
    assert (parcel.length_mm, parcel.width_mm, parcel.height_mm) == (300, 250, 3 * 90 + 20)


def test_nothing_is_said_of_the_size_when_one_item_was_not_measured() -> None:
    parcel = one_parcel(FULFILLMENT.units, LINES, {**ITEMS, "TEE": item("TEE", 200)})

    assert (parcel.weight_grams, parcel.length_mm, parcel.height_mm) == (1250, 0, 0)


def test_what_is_sold_by_weight_weighs_a_part_of_a_whole_unit() -> None:
    beans = replace(line("BEANS", 1250), scale=3)

    parcel = one_parcel({"BEANS": 1250}, {"BEANS": beans}, {"BEANS": item("BEANS", 1001)})

    assert parcel.weight_grams == 1252


@given(st.integers(1, 15), st.integers(1, 15), st.integers(200, 3000))
def test_a_proposal_holds_every_unit_once_and_no_parcel_is_too_heavy(
    mugs: int, tees: int, limit: int
) -> None:
    lines = {"MUG": line("MUG", mugs), "TEE": line("TEE", tees)}

    parcels = proposed({"MUG": mugs, "TEE": tees}, lines, ITEMS, ParcelLimits(limit))

    packed = {"MUG": 0, "TEE": 0}
    for parcel in parcels:
        for units in parcel.lines:
            packed[units.line_id] += units.quantity
        one = sum(units.quantity for units in parcel.lines) == 1
        assert parcel.weight_grams <= limit or one
    assert packed == {"MUG": mugs, "TEE": tees}


def test_what_travels_apart_is_proposed_in_a_parcel_of_its_own() -> None:
    chilled = {**ITEMS, "TEE": replace(ITEMS["TEE"], delivery_profile="chilled")}
    parcels = proposed({"MUG": 2, "TEE": 1}, LINES, chilled, ParcelLimits())
    assert [parcel.lines for parcel in parcels] == [(Units("MUG", 2),), (Units("TEE", 1),)]


def test_a_proposal_of_a_million_pieces_is_quick() -> None:
    lines = {"MUG": line("MUG", 1_000_000)}

    parcels = proposed({"MUG": 1_000_000}, lines, ITEMS, ParcelLimits(30_000_000))

    assert sum(units.quantity for parcel in parcels for units in parcel.lines) == 1_000_000


def test_a_packing_no_longer_adds_up_once_units_were_taken_out() -> None:
    packing = in_parcels(FULFILLMENT, [Parcel("", (Units("MUG", 3), Units("TEE", 1)))])

    assert adds_up(FULFILLMENT, packing)
    assert not adds_up(replace(FULFILLMENT, lines=FULFILLMENT.lines[:1]), packing)


def test_labels_bought_after_others_were_cancelled_have_other_keys() -> None:
    packing = in_parcels(FULFILLMENT, [Parcel("", (Units("MUG", 3),)), Parcel("", ())])
    first = [packing.key(parcel) for parcel in packing.parcels]
    labelled = packing.with_labels([Label(key, "", 1, key) for key in first])

    again = labelled.without_labels()

    assert [parcel.label for parcel in again.parcels] == [None, None]
    assert {again.key(parcel) for parcel in again.parcels}.isdisjoint(first)
    assert packing.parcels[1].id == "pcl_aaaaaaaaaaaaaaaaaaaaaaaaaa_1_2"
