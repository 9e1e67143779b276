"""The order's lifecycle: a STANDARD state machine, its definition read from a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.constructs.alarm import FIVE_MINUTES, AlarmTopic
from infra.constructs.function import Function
from infra.deployment import Deployment, Waits

DEFINITION = Path(__file__).parent.parent / "state_machines" / "order_lifecycle.asl.json"


class OrderLifecycle(Construct):
    """``machine`` calls the functions of ``tasks``, which are the ones its definition names."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        tasks: Mapping[str, Function],
        deployment: Deployment,
        alarms: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(
                json.dumps(definition(deployment.waits))
            ),
            definition_substitutions={
                "MaxEscalations": str(deployment.waits.max_escalations),
                **{
                    f"{name.capitalize()}FunctionArn": task.function.function_arn
                    for name, task in tasks.items()
                },
            },
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
            logs=sfn.LogOptions(
                destination=logs.LogGroup(
                    self,
                    "Logs",
                    retention=deployment.log_retention,
                    removal_policy=RemovalPolicy.DESTROY,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        # grant_invoke would allow every version of the functions too; there are none.
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[task.function.function_arn for task in tasks.values()],
            )
        )
        self._watch(alarms)
        self._acknowledge()

    def _watch(self, alarms: AlarmTopic) -> None:
        alarms.watch(
            self,
            "FailedAlarm",
            self.machine.metric_failed(period=FIVE_MINUTES),
            at_least=1,
            says="An order needs a person: its execution failed.",
            runbook="failed-executions",
        )
        alarms.watch(
            self,
            "ThrottledAlarm",
            self.machine.metric_throttled(period=FIVE_MINUTES),
            at_least=1,
            periods=3,
            says="Step Functions holds orders back: the account's transition quota is used up.",
            runbook="throttles",
        )

    def _acknowledge(self) -> None:
        # cfn-lint does not know that a JSONata time-out may be an expression.
        machine = cast(sfn.CfnStateMachine, self.machine.node.default_child)
        machine.add_metadata("cfn-lint", {"config": {"ignore_checks": ["E3601"]}})
        acknowledge(
            self.machine.role.node.find_child("DefaultPolicy"),
            {
                "AwsSolutions-IAM5[Resource::*]": "The log delivery actions (CreateLogDelivery and "
                "its kin) and X-Ray's segments know no resource but '*'."
            },
        )


def definition(waits: Waits) -> dict[str, Any]:
    """The definition of the file with the time-outs of this deployment."""
    machine: dict[str, Any] = json.loads(DEFINITION.read_text())
    states = machine["States"]
    states["AwaitStock"]["TimeoutSeconds"] = waits.stock
    states["AwaitFulfillment"]["TimeoutSeconds"] = waits.fulfillment
    if waits.payment is not None:
        states["AwaitPayment"]["TimeoutSeconds"] = waits.payment
        states["AwaitCapture"]["TimeoutSeconds"] = waits.payment
    return machine
