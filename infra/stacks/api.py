"""The HTTP API: a stack of its own, because its routes are what there is most of."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.constructs.api import Api
from infra.deployment import Deployment
from infra.routes import ROUTES
from infra.stacks.data import DataStack
from infra.stacks.service import ServiceStack


class ApiStack(Stack):
    """It knows the other two; neither of them knows it, nor the address that it has."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        data: DataStack,
        service: ServiceStack,
        deployment: Deployment,
    ) -> None:
        super().__init__(scope, construct_id, description="OMS: HTTP API")
        api = Api(
            self,
            "Api",
            routes=ROUTES,
            functions=service.functions,
            identity=data.identity,
            deployment=deployment,
            alarms=service.alarms,
        ).api
        CfnOutput(self, "ApiUrl", value=api.api_endpoint)
        CfnOutput(self, "ApiId", value=api.api_id)
