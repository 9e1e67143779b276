"""The runner itself: it is strict, and the documents show where we differ."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cases import (
    test_availability,
    test_lifecycle,
    test_payments,
    test_pricing,
    test_refunds,
    test_sourcing,
)
from tests.cases.comparing import compare
from tests.cases.differences import ROWS, difference_of, table
from tests.cases.observing import observe
from tests.cases.reading import Keys, NotUnderstoodError, carried, same, steps_of, units

ALL = (
    *test_availability.FILES,
    *test_sourcing.FILES,
    *test_lifecycle.FILES,
    *test_refunds.FILES,
    *test_payments.FILES,
    *test_pricing.FILES,
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "cases.md"


def a_case(**changes: Any) -> dict[str, Any]:
    given = {"locations": [{"code": "A", "on_hand": 4}]}
    case = {"kind": "available_qty", "given": given, "when": "available_quantity", "then": {}}
    return {**case, "portability": "general", **changes}


def test_the_documents_show_the_table_of_differences() -> None:
    assert DOCUMENT.read_text().endswith(table())


def test_a_difference_is_about_a_choice_of_a_peer_and_a_case_that_there_is() -> None:
    run = [case for file in ALL for case in carried(file)]
    used = Counter(str(row) for case in run if (row := difference_of(case)))
    assert [row for row in ROWS if not used[str(row)]] == []
    assert difference_of(a_case(kind=ROWS[0]["kind"], when={ROWS[0]["verb"]: 1})) is None


def test_every_kind_of_the_cases_is_known() -> None:
    rooms = (test_availability, test_sourcing, test_lifecycle, test_payments, test_refunds)
    for room in rooms:
        run = {case["kind"] for file in room.FILES for case in carried(file)}
        assert run <= room.PURE.keys() | room.STORED.keys()


@pytest.mark.parametrize("room", [test_pricing])
def test_what_is_left_to_other_rooms_is_named_and_the_rest_is_run(room: Any) -> None:
    kinds = {case["kind"] for file in room.FILES for case in carried(file)}
    run = room.PURE.keys() | room.STORED.keys()
    assert kinds == (run & kinds) | (room.ELSEWHERE & kinds)
    assert not run & room.ELSEWHERE


@pytest.mark.parametrize(
    "case",
    [
        a_case(kind="weather"),
        a_case(when="guess"),
        a_case(given={"locations": [{"code": "A", "on_hand": 4, "colour": "red"}]}),
        a_case(given={"locations": [], "moon": "full"}),
        a_case(when={"can_sell": 1, "by": "magic"}),
        a_case(when={"can_sell": "much"}),
    ],
    ids=["kind", "verb", "key of a location", "key", "key of a step", "quantity"],
)
def test_what_is_not_understood_is_a_failure(case: dict[str, Any]) -> None:
    with pytest.raises((NotUnderstoodError, ArithmeticError)):
        observe(case, test_availability.PURE, test_availability.STORED)


SOURCING: dict[str, Any] = {
    "kind": "priority",
    "given": {"sources": [{"code": "A", "stock": {"P": 3}}], "demand": [{"sku": "P", "qty": 1}]},
    "when": {"select_sources": {"algorithm": "priority"}},
    "then": {},
    "portability": "general",
}
LIFECYCLE: dict[str, Any] = {
    "kind": "guard.fulfilment",
    "given": {"parcel": {"L1": 1}},
    "when": "fulfil",
    "then": {},
    "portability": "general",
}
PRICING: dict[str, Any] = {
    "kind": "tax.single",
    "given": {"lines": [{"id": "A", "qty": 1, "unit_price": 100}]},
    "when": "calculate",
    "then": {},
    "portability": "general",
}
WHIM = {"id": "P", "scope": "line", "type": "whim", "value": 1}


@pytest.mark.parametrize(
    ("room", "case"),
    [
        (test_sourcing, {**SOURCING, "kind": "weather"}),
        (test_sourcing, {**SOURCING, "when": {"select_sources": {"algorithm": "whim"}}}),
        (test_sourcing, {**SOURCING, "when": {"select_sources": {"by": "magic"}}}),
        (test_sourcing, {**SOURCING, "when": "guess"}),
        (test_sourcing, {**SOURCING, "given": {**SOURCING["given"], "moon": "full"}}),
        (test_sourcing, {**SOURCING, "given": {"sources": [{"code": "A", "colour": "red"}]}}),
        (test_lifecycle, {**LIFECYCLE, "kind": "machine.order"}),
        (test_lifecycle, {**LIFECYCLE, "when": "explode"}),
        (test_lifecycle, {**LIFECYCLE, "when": {"fulfil": "all", "by": "magic"}}),
        (test_lifecycle, {**LIFECYCLE, "when": {"resume": "now"}}),
        (test_lifecycle, {**LIFECYCLE, "given": {"parcel": {"L1": 1}, "moon": "full"}}),
        (test_lifecycle, {**LIFECYCLE, "given": {"state": "exploded"}}),
        (test_lifecycle, {**LIFECYCLE, "given": {"order_state": "exploded"}}),
        (test_pricing, {**PRICING, "kind": "coupon"}),
        (test_pricing, {**PRICING, "when": "guess"}),
        (test_pricing, {**PRICING, "given": {**PRICING["given"], "moon": "full"}}),
        (test_pricing, {**PRICING, "given": {"lines": [{"unit_price": 1, "colour": "red"}]}}),
        (test_pricing, {**PRICING, "given": {"lines": [{"unit_price": "much"}]}}),
        (test_pricing, {**PRICING, "given": {"lines": [], "promotions": [WHIM]}}),
        (test_pricing, {**PRICING, "given": {"lines": [], "rounding": "by mood"}}),
        (test_pricing, {**PRICING, "kind": "gift_card"}),
        (test_pricing, {**PRICING, "kind": "proration.integer"}),
    ],
)
def test_neither_room_understands_what_it_was_not_taught(room: Any, case: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstoodError):
        observe(case, room.PURE, room.STORED)


def test_what_a_case_asserts_and_nobody_observes_is_a_failure() -> None:
    with pytest.raises(NotUnderstoodError):
        compare({**SOURCING, "then": {"colour": "red"}}, {"allocations": []})


def test_quantities_are_decimals() -> None:
    assert units("8.5") - units("9.33") + units(1) == units("0.17")
    with pytest.raises(NotUnderstoodError):
        units(True)


def test_an_object_is_compared_in_what_it_names() -> None:
    assert same({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}})
    assert not same({"a": 1}, {})
    assert not same([1, 2], [1])
    assert not same(True, 1)


def test_actions_are_words_objects_or_lists_of_them() -> None:
    steps = steps_of(["pay", {"ship": 2, "from": "B"}], frozenset({"pay", "ship"}))
    assert [(step.verb, step.value) for step in steps] == [("pay", None), ("ship", 2)]
    assert steps[1].more.value("from") == "B"
    with pytest.raises(NotUnderstoodError):
        Keys("a", {"b": 1}).done()
