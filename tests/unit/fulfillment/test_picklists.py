"""Picklists: the walk, the two machines, and what a report makes of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.fulfillment.picklists import (
    ITEM_TRANSITIONS,
    PICKLIST_TRANSITIONS,
    Batching,
    ItemState,
    PickItem,
    Picklist,
    PicklistState,
    Reported,
    assign,
    cancel,
    gone_on,
    lies_in,
    report,
    stops,
    walk,
    zone_of,
)
from oms.kernel.errors import Conflict, Invalid
from tests.samples import NOW


def item(part: str, line: str, units: int = 1, bin_location: str = "", sku: str = "") -> PickItem:
    return PickItem(part, line, sku or line, f"The {line}", units, bin=bin_location)


ITEMS = (item("f1", "MUG", 2, "A-01"), item("f1", "TEE", 1, "B-07"), item("f2", "MUG", 3, "A-01"))
LIST = Picklist("p1", "sp-dc", Batching.WAVE, NOW, ITEMS)


def in_state(state: PicklistState) -> Picklist:
    reported = state in (PicklistState.PICKED, PicklistState.COMPLETED)
    found = report(LIST, []) if reported else LIST
    return replace(found, state=state)


# --- the walk ------------------------------------------------------------------------------------


def test_a_zone_is_what_stands_before_the_first_hyphen() -> None:
    assert [zone_of(each) for each in ("A-03-2", "A", "")] == ["A", "A", ""]


def test_a_wave_walks_by_bin_then_by_sku_and_what_has_no_bin_comes_last() -> None:
    items = [item("f1", "X"), item("f1", "B", 1, "A-02"), item("f2", "A", 1, "A-02")]
    items.append(item("f2", "C", 1, "A-01"))
    assert [each.sku for each in walk(items, Batching.WAVE)] == ["C", "A", "B", "X"]


def test_by_order_those_of_a_fulfilment_stay_together() -> None:
    items = [item("f2", "X", 1, "B-1"), item("f1", "A", 1, "A-1"), item("f2", "Y", 1, "A-2")]
    assert [each.sku for each in walk(items, Batching.ORDER)] == ["Y", "X", "A"]


def test_units_of_a_sku_in_a_bin_are_one_stop_with_the_fulfilments_they_go_to() -> None:
    first, second = stops(replace(LIST, items=walk(ITEMS, Batching.WAVE)))
    assert (first.sku, first.quantity) == ("MUG", 5)
    assert [(one.fulfillment_id, one.quantity) for one in first.items] == [("f1", 2), ("f2", 3)]
    assert (second.sku, second.quantity) == ("TEE", 1)


def test_by_order_a_stop_is_for_one_fulfilment() -> None:
    by_order = replace(LIST, by=Batching.ORDER, items=walk(ITEMS, Batching.ORDER))
    assert [(stop.sku, stop.quantity) for stop in stops(by_order)] == [
        ("MUG", 2),
        ("TEE", 1),
        ("MUG", 3),
    ]


def test_what_lies_in_two_zones_lies_in_neither() -> None:
    assert lies_in("A", ITEMS[:1])
    assert not lies_in("A", ITEMS)


# --- the machines --------------------------------------------------------------------------------

STEPS: dict[str, Callable[[Picklist], Picklist]] = {
    "assign": lambda found: assign(found, "rita"),
    "pick": lambda found: report(found, [Reported("f1", "MUG", 1)]),
    "cancel": cancel,
}
REPEATED = {("cancel", PicklistState.CANCELLED)}


@pytest.mark.parametrize("state", PicklistState)
@pytest.mark.parametrize("step", STEPS)
def test_every_pair_that_the_table_does_not_have_is_refused(
    step: str, state: PicklistState
) -> None:
    picklist = in_state(state)
    if step in PICKLIST_TRANSITIONS[state]:
        STEPS[step](picklist)
    elif (step, state) in REPEATED:
        assert STEPS[step](picklist) == picklist
    else:
        with pytest.raises(Conflict) as refused:
            STEPS[step](picklist)
        assert refused.value.problem_code in ("illegal_transition", "already_reported")


def test_completing_is_only_for_what_is_picked() -> None:
    assert [state for state, steps in PICKLIST_TRANSITIONS.items() if "complete" in steps] == [
        PicklistState.PICKED
    ]
    assert gone_on(LIST, LIST.fulfillments).state is PicklistState.CREATED


@pytest.mark.parametrize("state", [ItemState.PICKED, ItemState.SHORT])
def test_an_item_that_is_reported_is_not_reported_otherwise(state: ItemState) -> None:
    assert not ITEM_TRANSITIONS[state]
    found = report(LIST, [Reported("f1", "MUG", 2 if state is ItemState.PICKED else 1)])
    assert found.items[0].state is state
    with pytest.raises(Conflict) as refused:
        report(found, [Reported("f1", "MUG", 0)])
    assert refused.value.problem_code == "already_reported"


def test_a_list_that_is_being_picked_is_not_called_off() -> None:
    begun = report(LIST, [Reported("f1", "MUG", 2)])
    with pytest.raises(Conflict) as refused:
        cancel(begun)
    assert refused.value.problem_code == "picking_has_begun"


# --- reports -------------------------------------------------------------------------------------


def test_a_fulfilment_goes_on_once_all_its_items_are_reported() -> None:
    some = report(LIST, [Reported("f1", "MUG", 2), Reported("f2", "MUG", 1, "damaged")])
    assert (some.to_go_on, some.state) == (("f2",), PicklistState.CREATED)
    assert (some.picked_of("f2"), some.reasons_of("f2")) == ({"MUG": 1}, {"MUG": "damaged"})

    rest = report(gone_on(some, ["f2"]), [])
    assert (rest.to_go_on, rest.state) == (("f1",), PicklistState.PICKED)
    assert gone_on(rest, ["f1"]).state is PicklistState.COMPLETED


def test_what_is_short_without_a_reason_is_not_in_stock() -> None:
    assert report(LIST, [Reported("f1", "TEE", 0)]).reasons_of("f1") == {"TEE": "not_in_stock"}


def test_a_report_that_makes_no_sense_is_refused_with_every_fault() -> None:
    lines = [
        Reported("f9", "MUG", 1),
        Reported("f1", "MUG", 3),
        Reported("f1", "MUG", 1),
        Reported("f1", "TEE", 0, "lost"),
    ]
    with pytest.raises(Invalid) as refused:
        report(LIST, lines)
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [
        ("lines.0", "unknown_line"),
        ("lines.1.picked", "quantities_do_not_add_up"),
        ("lines.2", "line_twice"),
        ("lines.3.reason", "unknown_reason"),
    ]


@given(counts=st.lists(st.integers(0, 3), min_size=3, max_size=3), data=st.data())
def test_reports_in_any_parts_and_again_come_to_the_same(
    counts: list[int], data: st.DataObject
) -> None:
    lines = [
        Reported(each.fulfillment_id, each.line_id, min(count, each.quantity))
        for each, count in zip(ITEMS, counts, strict=True)
    ]
    whole = report(LIST, lines)
    parts = LIST
    for line in data.draw(st.permutations([*lines, *lines])):
        parts = report(parts, [line])
    assert parts == whole
    assert whole.state is PicklistState.PICKED
