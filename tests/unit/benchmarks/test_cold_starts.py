import json

import pytest

from benchmarks.cold_starts import Followed, Start, cold_start, retarget

OLD = Followed("counted", "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa")
NEW = Followed("cold-3", "ord_bbbbbbbbbbbbbbbbbbbbbbbbbb")


def start(cpu_ms: float) -> Start:
    return Start(import_ms=cpu_ms - 1, call_ms=1, memory_mb=40)


def test_the_ratio_is_the_median_of_pairs() -> None:
    quiet, busy, lucky = (
        (start(150), start(100)),
        (start(300), start(200)),
        (start(120), start(100)),
    )

    assert cold_start([quiet, busy, lucky]).ratio == pytest.approx(1.5)


def test_the_shown_start_is_the_best() -> None:
    pairs = [(start(300), start(200)), (start(120), start(100))]

    assert cold_start(pairs).best == start(120)


def test_an_event_is_told_again_about_another_order() -> None:
    event = json.dumps({"order_id": OLD.id, "fulfillment": "ful_" + OLD.id[4:] + "_1"})

    told = json.loads(retarget(event, OLD, NEW))

    assert told == {"order_id": NEW.id, "fulfillment": "ful_" + NEW.id[4:] + "_1"}


def test_an_order_that_is_captured_again_has_another_number() -> None:
    assert retarget('{"channel_order_id": "counted"}', OLD, NEW) == '{"channel_order_id": "cold-3"}'
