"""At the counter, as a property: whatever is taken, declined, added and removed, in whatever order,
what the customer paid is what it keeps, and no unit is in two places."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.orders import counter, decisions, paying, work
from oms.orders import events as happened
from oms.orders.counter import Change, TillPayment, due_when_handed_over
from oms.orders.decisions import Events
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import FulfillmentState, Line, Method, Order, PaymentRequest, State
from oms.payments.model import IN_STORE
from tests.samples import NOW, allocated, content, line, money
from tests.samples import given as after

STORE = "rj-store"
Till = TillPayment | None
UNTIL = NOW + timedelta(days=7)


def ready(
    *lines: Line,
    deferred: bool = False,
    shipping: int = 0,
    node: str = STORE,
    discount: int = 0,
    in_advance: int = 0,
) -> Order:
    """One fulfilment lies ready at the store; its units came from ``node``. ``in_advance``: how
    much of it was taken before, of what is not held on a card."""
    way = Method.PICKUP if node == STORE else Method.SHIP_TO_STORE
    asked = content(*(replace(one, method=way, pickup_node=STORE) for one in lines))
    total = asked.total.minor + shipping
    discount = min(discount, total)
    asked = replace(
        asked, shipping=money(shipping), discount=money(discount), total=money(total - discount)
    )
    if deferred:
        asked = replace(asked, payments=(PaymentRequest(IN_STORE, "store", money(0)),))
    order = begin(happened.OrderCaptured(asked))
    order = after(order, *decisions.source(order, allocated(order, node), "rule", "why"))
    if in_advance := min(in_advance if deferred else total, order.due.minor) if in_advance else 0:
        order = after(order, *paying.collect_payment(order, in_advance, "paid", "p"))
    if deferred:
        order = after(order, *paying.defer_payment(order))
    elif not in_advance:
        order = after(order, *paying.authorize_payment(order, order.due.minor, "auth", "a"))
    order = after(order, *decisions.release(order))
    (part,) = order.progress.fulfillments
    order = after(order, *decisions.accept(order, part.id))
    order = after(order, *decisions.pick(order, part.id))
    if way is Method.SHIP_TO_STORE:
        order = after(order, *decisions.pack(order, part.id))
        order = after(order, *decisions.ship(order, part.id, "Correios", "BR1"))
    return after(order, *work.make_ready(order, part.id, UNTIL))


def part_of(order: Order) -> str:
    return order.progress.fulfillments[0].id


steps = st.lists(
    st.tuples(
        st.sampled_from(("hand_over", "decline", "add", "remove")),
        st.sampled_from(("MUG", "TEE")),
        st.integers(1, 3),
        st.integers(1, 999),
    ),
    max_size=6,
)


@given(
    steps,
    st.booleans(),
    st.integers(0, 500),
    st.sampled_from((STORE, "sp-dc")),
    st.tuples(st.integers(1, 3), st.integers(1, 999), st.integers(1, 999)),
    st.integers(0, 2000),
    st.sampled_from((0, 0, 1, 500)),
)
@settings(max_examples=300, deadline=None)
def test_what_is_paid_is_what_is_due_for_what_is_kept(
    walk: list[tuple[str, str, int, int]],
    deferred: bool,
    shipping: int,
    node: str,
    sold: tuple[int, int, int],
    discount: int,
    in_advance: int,
) -> None:
    mugs, price, other = sold
    price += discount
    order = ready(
        line("MUG", mugs, price),
        line("TEE", 2, other),
        deferred=deferred,
        shipping=shipping,
        node=node,
        discount=discount,
        in_advance=in_advance,
    )
    for number, (step, sku, units, amount) in enumerate(walk):
        if order.cancel_requested:
            break
        order = taken(order, step, sku, units, amount, number)
        assert_whole(order)
    order = ended(order, len(walk))

    assert_whole(order)
    if order.cancel_requested:
        assert not order.payments.captured or order.payments.refundable.minor >= 0
        return
    assert order.state is State.DELIVERED
    owed = paying.amount_to_capture(order)
    assert owed == 0 or not deferred
    assert owed <= order.payments.capturable.minor
    if owed:
        order = after(
            order, *paying.settle(order, [paying.Taken(order.payments.each[0].id, owed, "c")])
        )
    assert order.payments.captured - order.payments.refund_pending == order.due


def taken(order: Order, step: str, sku: str, units: int, amount: int, number: int) -> Order:
    """The order after a step; as it was where there is nothing to do it with."""
    part = part_of(order)
    found = order.fulfillment(part)
    assert found is not None
    if found.state is not FulfillmentState.READY:
        return order
    there = found.units.get(sku, 0)
    some = {sku: min(units, there)} if there else {}
    added = (replace(line(sku, units, amount, f"more-{number}"), method=Method.PICKUP),)
    match step:
        case "hand_over" if some:
            return paid(order, number, lambda one, by: counter.hand_over(one, part, some, by))
        case "decline" if some:
            return after(order, *work.expire_some(order, part, some, "declined", declined=True))
        case "add":
            wanted = Change(added, {sku}, {})
            return paid(order, number, lambda one, by: counter.change(one, part, wanted, by))
        case "remove" if some:
            less = Change((), set(), some)
            return paid(order, number, lambda one, by: counter.change(one, part, less, by))
    return order


def ended(order: Order, number: int) -> Order:
    found = order.fulfillment(part_of(order))
    assert found is not None
    if order.cancel_requested or found.state is not FulfillmentState.READY:
        return order
    return paid(order, number, lambda one, by: counter.hand_over(one, found.id, {}, by))


def paid(order: Order, number: int, decide: Callable[[Order, Till], Events]) -> Order:
    """With what the refusal says is due, where it says so."""
    due = due_after(order, decide)
    payment = TillPayment(due.minor, f"T-{number}", "cash") if due else None
    return after(order, *decide(order, payment))


def due_after(order: Order, decide: Callable[[Order, Till], Events]) -> Money:
    try:
        decide(order, None)
    except Invalid as refused:
        return Money.parse(str(refused.context["due"]), "BRL")
    return money(0)


def assert_whole(order: Order) -> None:
    """Every unit is in one place, and in a fulfilment where its counter says so."""
    at_work = {one.line_id: 0 for one in order.content.lines}
    for part in order.live_fulfillments:
        for line_id, units in part.units.items():
            at_work[line_id] += units
    for index, one in enumerate(order.content.lines):
        counts = order.progress.counts[index]
        assert order.open_quantity(index) == 0
        assert counts.released + counts.shipped + counts.delivered == at_work[one.line_id]


def test_what_was_handed_over_is_handed_over_no_more() -> None:
    order = ready(line("MUG"))
    part = part_of(order)
    done = after(order, *counter.hand_over(order, part, {}, None))

    assert counter.hand_over(done, part, {}, None) == ()
    assert due_when_handed_over(done, part) == money(0)
    with pytest.raises(Conflict) as refused:
        counter.change(done, part, Change((), set(), {"MUG": 1}), None)
    assert refused.value.problem_code == "illegal_transition"


def test_while_an_order_is_cancelled_nothing_of_it_is_handed_over() -> None:
    order = ready(line("MUG"))
    order = after(order, *decisions.request_cancel(order, "changed my mind"))

    with pytest.raises(Conflict) as refused:
        counter.hand_over(order, part_of(order), {}, None)

    assert refused.value.problem_code == "cancelling"


@pytest.mark.parametrize("reason", ["not_collected", "declined"])
def test_an_order_of_which_nothing_is_left_is_to_be_cancelled(reason: str) -> None:
    order = ready(line("MUG", 2), line("TEE"))

    events = work.expire(order, part_of(order), reason, declined=reason == "declined")

    assert [type(event) for event in events] == [
        happened.FulfillmentUncollected,
        happened.UnitsCancelled,
        happened.CancelRequested,
    ]
    assert evolve_all(order, events).cancel_requested


def test_a_part_that_is_put_back_frees_its_skus() -> None:
    order = ready(line("MUG", 2), line("TEE"))

    events: Events = work.put_back(order, part_of(order), {"MUG": 1}, declined=True)

    split, uncollected = events
    assert isinstance(split, happened.FulfillmentSplit)
    assert uncollected == happened.FulfillmentUncollected(split.part.id, True, ("MUG",))
