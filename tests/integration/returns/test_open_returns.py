"""Which returns wait for whom."""

import pytest

from oms.aws.view_store import ViewStore
from oms.reporting.open_returns import project_return
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import World
from tests.samples import NOW


def listed(call: Gateway, state: str) -> list[str]:
    status, page = call("returns", "GET /v1/returns", query={"state": state})
    assert status == 200, page
    return [one["id"] for one in page["returns"]]


def test_a_return_moves_from_list_to_list_and_leaves_the_last(
    desk: Desk, oms: World, call: Gateway
) -> None:
    desk.policy(approval_above=[{"amount": "0", "currency": "BRL"}])
    order = desk.delivered()
    name = desk.ask(order, {"MUG": 1})["id"]
    views = ViewStore(oms.client, "views")

    def where() -> list[str]:
        project_return(order.order_id, name, oms.orders, views, NOW)
        states = ("requested", "approved", "received", "inspected")
        return [state for state in states if listed(call, state) == [name]]

    assert where() == ["requested"]
    desk.step({"id": name}, "approve")
    assert where() == ["approved"]
    desk.receive({"id": name})
    assert where() == ["received"]
    desk.inspect({"id": name}, {"MUG": {"restock": 1}})
    assert where() == []


@pytest.mark.parametrize("state", ["rejected", "", "lost"])
def test_only_those_that_wait_are_listed(call: Gateway, state: str) -> None:
    assert call("returns", "GET /v1/returns", query={"state": state})[0] == 422
