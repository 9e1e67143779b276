import pytest

from benchmarks.hot_sku import FILLED_EVERY, LATENCY, Limits

ITEM, OTHER = ("write", "item"), ("write", "other")


def at(limits: Limits, moment: float, *keys: tuple[str, str]) -> float:
    """When a write of two units to each, begun at that moment, is done."""
    limits.now = moment
    limits.take(dict.fromkeys(keys, 2.0), 1000)
    return limits.now


def test_an_item_takes_no_more_than_its_units_a_second() -> None:
    limits = Limits()
    done = [at(limits, 0.0, ITEM) for _ in range(501)]
    assert done[499] == pytest.approx(1.0 - FILLED_EVERY + LATENCY)
    assert done[500] == pytest.approx(1.0 + LATENCY)


def test_whoever_touches_two_items_waits_for_the_slower() -> None:
    limits = Limits()
    for _ in range(500):
        at(limits, 0.0, ITEM)
    assert at(limits, 0.0, OTHER) == pytest.approx(LATENCY)
    assert at(limits, 0.0, ITEM, OTHER) == pytest.approx(1.0 + LATENCY)


def test_nothing_is_saved_up_while_an_item_is_idle() -> None:
    limits = Limits()
    done = [at(limits, 60.0, ITEM) for _ in range(501)]
    assert done[500] == pytest.approx(61.0 + LATENCY)


def test_what_is_taken_for_later_does_not_hold_up_what_comes_before() -> None:
    limits = Limits()
    at(limits, 5.0, ITEM)
    assert at(limits, 1.0, ITEM) == pytest.approx(1.0 + LATENCY)
