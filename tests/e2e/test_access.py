"""Who may call what: a token of the right scope opens a resource, and nothing else does."""

from tests.e2e.stack import Api


def test_health_and_documentation_need_no_token(api: Api) -> None:
    assert api.get("/health", scopes=None).status_code == 200
    assert api.get("/openapi.json", scopes=None).status_code == 200
    assert api.get("/docs", scopes=None).status_code == 200


def test_a_request_without_a_token_is_refused(api: Api) -> None:
    assert api.get("/v1/nodes/any", scopes=None).status_code == 401


def test_a_forged_token_is_refused(api: Api) -> None:
    header, claims, signature = api.token().split(".")
    forged = f"{header}.{claims}.{signature[::-1]}"

    answer = api.get("/v1/nodes/any", scopes=None, headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401


def test_a_token_for_reading_does_not_write(api: Api) -> None:
    assert api.get("/v1/nodes/any", scopes=["catalog.read"]).status_code == 404
    assert api.put("/v1/nodes/any", {}, scopes=["catalog.read"]).status_code == 403
    assert api.get("/v1/nodes/any", scopes=["orders.read"]).status_code == 403
