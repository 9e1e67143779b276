from benchmarks.promising import (
    PromisingFigures,
    Reads,
    Size,
    Speed,
    as_text,
    measure_reads,
    measure_speed,
    read_units,
    size_of,
)
from benchmarks.report import table


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    item = {"pk": {"S": "SKU"}, "sk": {"S": "nó"}, "on_hand": {"N": "120"}, "left": {"N": "-7"}}
    assert size_of(item) == (2 + 3) + (2 + 3) + (7 + 2) + (4 + 2)


def test_half_a_unit_reads_four_kilobytes() -> None:
    assert read_units([]) == 0.5
    assert read_units([4096]) == 0.5
    assert read_units([4000, 97]) == 1.0


def test_availability_reads_each_item_once_and_no_orders() -> None:
    reads, catalogue = measure_reads(orders=100)
    assert [each.queries for each in reads] == [each.skus for each in reads]
    assert all(each.units == each.after for each in reads)
    assert catalogue > 0


def test_promises_are_timed() -> None:
    assert measure_speed(Size(2, 3, 1), runs=1).per_cpu_second > 0


def test_the_figures_are_shown() -> None:
    figures = PromisingFigures(
        [Speed(Size(10, 200, 10), 57.2)], [Reads(1, 5, 1, 0.5, 0.5)], 25.5, 100_000
    )
    text = as_text(figures, table)
    assert "57" in text
    assert "after 100,000 orders" in text
