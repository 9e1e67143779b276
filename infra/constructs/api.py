"""The HTTP API: every route needs a token with its scope, but for the few that say otherwise."""

import json
from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.constructs.alarm import FIVE_MINUTES, AlarmTopic
from infra.constructs.function import Function
from infra.constructs.identity import Identity
from infra.deployment import Deployment
from infra.routes import Route

_LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "client": "$context.authorizer.claims.client_id",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "error": "$context.error.message",
    "authorizerError": "$context.authorizer.error",
    "integrationError": "$context.integrationErrorMessage",
}


class Api(Construct):
    """``api`` sends each of ``routes`` to its function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        routes: Sequence[Route],
        functions: Mapping[str, Function],
        identity: Identity,
        deployment: Deployment,
        alarms: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(
            self, "Http", create_default_stage=False, description="Order management"
        )
        self._stage(deployment)
        self._connect(routes, functions, identity)
        alarms.watch(
            self,
            "ServerErrorsAlarm",
            self.api.metric_server_error(period=FIVE_MINUTES),
            at_least=5,
            says="The API answered five requests in five minutes with a server error.",
            runbook="api-errors",
        )

    def _stage(self, deployment: Deployment) -> None:
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            retention=deployment.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            # An order takes some 40 ms of one function: the rate needs about 100 at once.
            throttle=apigateway.ThrottleSettings(rate_limit=2000, burst_limit=4000),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_log.log_group_arn, format=json.dumps(_LOGGED)
        )

    def _connect(
        self, routes: Sequence[Route], functions: Mapping[str, Function], identity: Identity
    ) -> None:
        authorizer = authorizers.HttpUserPoolAuthorizer(
            "Tokens", identity.pool, user_pool_clients=[identity.client]
        )
        to_function = {
            name: integrations.HttpLambdaIntegration(
                name, functions[name].function, scope_permission_to_route=False
            )
            for name in sorted({route.function for route in routes})
        }
        for route in routes:
            added = self.api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod[route.method]],
                integration=to_function[route.function],
                authorizer=authorizer if route.scope else None,
                authorization_scopes=[route.scope] if route.scope else None,
            )
            if not route.scope:
                acknowledge(added[0], {"AwsSolutions-APIG4": route.open_because})
