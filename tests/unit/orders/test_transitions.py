"""Every state with every step, for every way a fulfilment can go, for picklists and parcels: the
tables, and what decides by them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from oms.fulfillment.parcels import (
    PACKING_TRANSITIONS,
    Choice,
    Label,
    Packing,
    PackingState,
    Parcel,
)
from oms.fulfillment.parcels import may as may_parcels
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
    may,
    report,
)
from oms.kernel.errors import Conflict
from oms.kernel.ids import fulfillment_id
from oms.orders import decisions, work
from oms.orders.decisions import Events
from oms.orders.evolve import evolve_all
from oms.orders.model import (
    Counts,
    Fulfillment,
    FulfillmentLine,
    FulfillmentState,
    Method,
    Order,
    Units,
)
from oms.orders.model import State as OrderState
from oms.orders.transitions import STEPS, STEPS_OUT, TRANSITIONS, after
from oms.returns import coming_back
from oms.returns.model import Disposition, Inspected
from tests.samples import NOW, captured, line

NODE = "sp-dc"
UNITS = 3
ALL_STEPS = (*STEPS, *STEPS_OUT)
ON_THE_WAY = {FulfillmentState.SHIPPED, FulfillmentState.READY, FulfillmentState.DELIVERED}

Pair = tuple[Method, FulfillmentState, str]

PAIRS: list[Pair] = [
    (method, state, step) for method in Method for state in FulfillmentState for step in ALL_STEPS
]


def leads_to(method: Method, state: FulfillmentState, step: str) -> FulfillmentState | None:
    return TRANSITIONS[method].get(state, {}).get(step)


def is_repeat(method: Method, state: FulfillmentState, step: str) -> bool:
    """Whether the step has led to this state already."""
    return any(steps.get(step) is state for steps in TRANSITIONS[method].values())


def was_shipped(method: Method, state: FulfillmentState) -> bool:
    """Shipping the same parcel again is a repeat for as long as it is on its way, or there."""
    shipped = any("ship" in steps for steps in TRANSITIONS[method].values())
    return shipped and state in ON_THE_WAY & states_of(method)


def states_of(method: Method) -> set[FulfillmentState]:
    table = TRANSITIONS[method]
    return {*table, *(to for steps in table.values() for to in steps.values())}


def named(pairs: Iterator[Pair]) -> list[object]:
    return [
        pytest.param(method, state, step, id=f"{method}-{state}-{step}")
        for method, state, step in pairs
    ]


def order_with(method: Method, state: FulfillmentState) -> Order:
    """A released order with one fulfilment, as far along as that."""
    ordered = captured(line("MUG", UNITS))
    counted = {
        FulfillmentState.SHIPPED: Counts(shipped=UNITS),
        FulfillmentState.DELIVERED: Counts(delivered=UNITS),
    }
    counts = counted.get(state, Counts(released=UNITS))
    hand_over_at = {Method.PICKUP: NODE, Method.SHIP_TO_STORE: "rj-store"}.get(method, "")
    part = Fulfillment(
        part_of(ordered),
        NODE,
        (FulfillmentLine("MUG", UNITS),),
        state=state,
        method=method,
        hand_over_at=hand_over_at,
        tracking_number="BR1" if was_shipped(method, state) else "",
    )
    return ordered.with_progress(state=OrderState.RELEASED, counts=(counts,), fulfillments=(part,))


def part_of(order: Order, number: int = 1) -> str:
    return fulfillment_id(order.order_id, number)


def moved(order: Order) -> Events:
    part = replace(order.progress.fulfillments[0], id=part_of(order, 2), node="rj-store")
    return work.move(order, part_of(order), part, "nearer")


def merged(order: Order) -> Events:
    """Into another one that is as far along."""
    other = replace(order.progress.fulfillments[0], id=part_of(order, 2), lines=())
    both = order.with_progress(fulfillments=(*order.progress.fulfillments, other))
    return work.merge(both, other.id, [part_of(order)])


def brought_back(order: Order) -> Events:
    found = order.progress.fulfillments[0]
    came = (Inspected("MUG", Disposition.RESTOCK, UNITS),)
    return coming_back.decide(order, found, came, coming_back.AskedBack("b1", NODE))


DECIDES: dict[str, Callable[[Order], Events]] = {
    "accept": lambda order: decisions.accept(order, part_of(order)),
    "pick": lambda order: decisions.pick(order, part_of(order)),
    "pack": lambda order: decisions.pack(order, part_of(order)),
    "ship": lambda order: decisions.ship(order, part_of(order), "Correios", "BR1"),
    "deliver": lambda order: decisions.deliver(order, part_of(order)),
    "hand_over": lambda order: work.hand_over(order, part_of(order), {}),
    "expire": lambda order: work.expire(order, part_of(order), "not collected"),
    "reject": lambda order: work.reject(order, part_of(order), {}, "damaged"),
    "move": moved,
    "merge": merged,
    "bring_back": brought_back,
}


def ready_step(method: Method) -> str:
    """How a fulfilment gets ready: it arrives where it is handed over, or lies there."""
    return "arrive" if method is Method.SHIP_TO_STORE else "ready"


def decide(order: Order, step: str) -> Events:
    if step in ("ready", "arrive"):
        return work.make_ready(order, part_of(order), NOW + timedelta(days=7))
    return DECIDES[step](order)


def decided() -> Iterator[Pair]:
    """The pairs whose step is a decision by itself: the others (withdrawing, cancelling) are of a
    whole order's, which looks for what it may take back."""
    for method, state, step in PAIRS:
        is_other_way = step in ("ready", "arrive") and step != ready_step(method)
        if step not in ("withdraw", "cancel") and not is_other_way:
            yield method, state, step


def test_every_state_of_a_table_can_be_reached_and_every_step_has_a_name() -> None:
    for table in TRANSITIONS.values():
        reached = {to for steps in table.values() for to in steps.values()}
        assert table.keys() - reached == {FulfillmentState.OPEN}
        assert {step for steps in table.values() for step in steps} <= {*ALL_STEPS}


@pytest.mark.parametrize(("method", "state", "step"), named(iter(PAIRS)))
def test_a_step_leads_where_its_table_says_and_nowhere_else(
    method: Method, state: FulfillmentState, step: str
) -> None:
    if to := leads_to(method, state, step):
        assert after(method, state, step) is to
    elif is_repeat(method, state, step):
        assert after(method, state, step) is None
    else:
        with pytest.raises(Conflict) as refused:
            after(method, state, step)
        assert refused.value.problem_code == "illegal_transition"
        by_itself = {"withdraw", "cancel", "expire"}
        assert refused.value.context == {
            "state": state,
            "allowed": sorted(TRANSITIONS[method].get(state, {}).keys() - by_itself),
        }


@pytest.mark.parametrize(("method", "state", "step"), named(decided()))
def test_what_is_decided_follows_the_table(
    method: Method, state: FulfillmentState, step: str
) -> None:
    order = order_with(method, state)
    if to := leads_to(method, state, step):
        events = decide(order, step)
        if step != "merge":
            assert evolve_all(order, events).progress.fulfillments[0].state is to
        assert events
    elif is_repeat(method, state, step) or (step == "ship" and was_shipped(method, state)):
        assert decide(order, step) == ()
    else:
        with pytest.raises(Conflict) as refused:
            decide(order, step)
        assert refused.value.problem_code == "illegal_transition"


@pytest.mark.parametrize(
    ("method", "state"),
    [(method, state) for method in Method for state in sorted(states_of(method))],
)
def test_only_what_has_not_left_is_withdrawn(method: Method, state: FulfillmentState) -> None:
    order = order_with(method, state)
    withdrawn = evolve_all(order, decisions.withdraw(order)).progress.fulfillments[0].state
    assert withdrawn is (leads_to(method, state, "withdraw") or state)


# --- picklists ------------------------------------------------------------------------------------

PICKLIST_STEPS = sorted({step for steps in PICKLIST_TRANSITIONS.values() for step in steps})


def picklist(state: PicklistState, item: ItemState = ItemState.PENDING) -> Picklist:
    items = (PickItem("ful_1", "MUG", "MUG", "The MUG", UNITS, state=item),)
    return Picklist("pkl_1", NODE, Batching.WAVE, NOW, items, state=state, assigned_to="ana")


@pytest.mark.parametrize("state", PicklistState)
@pytest.mark.parametrize("step", PICKLIST_STEPS)
def test_a_picklist_takes_the_steps_of_its_table_and_no_other(
    state: PicklistState, step: str
) -> None:
    allowed = PICKLIST_TRANSITIONS[state]
    if step in allowed:
        may(picklist(state), step)
        return
    with pytest.raises(Conflict) as refused:
        may(picklist(state), step)
    assert refused.value.problem_code == "illegal_transition"
    assert refused.value.context == {"state": state, "allowed": sorted(allowed)}


PICKLIST_DECIDES: dict[str, Callable[[Picklist], Picklist]] = {
    "assign": lambda found: assign(found, "rui"),
    "cancel": cancel,
    "pick": lambda found: report(found, [Reported("ful_1", "MUG")]),
}


@pytest.mark.parametrize("state", PicklistState)
@pytest.mark.parametrize("step", sorted(PICKLIST_DECIDES))
def test_what_is_done_with_a_picklist_follows_its_table(state: PicklistState, step: str) -> None:
    to = PICKLIST_TRANSITIONS[state].get(step)
    if to:
        assert PICKLIST_DECIDES[step](picklist(state)).state is to
    elif any(steps.get(step) is state for steps in PICKLIST_TRANSITIONS.values()):
        said = ItemState.PICKED if step == "pick" else ItemState.PENDING
        before = picklist(state, said)
        before = replace(before, items=(replace(before.items[0], picked=UNITS),))
        assert PICKLIST_DECIDES[step](before).state is state
    else:
        with pytest.raises(Conflict) as refused:
            PICKLIST_DECIDES[step](picklist(state))
        assert refused.value.problem_code == "illegal_transition"


@pytest.mark.parametrize("state", ItemState)
@pytest.mark.parametrize("picked", [UNITS, UNITS - 1])
def test_an_item_is_reported_once(state: ItemState, picked: int) -> None:
    found = picklist(PicklistState.ASSIGNED, state)
    step = "pick" if picked == UNITS else "short"
    if to := ITEM_TRANSITIONS[state].get(step):
        told = report(found, [Reported("ful_1", "MUG", picked, "damaged")])
        assert told.items[0].state is to
    else:
        with pytest.raises(Conflict) as refused:
            report(found, [Reported("ful_1", "MUG", picked)])
        assert refused.value.problem_code == "already_reported"


# --- parcels --------------------------------------------------------------------------------------

PACKING_STEPS = sorted({step for steps in PACKING_TRANSITIONS.values() for step in steps})
CHOICE = Choice("pac", "PAC", "Correios", "simulator", "BRL", date(2026, 5, 9), "the cheapest")
LABEL = Label("SM1", "sim_SM1", 1000, "pcl_1_1:label:1")
NOT_TAKEN = {
    PackingState.PROPOSED: "not_labelled",
    PackingState.PACKED: "not_labelled",
    PackingState.LABELLING: "label_pending",
    PackingState.LABELLED: "labelled",
    PackingState.CANCELLING: "label_pending",
    PackingState.SHIPPED: "shipped",
}


def packing(state: PackingState) -> Packing:
    proposed = Packing("ful_1", NODE, (Parcel("pcl_1_1", (Units("MUG", UNITS),)),))
    if state is PackingState.PROPOSED:
        return proposed
    packed = replace(proposed, version=1)
    if state is PackingState.PACKED:
        return packed
    labelling = replace(packed, choice=CHOICE)
    if state is PackingState.LABELLING:
        return labelling
    labelled = labelling.with_labels([LABEL])
    if state is PackingState.LABELLED:
        return labelled
    if state is PackingState.SHIPPED:
        return replace(labelled, shipped=True)
    return replace(labelled, cancelling=True)


@pytest.mark.parametrize("state", PackingState)
@pytest.mark.parametrize("step", PACKING_STEPS)
def test_parcels_take_the_steps_of_their_table_and_no_other(state: PackingState, step: str) -> None:
    found, allowed = packing(state), PACKING_TRANSITIONS[state]
    assert found.state is state
    if step in allowed:
        may_parcels(found, step)
        return
    with pytest.raises(Conflict) as refused:
        may_parcels(found, step)
    assert refused.value.problem_code == NOT_TAKEN[state]
    assert refused.value.context == {"state": state, "allowed": sorted(allowed)}
