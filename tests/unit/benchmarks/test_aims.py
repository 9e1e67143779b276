import pytest

from benchmarks.aims import Aim, Sense, missed


@pytest.mark.parametrize(
    ("sense", "measured", "is_met"),
    [
        ("at most", 59.9, True),
        ("at most", 60.0, True),
        ("at most", 60.1, False),
        ("more than", 60.1, True),
        ("more than", 60.0, False),
    ],
)
def test_an_aim_is_met_on_the_right_side_of_its_limit(
    sense: Sense, measured: float, is_met: bool
) -> None:
    assert Aim("write units", sense, 60, measured).is_met is is_met


def test_the_missed_ones_are_told() -> None:
    met, too_much = Aim("a", "at most", 1, 1), Aim("b", "at most", 1, 2)

    assert missed([met, too_much]) == [too_much]
