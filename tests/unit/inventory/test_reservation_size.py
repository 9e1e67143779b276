"""What one transaction holds, when a reservation begins and when it ends."""

import pytest

from oms.inventory.reservation import LINES_IN_ONE, WRITES_OF_A_LINE, most_lines

WRITES_IN_ONE = 100
# Of units that are in two places: two entries, two balances, and what says until when.
WRITES_OF_A_GATHERED_LINE = 5


def test_a_reservation_of_lines_at_home_has_as_many_as_ever() -> None:
    assert most_lines(spread=0, parts=0) == LINES_IN_ONE


@pytest.mark.parametrize("parts", range(0, 60, 7))
@pytest.mark.parametrize("spread", range(LINES_IN_ONE + 1))
def test_what_may_be_taken_can_be_given_back_in_one_transaction(spread: int, parts: int) -> None:
    lines = most_lines(spread, parts)
    if lines < spread:
        return
    home = (lines - spread) * WRITES_OF_A_LINE
    assert 1 + home + spread * WRITES_OF_A_GATHERED_LINE + parts <= WRITES_IN_ONE
