import json

from benchmarks.cold_starts import FLOOR, FLOOR_WITH_CLIENT, ColdStart, Start
from benchmarks.costs import BestAndMedian, Step
from benchmarks.prices import Work
from benchmarks.report import Cpu, Report, as_json, as_text, table
from benchmarks.throughput import Throughput

TIME = BestAndMedian(10.0, 12.0)
REPORT = Report(
    date="2026-05-01",
    interpreter="CPython 3.11.7 without PGO",
    machine="2 cores",
    work=Work(46.0, 24.0, 30, 0.2, 8, 13, 11, 6, 3),
    steps=[Step("sourcing", "reserve", 6.0, {"orders": 2.0, "inventory": 8.0}, {"orders": 1.0})],
    cpu=Cpu(12, TIME, TIME, BestAndMedian(70.0, 75.0)),
    throughput=Throughput(captured=20.0, placed=9.0),
    cold={
        FLOOR: ColdStart(Start(100, 0, 35), 1.0),
        FLOOR_WITH_CLIENT: ColdStart(Start(200, 0, 47), 2.0),
        "orders": ColdStart(Start(180, 10, 68), 1.9),
        "sourcing": ColdStart(Start(180, 10, 43), 1.9),
    },
    memory_mb={"orders": 70.0, "sourcing": 45.0},
)


def test_functions_behind_the_api_may_take_longer_to_start_than_others() -> None:
    judged = {aim.what: aim.is_met for aim in REPORT.aims()}

    assert judged["cold start of orders, × floor"]
    assert not judged["cold start of sourcing, × floor"]


def test_the_text_names_every_aim_that_is_missed() -> None:
    text = as_text(REPORT)

    assert "MISSED  CPU ms of its whole lifecycle" in text
    assert "MISSED  cold start of sourcing" in text
    assert text.endswith("2 of 8 aims are missed")


def test_the_text_says_what_a_step_writes() -> None:
    assert "inventory 8, orders 2" in as_text(REPORT)


def test_programs_get_the_same_as_people() -> None:
    document = json.loads(as_json(REPORT))

    assert document["work"]["write_units"] == 46.0
    assert document["dollars_per_million_orders"]["DynamoDB write units"] == 28.75
    assert [aim["is_met"] for aim in document["aims"]].count(False) == 2


def test_numbers_stand_to_the_right_in_a_table() -> None:
    lines = table(("name", "ms"), [("orders", 4.5), ("relay", 12)]).splitlines()

    assert lines[2:] == ["orders  4.5", "relay    12"]
