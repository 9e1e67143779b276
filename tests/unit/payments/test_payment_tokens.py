"""A card number is recognised however it is written, and never accepted as a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.payments.tokens import looks_like_card_number, refuse_card_number


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "card:4111111111111111;",
        "tok_4111111111111111",
        "12-4111111111111111",
        "378282246310005",
        "30569309025904",
        "6304000000000000000",
        "４１１１１１１１１１１１１１１１",
    ],
)
def test_a_card_number_is_recognised(text: str) -> None:
    assert looks_like_card_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "pm_card_visa", "tok_1NvYzG2eZvKYlo2C", "4111111111111112", "411111111111", "pix"],
)
def test_a_token_is_not_taken_for_a_card_number(text: str) -> None:
    assert not looks_like_card_number(text)


@given(st.text(st.characters(codec="ascii", categories=["N"]), min_size=12, max_size=18))
def test_any_number_with_its_check_digit_is_refused_and_not_repeated(digits: str) -> None:
    numbers = [digits + str(check) for check in range(10)]

    refused = [number for number in numbers if looks_like_card_number(number)]

    assert len(refused) == 1
    with pytest.raises(Invalid) as error:
        refuse_card_number(refused[0])
    assert refused[0] not in str(error.value)
