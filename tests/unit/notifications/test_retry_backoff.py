import pytest

from oms.aws.backoff import LONGEST_SECONDS, seconds_until_retry


def test_waits_double_with_every_receive_up_to_a_limit() -> None:
    waits = [seconds_until_retry(receives, max) for receives in (1, 2, 3, 4, 8, 1000)]

    assert waits == [10, 20, 40, 80, LONGEST_SECONDS, LONGEST_SECONDS]


@pytest.mark.parametrize("receives", [1, 2, 5, 50])
def test_jitter_never_takes_more_than_half(receives: int) -> None:
    longest = seconds_until_retry(receives, max)

    assert seconds_until_retry(receives, min) == round(longest / 2)
