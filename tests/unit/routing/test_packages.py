import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.routing.packages import (
    Filled,
    Goods,
    Offer,
    ParcelLimits,
    fill,
    merge_offers,
    split_by_limits,
)


def weights(goods: list[Goods], limit: int) -> list[int]:
    return [each.weight_grams for each in split_by_limits(goods, ParcelLimits(limit))]


def test_light_pieces_go_with_heavy_ones_as_far_as_the_limit_lets_them() -> None:
    assert weights([Goods("A", 3, 800), Goods("B", 3, 250)], 1100) == [1050, 1050, 1050]


def test_what_is_too_heavy_by_itself_goes_alone() -> None:
    assert weights([Goods("A", 2, 900), Goods("B", 1, 100)], 500) == [900, 900, 100]


def test_without_limits_everything_is_in_one() -> None:
    [parcel] = split_by_limits([Goods("A", 3, 800, 10), Goods("B", 1, 5, 7)], ParcelLimits())
    assert parcel.quantities == {"A": 3, "B": 1}
    assert (parcel.weight_grams, parcel.volume_cubic_cm) == (2405, 37)


def test_volume_limits_as_weight_does() -> None:
    parcels = split_by_limits([Goods("A", 5, 1, 40)], ParcelLimits(volume_cubic_cm=100))
    assert [parcel.quantities for parcel in parcels] == [{"A": 2}, {"A": 2}, {"A": 1}]


def test_what_is_not_to_be_cut_stays_in_one_piece() -> None:
    cheese = Goods("CHEESE", 2_500, 2_500, step=2_500)
    parcels = split_by_limits([cheese], ParcelLimits(1_000))
    assert [parcel.quantities for parcel in parcels] == [{"CHEESE": 2_500}]


GOODS = st.lists(
    st.builds(
        Goods,
        st.sampled_from("ABCD"),
        st.integers(1, 9),
        st.integers(0, 40),
        st.integers(0, 40),
        st.integers(1, 3),
    ),
    max_size=6,
    unique_by=lambda goods: goods.line_id,
)


@given(GOODS, st.integers(1, 60), st.integers(1, 60))
def test_every_unit_is_in_one_parcel_and_a_parcel_above_a_limit_has_one_piece(
    goods: list[Goods], weight: int, volume: int
) -> None:
    parcels = split_by_limits(goods, ParcelLimits(weight, volume))
    for each in goods:
        assert sum(parcel.quantities.get(each.line_id, 0) for parcel in parcels) == each.quantity
    for parcel in parcels:
        if parcel.weight_grams > weight or parcel.volume_cubic_cm > volume:
            [(line_id, quantity)] = parcel.quantities.items()
            assert quantity <= next(each.step for each in goods if each.line_id == line_id)


@pytest.mark.parametrize(
    ("there", "backorderable", "filled"),
    [
        (7, False, Filled(4)),
        (3, True, Filled(3, 1)),
        (3, False, Filled(3)),
        (0, True, Filled(0, 4)),
        (-2, False, Filled()),
        (None, False, Filled(4)),
    ],
)
def test_one_place_fills_what_it_has_and_promises_what_it_may(
    there: int | None, backorderable: bool, filled: Filled
) -> None:
    assert fill(4, there, backorderable=backorderable) == filled


def test_a_unit_is_taken_from_where_it_is_before_it_is_promised_for_later() -> None:
    offers = [Offer("near", {"A": Filled(1, 4)}), Offer("far", {"A": Filled(3)})]
    assert merge_offers({"A": 5}, offers) == [
        Offer("near", {"A": Filled(1, 1)}),
        Offer("far", {"A": Filled(3)}),
    ]


def test_an_offer_of_what_others_give_already_vanishes() -> None:
    offers = [Offer("near", {"A": Filled(2)}), Offer("far", {"A": Filled(2)})]
    assert merge_offers({"A": 2}, offers) == offers[:1]


OFFERS = st.lists(
    st.builds(
        Offer,
        st.sampled_from(["n1", "n2", "n3"]),
        st.dictionaries(
            st.sampled_from("AB"), st.builds(Filled, st.integers(0, 5), st.integers(0, 5))
        ),
    ),
    max_size=4,
)


@given(st.dictionaries(st.sampled_from("AB"), st.integers(1, 9)), OFFERS)
def test_no_more_is_kept_of_offers_than_is_wanted_and_no_less_than_could_be(
    wanted: dict[str, int], offers: list[Offer]
) -> None:
    merged = merge_offers(wanted, offers)
    for line_id, units in wanted.items():
        offered = [offer.lines.get(line_id, Filled()) for offer in offers]
        kept = [offer.lines.get(line_id, Filled()) for offer in merged]
        there = min(units, sum(each.on_hand for each in offered))
        assert sum(each.on_hand for each in kept) == there
        assert sum(each.units for each in kept) == min(units, sum(each.units for each in offered))


def test_what_travels_apart_is_in_another_parcel() -> None:
    ice = Goods("ICE", 2, 100, profile="chilled")
    parcels = split_by_limits([ice, Goods("A", 3, 50)], ParcelLimits(1_000))
    assert [parcel.quantities for parcel in parcels] == [{"ICE": 2}, {"A": 3}]
