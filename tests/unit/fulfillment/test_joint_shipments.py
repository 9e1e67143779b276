"""What may travel together, and under which name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.fulfillment.joint_shipments import MOST_MEMBERS, apart, shipment_id, shipment_of, unfit
from oms.fulfillment.worklist import Work
from oms.kernel.errors import Conflict
from oms.orders.events import CancelRequested, OrderCaptured
from oms.orders.evolve import begin, evolve
from oms.orders.model import Fulfillment, FulfillmentLine, FulfillmentState, Method
from tests.samples import content, line

PART = Fulfillment("ful_1", "sp-dc", (FulfillmentLine("MUG", 1),))


def work(number: int, **changes: object) -> Work:
    order = begin(OrderCaptured(content(line("MUG"), number=f"{number}")))
    part = replace(PART, id=f"ful_{number}", **changes)  # type: ignore[arg-type]
    return Work(order, part)


def test_the_same_members_are_the_same_shipment() -> None:
    first, second = work(1), work(2)
    assert shipment_of([first, second]) == shipment_of([second, first])


@given(st.lists(st.text("ab", min_size=1), min_size=2, max_size=5, unique=True))
def test_other_members_are_another_shipment(members: list[str]) -> None:
    assert shipment_id(members) == shipment_id(reversed(members))
    assert shipment_id(members) != shipment_id(members[1:])


@pytest.mark.parametrize(
    "changes",
    [
        {"state": FulfillmentState.SHIPPED},
        {"state": FulfillmentState.REJECTED},
        {"method": Method.PICKUP},
        {"drop_ship": True},
        {"shipment": "shp_other"},
    ],
)
def test_what_cannot_travel_with_others_is_refused(changes: dict[str, object]) -> None:
    assert unfit(work(2, **changes))
    with pytest.raises(Conflict) as refused:
        shipment_of([work(1), work(2, **changes)])
    assert refused.value.problem_code == "not_mergeable"


def test_what_travels_with_it_already_stays() -> None:
    shipment = shipment_of([work(1), work(2)])
    joined = [work(number, shipment=shipment.id) for number in (1, 2)]
    assert shipment_of(joined) == shipment


def test_an_order_that_is_being_cancelled_stays_behind() -> None:
    own = work(1)
    assert unfit(replace(own, order=evolve(own.order, CancelRequested("no"))))


def test_coordinates_do_not_make_another_address() -> None:
    own, other = work(1), work(2)
    address = replace(other.order.content.shipping_address, latitude=None)
    elsewhere = replace(other.order.content, shipping_address=address)
    assert apart(own, replace(other, order=replace(other.order, content=elsewhere))) == ""


@pytest.mark.parametrize("members", [1, MOST_MEMBERS + 1])
def test_a_shipment_has_so_many_members(members: int) -> None:
    with pytest.raises(Conflict) as refused:
        shipment_of([work(number) for number in range(members)])
    assert refused.value.problem_code == "not_mergeable"
