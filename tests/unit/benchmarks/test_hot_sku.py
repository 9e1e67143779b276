import pytest

from benchmarks.hot_sku import LATENCY, Limits

ITEM, OTHER = ("write", "item"), ("write", "other")


def test_an_item_takes_no_more_than_its_units_a_second() -> None:
    limits = Limits()
    for _ in range(500):
        limits.now = 0.0
        limits.take({ITEM: 2}, 1000)
    limits.now = 0.0
    limits.take({ITEM: 2}, 1000)
    assert limits.now == pytest.approx(1.0 + LATENCY)


def test_whoever_touches_two_items_waits_for_the_slower() -> None:
    limits = Limits()
    limits.take({ITEM: 1000}, 1000)
    limits.now = 0.0
    limits.take({OTHER: 2}, 1000)
    assert limits.now == pytest.approx(LATENCY)
    limits.now = 0.0
    limits.take({ITEM: 2, OTHER: 2}, 1000)
    assert limits.now == pytest.approx(1.0 + LATENCY)


def test_nothing_is_saved_up_while_an_item_is_idle() -> None:
    limits = Limits()
    limits.now = 60.0
    limits.take({ITEM: 1000}, 1000)
    limits.now = 60.0
    limits.take({ITEM: 2}, 1000)
    assert limits.now == pytest.approx(61.0 + LATENCY)
