from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from oms.kernel.errors import Conflict, NotFound, TooLarge
from oms.purchasing import decisions
from oms.purchasing.decisions import Decision
from oms.purchasing.model import (
    MAX_NOTICES,
    Line,
    LineConfirmation,
    NoticeLine,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
    next_due,
    on_order,
    supplies,
)
from tests.samples import CAUSE, NOW

DUE = NOW + timedelta(days=10)


def order(
    state: PurchaseState = PurchaseState.CREATED, *, mugs: int = 10, tees: int = 4
) -> PurchaseOrder:
    lines = (Line(1, "MUG", mugs, DUE), Line(2, "TEE", tees, DUE))
    return PurchaseOrder("po_1", "acme", "sp-dc", state, NOW, NOW, lines)


def done(decision: Decision | None) -> PurchaseOrder:
    assert decision is not None
    return decision.order


def told(decision: Decision | None) -> list[str]:
    assert decision is not None
    return [fact.type for fact in decision.facts]


def changes(decision: Decision | None) -> list[tuple[object, ...]]:
    assert decision is not None
    names = ("supply", "open_before", "open", "reason")
    return [
        tuple(fact.data[name] for name in names)
        for fact in decision.facts
        if fact.type == "supply_changed"
    ]


def sent(mugs: int = 10) -> PurchaseOrder:
    return done(decisions.send(order(mugs=mugs), NOW))


def notice(units: int = 4, expected_at: datetime = DUE, notice_id: str = "asn-1") -> ShippingNotice:
    return ShippingNotice(notice_id, expected_at, (NoticeLine("MUG", units),))


def receive(
    made: PurchaseOrder, units: int, notice_id: str = "", sku: str = "MUG", node: str = "sp-dc"
) -> Decision:
    return decisions.receive(made, sku, node, units, notice_id, NOW)


def test_nothing_is_on_its_way_before_the_order_is_sent() -> None:
    assert supplies(order()) == supplies(order(PurchaseState.SUGGESTED)) == {}
    assert on_order(sent()) == {"MUG": 10, "TEE": 4}


def test_a_sent_order_brings_each_line_on_its_date() -> None:
    bring = supplies(sent())
    assert {key: (one.sku, one.open, one.due) for key, one in bring.items()} == {
        "po_1:1": ("MUG", 10, DUE),
        "po_1:2": ("TEE", 4, DUE),
    }


def test_the_ledger_follows_what_is_on_its_way() -> None:
    before, after = order(), sent()
    entries = decisions.incoming_entries(before, after, CAUSE)
    assert [(one.kind, one.id, one.sku, one.incoming) for one in entries] == [
        ("ordered", "po_1:2", "MUG", 10),
        ("ordered", "po_1:2", "TEE", 4),
    ]
    back = decisions.incoming_entries(after, done(decisions.cancel(after, NOW)), CAUSE)
    assert [one.incoming for one in back] == [-10, -4]


def test_a_supplier_confirms_fewer_and_later() -> None:
    later = DUE + timedelta(days=3)
    said = [LineConfirmation("MUG", 7, DUE), LineConfirmation("TEE", 4, later)]
    confirmed = decisions.confirm(sent(), said, NOW)
    assert told(confirmed)[:2] == ["purchase_order_confirmed", "purchase_order_short"]
    assert changes(confirmed) == [("po_1:1", 10, 7, "short"), ("po_1:2", 4, 4, "slip")]
    assert on_order(done(confirmed)) == {"MUG": 7, "TEE": 4}


def test_a_line_that_is_not_named_comes_as_it_was_ordered() -> None:
    confirmed = decisions.confirm(sent(), [], NOW)
    assert told(confirmed) == ["purchase_order_confirmed"]
    assert on_order(done(confirmed)) == {"MUG": 10, "TEE": 4}


def test_a_confirmation_of_nothing_ends_the_order() -> None:
    said = [LineConfirmation("MUG", 0, DUE), LineConfirmation("TEE", 0, DUE)]
    assert done(decisions.confirm(sent(), said, NOW)).state is PurchaseState.CLOSED_SHORT


def test_the_same_confirmation_again_changes_nothing_and_another_is_refused() -> None:
    said = [LineConfirmation("MUG", 7, DUE)]
    confirmed = done(decisions.confirm(sent(), said, NOW))
    assert decisions.confirm(confirmed, said, NOW) is None
    with pytest.raises(Conflict) as refused:
        decisions.confirm(confirmed, [LineConfirmation("MUG", 8, DUE)], NOW)
    assert refused.value.problem_code == "illegal_transition"


def test_no_more_is_confirmed_than_was_ordered_nor_fewer_than_were_announced() -> None:
    with pytest.raises(Conflict) as refused:
        decisions.confirm(sent(), [LineConfirmation("MUG", 11, DUE)], NOW)
    assert refused.value.problem_code == "above_ordered"
    announced = done(decisions.announce(sent(), notice(4), NOW))
    with pytest.raises(Conflict) as refused:
        decisions.confirm(announced, [LineConfirmation("MUG", 3, DUE)], NOW)
    assert refused.value.problem_code == "below_announced"


def test_a_new_date_is_a_slip_or_comes_earlier() -> None:
    slip = decisions.reschedule(sent(), "MUG", DUE + timedelta(days=1), NOW)
    assert changes(slip) == [("po_1:1", 10, 10, "slip")]
    earlier = decisions.reschedule(sent(), "MUG", DUE - timedelta(days=1), NOW)
    assert changes(earlier) == [("po_1:1", 10, 10, "earlier")]
    assert decisions.reschedule(sent(), "MUG", DUE, NOW) is None
    with pytest.raises(NotFound) as refused:
        decisions.reschedule(sent(), "CAP", DUE, NOW)
    assert refused.value.problem_code == "unknown_line"


def test_a_notice_gives_a_part_a_date_of_its_own() -> None:
    soon = DUE - timedelta(days=5)
    announced = decisions.announce(sent(), notice(4, soon), NOW)
    bring = supplies(done(announced))
    assert (bring["po_1:1"].open, bring["po_1:asn-1:1"].open) == (6, 4)
    assert bring["po_1:asn-1:1"].due == soon
    assert bring["po_1:asn-1:1"].kind == "shipping_notice"
    assert on_order(done(announced)) == {"MUG": 10, "TEE": 4}
    assert changes(announced) == [("po_1:1", 10, 6, "announced")]


def test_a_notice_is_known_by_its_id_and_brings_no_more_than_is_open() -> None:
    announced = done(decisions.announce(sent(), notice(4), NOW))
    assert decisions.announce(announced, notice(4), NOW) is None
    with pytest.raises(Conflict) as refused:
        decisions.announce(announced, notice(5), NOW)
    assert refused.value.problem_code == "content_differs"
    with pytest.raises(Conflict) as refused:
        decisions.announce(announced, notice(7, notice_id="asn-2"), NOW)
    assert (refused.value.problem_code, refused.value.context["open"]) == ("over_announced", 6)


def test_a_delivery_that_is_delayed_is_a_slip_of_its_own_part() -> None:
    announced = done(decisions.announce(sent(), notice(4), NOW))
    later = DUE + timedelta(days=2)
    delayed = decisions.reschedule_notice(announced, "asn-1", later, NOW)
    assert changes(delayed) == [("po_1:asn-1:1", 4, 4, "slip")]
    assert supplies(done(delayed))["po_1:1"].due == DUE
    assert decisions.reschedule_notice(done(delayed), "asn-1", later, NOW) is None
    with pytest.raises(NotFound):
        decisions.reschedule_notice(announced, "asn-2", later, NOW)


def test_what_is_missing_of_a_delivery_is_open_as_before() -> None:
    announced = done(decisions.announce(sent(), notice(10), NOW))
    short = receive(announced, 7, "asn-1").order
    ended = decisions.end_notice(short, "asn-1", NOW)
    assert changes(ended) == [("po_1:asn-1:1", 3, 0, "short")]
    assert {key: one.open for key, one in supplies(done(ended)).items()} == {
        "po_1:1": 3,
        "po_1:2": 4,
    }
    assert decisions.end_notice(done(ended), "asn-1", NOW) is None
    again = done(decisions.announce(done(ended), notice(3, notice_id="asn-2"), NOW))
    assert supplies(again)["po_1:asn-2:1"].open == 3


def test_an_order_has_as_many_dates_as_a_transaction_can_write() -> None:
    made = sent(mugs=100)
    for number in range(42):
        made = done(decisions.announce(made, notice(1, notice_id=f"asn-{number}"), NOW))
    with pytest.raises(TooLarge) as refused:
        decisions.announce(made, notice(1, notice_id="one-more"), NOW)
    assert refused.value.problem_code == "too_many_notices"


def test_parts_are_received_until_nothing_is_open() -> None:
    first = receive(sent(), 6)
    assert (first.order.state, first.received) == (PurchaseState.SENT, {"po_1:1": 6})
    second = receive(first.order, 4)
    last = receive(second.order, 4, sku="TEE")
    assert last.order.state is PurchaseState.RECEIVED
    assert last.facts[0].data["complete"] is True


def test_a_receipt_takes_from_its_notice_first_then_from_the_rest() -> None:
    announced = done(decisions.announce(sent(), notice(4), NOW))
    assert receive(announced, 5, "asn-1").received == {"po_1:asn-1:1": 4, "po_1:1": 1}
    assert receive(announced, 8).received == {"po_1:1": 6, "po_1:asn-1:1": 2}
    with pytest.raises(NotFound) as refused:
        receive(announced, 1, "asn-2")
    assert refused.value.problem_code == "unknown_shipping_notice"


def test_more_than_is_open_is_received_only_if_the_order_allows_it() -> None:
    with pytest.raises(Conflict) as refused:
        receive(sent(), 11)
    assert refused.value.problem_code == "over_receipt"
    assert refused.value.context == {"open": 10, "receivable": 10}
    tolerant = replace(sent(), over_receipt_percent=20)
    assert receive(tolerant, 12).received == {"po_1:1": 10}
    with pytest.raises(Conflict):
        receive(tolerant, 13)
    generous = replace(sent(), allow_over_receipt=True)
    assert receive(generous, 99).order.lines[0].received == 99


@pytest.mark.parametrize(
    ("sku", "node", "code"), [("CAP", "sp-dc", "not_ordered"), ("MUG", "rj-store", "wrong_node")]
)
def test_what_was_not_ordered_or_for_elsewhere_is_not_received(
    sku: str, node: str, code: str
) -> None:
    with pytest.raises(Conflict) as refused:
        receive(sent(), 1, sku=sku, node=node)
    assert refused.value.problem_code == code


def test_an_order_that_is_closed_short_says_what_does_not_come() -> None:
    part = receive(sent(), 6).order
    closed = decisions.close(part, NOW)
    assert done(closed).state is PurchaseState.CLOSED_SHORT
    assert told(closed)[:2] == ["purchase_order_short", "purchase_order_closed"]
    assert changes(closed) == [("po_1:1", 4, 0, "short"), ("po_1:2", 4, 0, "short")]
    assert on_order(done(closed)) == {}
    assert decisions.close(done(closed), NOW) is None


def test_an_order_is_cancelled_until_something_has_come() -> None:
    cancelled = decisions.cancel(sent(), NOW)
    assert changes(cancelled) == [("po_1:1", 10, 0, "cancelled"), ("po_1:2", 4, 0, "cancelled")]
    assert decisions.cancel(done(cancelled), NOW) is None
    with pytest.raises(Conflict) as refused:
        decisions.cancel(receive(sent(), 1).order, NOW)
    assert refused.value.problem_code == "already_received"


def test_a_suggestion_is_approved_then_sent_each_once() -> None:
    suggested = order(PurchaseState.SUGGESTED)
    approved = done(decisions.approve(suggested, NOW))
    assert approved.state is PurchaseState.CREATED
    assert decisions.approve(approved, NOW) is None
    assert decisions.send(sent(), NOW) is None
    assert done(decisions.send(suggested, NOW)).state is PurchaseState.SENT


def test_the_lead_time_of_a_suggestion_begins_when_it_is_sent() -> None:
    suggested = replace(order(PurchaseState.SUGGESTED), suggested=True)
    late = done(decisions.send(suggested, NOW + timedelta(days=2)))
    assert late.lines[0].due == DUE + timedelta(days=2)


def test_what_the_state_does_not_allow_is_refused() -> None:
    cancelled = done(decisions.cancel(order(), NOW))
    commands: tuple[Callable[[], object], ...] = (
        lambda: decisions.approve(cancelled, NOW),
        lambda: decisions.send(cancelled, NOW),
        lambda: decisions.confirm(order(), [], NOW),
        lambda: decisions.announce(order(), notice(), NOW),
        lambda: decisions.close(order(), NOW),
        lambda: decisions.reschedule(cancelled, "MUG", NOW, NOW),
        lambda: receive(order(), 1),
    )
    for command in commands:
        with pytest.raises(Conflict) as refused:
            command()
        assert refused.value.problem_code == "illegal_transition"


def test_what_is_late_is_told_once_for_each_date() -> None:
    after = DUE + timedelta(hours=1)
    late = decisions.tell_late(sent(), after)
    assert changes(late) == [("po_1:1", 10, 10, "late"), ("po_1:2", 4, 4, "late")]
    assert next_due(done(late)) is None
    assert decisions.tell_late(done(late), after) is None
    moved = done(decisions.reschedule(done(late), "MUG", after + timedelta(days=1), after))
    assert next_due(moved) == after + timedelta(days=1)
    assert changes(decisions.tell_late(moved, after + timedelta(days=2))) == [
        ("po_1:1", 10, 10, "late")
    ]


def test_a_notice_is_late_by_its_own_date() -> None:
    announced = done(decisions.announce(sent(), notice(4, NOW + timedelta(days=1)), NOW))
    late = decisions.tell_late(announced, NOW + timedelta(days=2))
    assert changes(late) == [("po_1:asn-1:1", 4, 4, "late")]
    assert next_due(done(late)) == DUE


def test_an_order_keeps_only_so_many_notices_even_of_deliveries_that_are_over() -> None:
    found = sent(mugs=100)
    for number in range(MAX_NOTICES):
        found = done(decisions.announce(found, notice(1, notice_id=f"asn-{number}"), NOW))
        found = done(decisions.end_notice(found, f"asn-{number}", NOW))
    with pytest.raises(TooLarge) as refused:
        decisions.announce(found, notice(1, notice_id="one-more"), NOW)
    assert refused.value.problem_code == "too_many_notices"


def test_what_was_suggested_is_due_to_the_millisecond_when_it_is_sent() -> None:
    suggested = replace(order(PurchaseState.SUGGESTED), suggested=True)
    after = done(decisions.send(suggested, NOW + timedelta(microseconds=1_500)))
    assert {line.due for line in after.lines} == {DUE + timedelta(milliseconds=1)}
