"""Who may call what: a token of the right scope opens a resource, and nothing else does."""

import pytest

from infra.routes import ROUTES, Route
from local.deploy import SCOPES
from tests.e2e.stack import Api

# What no test makes.
MISSING = {
    "{order_id}": f"ord_{'a' * 26}",
    "{fulfillment_id}": f"ful_{'a' * 26}_1",
    "{sku}": "none",
    "{node_id}": "none",
    "{channel_id}": "none",
    "{caller}": "none",
    "{picklist_id}": "none",
}
GUARDED = [
    pytest.param(route, id=f"{route.method} {route.path}") for route in ROUTES if route.scope
]


def test_health_and_documentation_need_no_token(api: Api) -> None:
    assert api.get("/health", scopes=None).status_code == 200
    assert api.get("/openapi.json", scopes=None).status_code == 200
    assert api.get("/docs", scopes=None).status_code == 200


def test_a_forged_token_is_refused(api: Api) -> None:
    header, claims, signature = api.token().split(".")
    forged = f"{header}.{claims}.{signature[::-1]}"

    answer = api.get("/v1/nodes/any", scopes=None, headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401


@pytest.mark.parametrize("route", GUARDED)
def test_a_resource_opens_to_its_own_scope_and_to_no_other(api: Api, route: Route) -> None:
    path = route.path
    for name, value in MISSING.items():
        path = path.replace(name, value)
    others = [scope for scope in SCOPES if scope != route.scope]

    without_token = api.call(route.method, path, scopes=None)
    with_other_scopes = api.call(route.method, path, scopes=others)
    with_its_scope = api.call(route.method, path, scopes=[route.scope])

    assert (without_token.status_code, with_other_scopes.status_code) == (401, 403)
    assert with_its_scope.status_code in (200, 400, 404, 422), with_its_scope.text
