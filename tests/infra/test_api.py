"""Nobody comes in without a token that holds the scope, but for the routes that say otherwise."""

import re

from infra.deployment import ROOT
from infra.routes import ROUTES
from local.deploy import SCOPES
from tests.infra.template import Resource, Templates

ROUTE = "AWS::ApiGatewayV2::Route"
OPEN = {
    "GET /",
    "GET /docs",
    "GET /openapi.json",
    "GET /health",
    "POST /v1/webhooks/{source}",
}
DECLARED = re.compile(r"@(?:app|router)\.(get|put|post|delete|patch)\(\s*\"([^\"]+)\"")


def test_every_route_but_the_named_ones_needs_a_token(aws: Templates) -> None:
    for route in guarded(aws):
        assert route.properties.get("AuthorizationType") == "JWT", key(route)
        assert aws.at(route.properties["AuthorizerId"]).properties["AuthorizerType"] == "JWT"


def test_a_token_on_this_machine_may_hold_every_scope_that_a_route_needs() -> None:
    assert {route.scope for route in ROUTES if route.scope} <= set(SCOPES)


def test_the_open_routes_are_these_and_no_others(aws: Templates) -> None:
    open_routes = {
        key(route) for route in aws.of(ROUTE) if route.properties["AuthorizationType"] == "NONE"
    }

    assert open_routes == OPEN


def test_every_guarded_route_needs_one_scope_that_a_client_can_hold(aws: Templates) -> None:
    held = {
        f"{server.properties['Identifier']}/{scope['ScopeName']}"
        for server in aws.of("AWS::Cognito::UserPoolResourceServer")
        for scope in server.properties["Scopes"]
    }
    for route in guarded(aws):
        scopes = route.properties.get("AuthorizationScopes", [])
        assert len(scopes) == 1, key(route)
        assert scopes[0] in held, key(route)


def test_who_may_only_read_cannot_write(aws: Templates) -> None:
    for route in guarded(aws):
        commits_nothing = key(route).startswith("GET ") or key(route).endswith(
            ("/simulate", "/suggest", "/lookup")
        )
        verb = "read" if commits_nothing else "write"
        assert route.properties["AuthorizationScopes"][0].endswith(f".{verb}"), key(route)


def test_every_open_route_says_why(aws: Templates) -> None:
    for route in aws.of(ROUTE):
        if key(route) in OPEN:
            assert "AwsSolutions-APIG4" in route.reasons, key(route)


def test_requests_are_logged_and_limited(aws: Templates) -> None:
    for stage in aws.of("AWS::ApiGatewayV2::Stage"):
        log = aws.at(stage.properties["AccessLogSettings"]["DestinationArn"])
        assert log.properties["RetentionInDays"] > 0
        assert stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
        assert stage.properties["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0


def test_no_address_of_a_caller_is_logged(aws: Templates) -> None:
    for stage in aws.of("AWS::ApiGatewayV2::Stage"):
        assert "sourceIp" not in stage.properties["AccessLogSettings"]["Format"]


def test_the_api_has_the_routes_that_the_functions_have() -> None:
    deployed = {(route.function, f"{route.method} {route.path}") for route in ROUTES}

    assert {each for each in deployed if " /v1/" in each[1]} == set(declared())


def declared() -> list[tuple[str, str]]:
    """Function and route of everything under /v1, as the handlers' decorators have them."""
    return [
        (handler.parent.name, f"{method.upper()} {path.replace('<', '{').replace('>', '}')}")
        for handler in (ROOT / "functions").glob("*/*.py")
        for method, path in DECLARED.findall(handler.read_text())
        if path.startswith("/v1/")
    ]


def guarded(aws: Templates) -> list[Resource]:
    return [route for route in aws.of(ROUTE) if key(route) not in OPEN]


def key(route: Resource) -> str:
    found: str = route.properties["RouteKey"]
    return found
