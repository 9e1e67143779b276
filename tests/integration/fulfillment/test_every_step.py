"""Whatever changes a node's work is refused to staff of another node: every route that there is."""

from typing import Any

import pytest

from infra.routes import ROUTES, Route
from tests.integration.fulfillment.test_picking import collect, work
from tests.integration.gateway import Gateway
from tests.integration.world import World

# What each route wants to be sent before it looks at whose work it is.
BODIES: dict[str, Any] = {
    "/v1/nodes/{node_id}/switch": {"on": False},
    "/v1/nodes/{node_id}/picklists": {},
    "/v1/nodes/{node_id}/manifests": {"carrier": "simulated", "day": "2026-05-04"},
    "/v1/picklists/{picklist_id}/assign": {"assigned_to": "rita"},
    "/v1/picklists/{picklist_id}/picked": {},
    "/v1/fulfillments/{fulfillment_id}/bring-back": {"receipt_id": "1", "node": "sp-dc"},
    "/v1/returns/{return_id}/receive": {"receipt_id": "1", "node": "sp-dc"},
    "/v1/returns/{return_id}/inspect": {
        "inspection_id": "1",
        "node": "sp-dc",
        "lines": [{"line_id": "MUG", "dispositions": {"restock": 1}}],
    },
    "/v1/fulfillments/{fulfillment_id}/ship": {"carrier": "correios", "tracking_number": "1"},
    "/v1/fulfillments/{fulfillment_id}/reject": {"reason": "closed"},
    "/v1/fulfillments/{fulfillment_id}/split": {"lines": [{"line_id": "MUG", "quantity": 1}]},
    "/v1/fulfillments/{fulfillment_id}/merge": {"with": [f"ful_{'a' * 26}_1"]},
    "/v1/fulfillments/{fulfillment_id}/move": {"node": "rj-store", "reason": "closer"},
    "/v1/fulfillments/{fulfillment_id}/hand-over": {"code": "000000"},
    "/v1/fulfillments/{fulfillment_id}/counter-change": {"change_id": "1"},
}


STEPS = [
    pytest.param(route, id=f"{route.method} {route.path}")
    for route in ROUTES
    if route.scope == "oms/fulfillments.write"
]


@pytest.mark.parametrize("route", STEPS)
def test_staff_of_another_node_are_refused(oms: World, call: Gateway, route: Route) -> None:
    part = work(oms, 1)
    picklist = collect(call)["id"] if "picklist_id" in route.path else ""
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})[0] == 200
    path = route.path.replace("{fulfillment_id}", part).replace("{node_id}", "sp-dc")
    path = path.replace("{picklist_id}", picklist).replace("{return_id}", f"ret_{'a' * 26}_1")
    body = BODIES.get(route.path)
    if route.path == "/v1/shipments":
        body = {"fulfillments": [part, f"ful_{'a' * 26}_1"]}

    status, problem = call(route.function, f"{route.method} {path}", body, caller="rita")

    assert (status, problem["code"]) == (403, "not_your_node")
