"""A function with all that belongs to it: code, layers, role, log group, traces, alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, SymlinkFollowMode
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.constructs.alarm import FIVE_MINUTES, AlarmTopic
from infra.deployment import Deployment
from infra.functions import FunctionPlan

NOT_CODE = ["**/__pycache__", "**/*.pyc"]


@dataclass(frozen=True, slots=True)
class Layers:
    """``oms`` is our code, ``dependencies`` are third-party packages for the architecture."""

    oms: lambda_.ILayerVersion
    dependencies: lambda_.ILayerVersion


def layers(scope: Construct, deployment: Deployment) -> Layers:
    """Raises ``FileNotFoundError`` when the layer of dependencies has not been built."""
    if not (deployment.dependencies / "python").is_dir():
        raise FileNotFoundError(f"{deployment.dependencies} is missing: run 'make build' first")
    return Layers(
        oms=_layer(scope, "OmsLayer", deployment, deployment.root / "layers" / "oms", NOT_CODE),
        dependencies=_layer(scope, "DependenciesLayer", deployment, deployment.dependencies, []),
    )


class Function(Construct):
    """``function`` runs ``functions.<name>.handler.handler`` as ``role``, for at most ``timeout``
    seconds."""

    def __init__(
        self,
        scope: Construct,
        plan: FunctionPlan,
        *,
        deployment: Deployment,
        shared: Layers,
        alarms: AlarmTopic,
        undelivered: sqs.IQueue | None = None,
    ) -> None:
        """``undelivered`` is for a function that is invoked asynchronously."""
        super().__init__(scope, plan.name.capitalize())
        self.timeout = plan.timeout
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=deployment.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        self.function = lambda_.Function(
            self,
            "Function",
            description=plan.purpose,
            code=_code(deployment.root, plan.name),
            handler=f"functions.{plan.name}.handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=deployment.architecture,
            layers=[shared.oms, shared.dependencies],
            memory_size=plan.memory,
            timeout=Duration.seconds(deployment.timeout_seconds(plan.timeout)),
            role=self.role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            dead_letter_queue=undelivered,
            environment={
                "POWERTOOLS_SERVICE_NAME": plan.name,
                "POWERTOOLS_METRICS_NAMESPACE": "OMS",
                "LOG_LEVEL": "INFO",
            },
        )
        self._watch(plan.name, alarms)
        self._acknowledge()

    def allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )

    def tell(self, variable: str, value: str) -> None:
        """Set an environment variable."""
        self.function.add_environment(variable, value)

    def _watch(self, name: str, alarms: AlarmTopic) -> None:
        alarms.watch(
            self,
            "ErrorsAlarm",
            self.function.metric_errors(period=FIVE_MINUTES),
            at_least=5,
            says=f"The function {name} failed five times in five minutes.",
            runbook="function-errors",
        )
        alarms.watch(
            self,
            "ThrottlesAlarm",
            self.function.metric_throttles(period=FIVE_MINUTES),
            at_least=1,
            periods=2,
            says=f"The function {name} is throttled: the account's concurrency is used up.",
            runbook="throttles",
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": "Python 3.13: the layer's packages are pinned, hashed and "
                "compiled for it; the runtime is raised together with them."
            },
        )
        acknowledge(
            self.role.node.find_child("DefaultPolicy"),
            {
                "AwsSolutions-IAM5[Resource::*]": "X-Ray takes segments for no resource in "
                "particular: PutTraceSegments and PutTelemetryRecords know only '*'."
            },
        )


def _code(root: Path, name: str) -> lambda_.Code:
    """A zip in which the handler has the import path that it has in tests.

    A link in a function's folder becomes what it leads to, such as docs/openapi.json.
    """
    if not (root / "functions" / name / "handler.py").is_file():
        raise FileNotFoundError(f"functions/{name}/handler.py is missing")
    return lambda_.Code.from_asset(
        str(root),
        follow_symlinks=SymlinkFollowMode.ALWAYS,
        ignore_mode=IgnoreMode.GIT,
        exclude=[
            "*",
            "!functions",
            "functions/*",
            "!functions/__init__.py",
            f"!functions/{name}",
            f"!functions/{name}/**",
            *NOT_CODE,
        ],
    )


def _layer(
    scope: Construct, construct_id: str, deployment: Deployment, path: Path, exclude: list[str]
) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(
        scope,
        construct_id,
        code=lambda_.Code.from_asset(str(path), exclude=exclude, ignore_mode=IgnoreMode.GIT),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[deployment.architecture],
        removal_policy=RemovalPolicy.DESTROY,
    )
