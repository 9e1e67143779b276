import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.accounts.codes import RANDOM_BYTES, code_digest, is_digest, new_code, plain_code
from oms.kernel.errors import Invalid

RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(RANDOM)
def test_a_code_is_four_groups_of_four_that_nobody_misreads(random: bytes) -> None:
    try:
        code = new_code(random)
    except ValueError:
        return
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert not set("01ILO") & set(code)
    assert plain_code(code.lower().replace("-", " ")) == "".join(groups)


def test_too_little_that_is_random_makes_no_code() -> None:
    with pytest.raises(ValueError, match="too few"):
        new_code(b"\xff" * RANDOM_BYTES)


@given(RANDOM, RANDOM)
def test_a_digest_is_of_one_code_and_one_secret(one: bytes, other: bytes) -> None:
    try:
        first, second = new_code(one), new_code(other)
    except ValueError:
        return
    assert is_digest(code_digest("secret", first))
    assert (code_digest("secret", first) == code_digest("secret", second)) is (first == second)
    assert code_digest("secret", first) != code_digest("another", first)


def test_a_digest_is_not_taken_for_a_code() -> None:
    digest = code_digest("secret", "ABCD-EFGH-JKMN")
    with pytest.raises(Invalid) as refused:
        plain_code(digest)
    assert refused.value.problem_code == "invalid_gift_card_code"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("4242 4242 4242 4242", "card_number_refused"),
        ("SHORT", "invalid_gift_card_code"),
        ("A" * 33, "invalid_gift_card_code"),
        ("ÄBCDEFGHJKMN", "invalid_gift_card_code"),
    ],
)
def test_what_is_no_code_is_refused_and_not_repeated(given: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        plain_code(given)
    assert refused.value.problem_code == code
    assert given not in refused.value.detail
