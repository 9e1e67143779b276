import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel import ids
from oms.kernel.errors import NotFound


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_natural_key_always_has_the_same_well_formed_order_id(channel: str, key: str) -> None:
    assert ids.order_id(channel, key) == ids.order_id(channel, key)
    assert ids.is_order_id(ids.order_id(channel, key))


def test_channel_and_key_cannot_be_shifted_into_one_another() -> None:
    assert ids.order_id("web", "1x") != ids.order_id("web1", "x")


def test_the_parts_of_an_order_lead_back_to_it() -> None:
    order = ids.order_id("web", "1")
    for part in (ids.fulfillment_id, ids.payment_id, ids.refund_id):
        assert ids.order_of(part(order, 12)) == order


@pytest.mark.parametrize("text", ["", "ful_", "ful_x_1", "ord_" + "a" * 26, "ful_" + "a" * 26])
def test_what_is_no_part_of_an_order_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        ids.order_of(text)
