"""Cancelling units of lines: whose units go, and what is due afterwards."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, Invalid, StockContended
from oms.orders import cancelling, decisions, paying, work
from oms.orders import events as happened
from oms.orders.cancelling import Asked, cancel_units
from oms.orders.evolve import evolve_all
from oms.orders.model import Allocation, Effort, FulfillmentState, Line, Order, Slot, State
from oms.orders.parts import line_amounts
from tests.samples import NOW, allocated, captured, given, line, money

MUG = line("MUG", 3, price=1000)
TEE = line("TEE", 2, price=333)


def sourced(*allocations: Allocation) -> Order:
    order = captured(MUG, TEE)
    return given(order, happened.OrderSourced(allocations or allocated(order), "rule", "why"))


def authorized(*allocations: Allocation) -> Order:
    order = sourced(*allocations)
    paid = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "ref", "key"
    )
    return given(order, paid)


def released(*allocations: Allocation) -> Order:
    order = authorized(*allocations)
    return given(order, *decisions.release(order))


def cancelled(order: Order, **units: int) -> Order:
    return evolve_all(order, cancel_units(order, units, "changed my mind").events)


def test_open_units_go_first_and_nothing_is_given_back() -> None:
    decided = cancel_units(captured(MUG, TEE), {"MUG": 1}, "why")

    assert [type(event) for event in decided.events] == [happened.UnitsCancelled]
    assert decided.allocations == ()


def test_what_waits_for_stock_waits_for_less() -> None:
    waiting = given(captured(MUG, TEE), happened.OrderBackordered(("MUG",), "none"))

    after = cancelled(waiting, MUG=2)

    assert (after.progress.counts[0].backordered, after.progress.counts[0].cancelled) == (1, 2)


def test_reserved_units_are_given_back() -> None:
    decided = cancel_units(sourced(), {"MUG": 2}, "why")
    after = evolve_all(sourced(), decided.events)

    assert decided.allocations == (Allocation("MUG", "MUG", "sp-dc", 2),)
    assert after.progress.counts[0].reserved == 1
    assert after.progress.counts[0].cancelled == 2


def test_the_node_that_the_plan_likes_least_gives_first() -> None:
    order = sourced(
        Allocation("MUG", "MUG", "near", 2),
        Allocation("MUG", "MUG", "far", 1),
        Allocation("TEE", "TEE", "near", 2),
    )

    after = cancelled(order, MUG=1)

    assert {one.node for one in after.progress.allocations} == {"near"}


def test_a_slot_of_a_node_that_has_nothing_left_to_do_is_free() -> None:
    order = sourced(Allocation("MUG", "MUG", "sp-dc", 3), Allocation("TEE", "TEE", "rj-store", 2))
    order = order.with_progress(slots=(Slot("sp-dc", "2026-05-04"), Slot("rj-store", "2026-05-04")))

    assert cancelled(order, TEE=2).progress.slots == (Slot("sp-dc", "2026-05-04"),)


@pytest.mark.parametrize("steps", [(), ("accept",), ("accept", "pick")])
def test_a_node_that_has_not_packed_gives_units_back(steps: tuple[str, ...]) -> None:
    order = at_work(released(), *steps)

    after = cancelled(order, TEE=1)

    assert after.progress.fulfillments[0].units == {"MUG": 3, "TEE": 1}
    assert after.progress.counts[1].cancelled == 1


@pytest.mark.parametrize("steps", [("accept", "pick", "pack"), ("accept", "pick", "pack", "ship")])
def test_what_is_packed_or_has_left_is_not_cancelled(steps: tuple[str, ...]) -> None:
    with pytest.raises(Conflict) as refused:
        cancelled(at_work(released(), *steps), TEE=1)

    assert refused.value.problem_code == "not_cancellable"
    assert refused.value.context == {"line_id": "TEE", "cancellable": "0"}


def test_the_least_far_along_gives_first() -> None:
    order = released(
        Allocation("MUG", "MUG", "near", 2),
        Allocation("MUG", "MUG", "far", 1),
        Allocation("TEE", "TEE", "near", 2),
    )
    near = next(part.id for part in order.progress.fulfillments if part.node == "near")

    after = cancelled(given(order, *decisions.accept(order, near)), MUG=1)

    assert [part.node for part in after.live_fulfillments] == ["near"]


def test_a_fulfilment_of_which_nothing_is_left_ends() -> None:
    order = released(Allocation("MUG", "MUG", "sp-dc", 3), Allocation("TEE", "TEE", "rj-store", 2))

    after = cancelled(order, TEE=2)

    states = {part.node: part.state for part in after.progress.fulfillments}
    assert states == {"sp-dc": FulfillmentState.OPEN, "rj-store": FulfillmentState.CANCELLED}


def test_what_a_supplier_has_confirmed_is_not_cancelled() -> None:
    order = at_work(
        released(
            Allocation("MUG", "MUG", "supplier", 3, tracked=False, drop_ship=True),
            Allocation("TEE", "TEE", "sp-dc", 2),
        ),
        "accept",
    )

    with pytest.raises(Conflict, match="MUG"):
        cancelled(order, MUG=1)


def made(effort: tuple[Effort, ...] = (Effort("oven", "2026-05-05", 6),)) -> Order:
    return sourced(
        Allocation("MUG", "MUG", "sp-dc", 3, tracked=False, make=True, effort=effort),
        Allocation("MUG", "CLAY", "sp-dc", 9, make=True, component=True),
        Allocation("TEE", "TEE", "sp-dc", 2),
    )


def test_what_is_made_goes_as_a_whole_with_its_components_and_its_effort() -> None:
    decided = cancel_units(made(), {"MUG": 3}, "why")

    assert [(one.sku, one.quantity) for one in decided.allocations] == [("MUG", 3), ("CLAY", 9)]
    assert decided.allocations[0].effort == (Effort("oven", "2026-05-05", 6),)


def test_a_part_of_what_is_made_is_not_cancelled() -> None:
    with pytest.raises(Conflict) as refused:
        cancelled(made(), MUG=1)

    assert refused.value.problem_code == "not_cancellable"


def test_a_part_of_what_is_being_made_is_not_cancelled_either() -> None:
    order = made()
    paid = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "ref", "key"
    )
    order = given(order, paid)
    order = given(order, *decisions.release(order))

    with pytest.raises(Conflict):
        cancelled(order, MUG=2)
    after = cancelled(order, MUG=3)

    assert all(not part.make for part in after.live_fulfillments)


def test_what_making_takes_adds_up_when_work_is_put_together() -> None:
    day = (Effort("oven", "2026-05-05", 3),)
    order = made(day)
    paid = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "ref", "key"
    )
    order = given(order, paid)
    order = given(order, *decisions.release(order))
    part = next(one for one in order.live_fulfillments if one.make)
    twin = replace(part, id=work.next_id(order))
    order = given(order, happened.UnitsRouted((twin,), "rule", "why"))

    order = given(order, *work.merge(order, part.id, [twin.id]))

    merged = order.fulfillment(part.id)
    assert merged is not None
    (line,) = (one for one in merged.lines if not one.component)
    assert (line.quantity, line.effort) == (6, (*day, *day))


def test_what_was_paid_beyond_what_is_due_is_refunded() -> None:
    order = released()
    total = order.content.total.minor
    order = given(
        order, happened.PaymentCaptured(order.payments.each[0].id, total, "ref", "captured")
    )

    after = cancelled(order, TEE=1)

    assert [refund.amount for refund in after.progress.refunds] == [333]
    assert after.due == money(total - 333)


def test_what_is_only_held_is_not_refunded() -> None:
    after = cancelled(released(), TEE=1)

    assert after.progress.refunds == ()
    assert paying.amount_to_capture(after) == after.due.minor


def test_what_is_paid_after_a_part_was_cancelled_is_refunded_as_far_as_it_is_not_due() -> None:
    order = cancelled(sourced(), TEE=1)

    paid = paying.collect_payment(order, order.content.total.minor, "ref", "pix-1")

    assert isinstance(paid[-1], happened.RefundRequested)
    assert paid[-1].amount == 333


def test_cancelling_all_that_is_left_cancels_the_order() -> None:
    after = cancelled(released(), MUG=3, TEE=2)

    assert after.cancel_requested


def test_while_the_order_is_being_cancelled_nothing_more_is() -> None:
    order = given(released(), happened.CancelRequested("no"))

    with pytest.raises(Conflict) as refused:
        cancelling._decided(order, [Asked("TEE")], "why", "")

    assert refused.value.problem_code == "cancelling"


@pytest.mark.parametrize("state", [State.DELIVERED, State.COMPLETED, State.CANCELLED])
def test_a_closed_order_is_not_changed(state: State) -> None:
    with pytest.raises(Conflict) as refused:
        cancelling._decided(released().with_progress(state=state), [Asked("TEE")], "why", "")

    assert refused.value.problem_code == "not_cancellable"


def test_while_a_large_order_is_being_reserved_it_is_to_be_asked_again() -> None:
    order = captured(MUG, TEE)
    order = given(order, *decisions.plan_sourcing(order, allocated(order), "rule", "why", NOW))

    with pytest.raises(StockContended):
        cancelled(order, TEE=1)


def test_the_same_cancellation_again_is_nothing_new() -> None:
    order, asked = released(), [Asked("TEE", Decimal(1))]
    order = evolve_all(order, cancelling._decided(order, asked, "why", "k1").events)

    assert cancelling._decided(order, asked, "why", "k1").events == ()
    assert cancelling._decided(order, asked, "why", "k2").events
    with pytest.raises(Conflict) as refused:
        cancelling._decided(order, [Asked("MUG", Decimal(1))], "why", "k1")
    assert refused.value.problem_code == "content_differs"


PLATE = replace(line("PLATE", 4), line_id="set/PLATE", bundle="set", bundles=2)
CUP = replace(line("CUP", 2), line_id="set/CUP", bundle="set", bundles=2)


def faults_of(order: Order, *asked: Asked) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        cancelling._decided(order, asked, "why", "")
    return {(fault.path, fault.code) for fault in refused.value.faults}


def test_what_cannot_be_read_is_refused_with_every_fault() -> None:
    assert faults_of(
        captured(MUG, TEE),
        Asked("HAT"),
        Asked("MUG", Decimal("0.5")),
        Asked("TEE", Decimal(0)),
        Asked("TEE", Decimal(1)),
    ) == {
        ("lines.0.line_id", "unknown_line"),
        ("lines.1.quantity", "too_many_decimals"),
        ("lines.2.quantity", "quantity_not_positive"),
        ("lines.3.line_id", "line_twice"),
    }


def test_a_part_of_a_bundle_alone_is_refused() -> None:
    order = captured(PLATE, CUP, MUG)

    assert faults_of(order, Asked("set/PLATE", Decimal(2))) == {("lines", "part_of_a_bundle")}


@pytest.mark.parametrize(
    "asked",
    [
        (Asked("set", Decimal(1)),),
        (Asked("set/PLATE", Decimal(2)), Asked("set/CUP", Decimal(1))),
    ],
)
def test_a_bundle_is_cancelled_with_all_its_parts(asked: tuple[Asked, ...]) -> None:
    order = captured(PLATE, CUP, MUG)

    after = evolve_all(order, cancelling._decided(order, asked, "why", "").events)

    assert [counts.cancelled for counts in after.progress.counts] == [2, 1, 0]


def test_all_of_a_bundle_is_cancelled_by_its_name() -> None:
    order = captured(PLATE, CUP, MUG)

    after = evolve_all(order, cancelling._decided(order, [Asked("set")], "why", "").events)

    assert [counts.cancelled for counts in after.progress.counts] == [4, 2, 0]


# --- properties -----------------------------------------------------------------------------


def at_work(order: Order, *steps: str) -> Order:
    for step in steps:
        for part in order.live_fulfillments:
            events = (
                decisions.ship(order, part.id, "c", "t")
                if step == "ship"
                else getattr(decisions, step)(order, part.id)
            )
            order = given(order, *events)
    return order


def _lines() -> st.SearchStrategy[tuple[Line, ...]]:
    return st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 9_999)), min_size=1, max_size=4
    ).map(
        lambda parts: tuple(
            line(f"SKU{number}", units, price) for number, (units, price) in enumerate(parts)
        )
    )


_STATES = ("captured", "backordered", "sourced", "released", "accepted", "picked", "split")


def _in_state(lines: tuple[Line, ...], state: str) -> Order:
    order = captured(*lines)
    if state == "backordered":
        return given(order, happened.OrderBackordered((lines[0].line_id,), "none"))
    if state == "captured":
        return order
    order = given(order, happened.OrderSourced(allocated(order), "rule", "why"))
    paid = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "ref", "key"
    )
    order = given(order, paid) if order.content.total else order.with_progress(state="authorized")
    if state == "sourced":
        return order
    order = given(order, *decisions.release(order))
    if state == "split" and len(lines) > 1:
        part = order.live_fulfillments[0]
        first = lines[0].line_id
        order = given(order, *work.split(order, part.id, {first: lines[0].quantity}))
        return given(order, *decisions.accept(order, order.live_fulfillments[0].id))
    steps = {"accepted": ("accept",), "picked": ("accept", "pick")}.get(state, ())
    return at_work(order, *steps)


@holds_for(lines=_lines(), state=st.sampled_from(_STATES), data=st.data())
def test_units_and_money_are_conserved_however_lines_are_cancelled(
    lines: tuple[Line, ...], state: str, data: st.DataObject
) -> None:
    order = _in_state(lines, state)
    total = order.content.total.minor
    for _ in range(data.draw(st.integers(1, 4))):
        units = {
            each.line_id: data.draw(st.integers(0, cancelling.cancellable(order, each.line_id)))
            for each in lines
        }
        if not any(units.values()) or order.cancel_requested:
            break
        decided = cancel_units(order, {key: n for key, n in units.items() if n}, "why")
        before, order = order, evolve_all(order, decided.events)
        freed = sum(one.quantity for one in decided.allocations if not one.component)
        held = sum(c.reserved + c.released for c in before.progress.counts)
        assert held - freed == sum(c.reserved + c.released for c in order.progress.counts)

    for index, each in enumerate(lines):
        counts = order.progress.counts[index]
        assert order.open_quantity(index) >= 0
        assert min(counts.reserved, counts.backordered, counts.released, counts.cancelled) >= 0
        at_nodes = sum(part.units.get(each.line_id, 0) for part in order.live_fulfillments)
        assert counts.released == at_nodes
    assert order.due.minor + order.progress.cancelled_amount == total


@holds_for(
    quantity=st.integers(1, 40), price=st.integers(0, 99_999), cuts=st.lists(st.integers(1, 40))
)
def test_the_amounts_of_the_parts_of_a_line_sum_to_the_line_to_the_cent(
    quantity: int, price: int, cuts: list[int]
) -> None:
    order = captured(line("MUG", quantity, price), line("TEE", 1, 1))
    whole = line_amounts(order)[0].minor
    for cut in [*cuts, quantity]:
        units = min(cut, quantity - order.progress.counts[0].cancelled)
        if units:
            order = evolve_all(order, cancel_units(order, {"MUG": units}, "why").events)

    assert order.progress.cancelled_amount == whole
