"""The app as a whole: what it refuses, what it leaves to CloudFormation, and its two targets."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from infra.app import check_rules
from infra.deployment import Deployment, from_context
from oms.promising.asking import HORIZON
from tests.infra.template import Templates

# The property that would fix a resource's name, and with it keep a second stack out of an account.
NAMED_BY = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Cognito::UserPool": "UserPoolName",
    "AWS::Cognito::UserPoolClient": "ClientName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Key": "KeyName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


def test_a_finding_that_nobody_acknowledged_stops_the_synth(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    sqs.Queue(cdk.Stack(app, "Careless"), "Queue")
    check_rules(app)

    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()


def test_names_are_left_to_cloudformation(aws: Templates) -> None:
    for kind, property_name in NAMED_BY.items():
        for resource in [each for each in aws.resources.values() if each.type == kind]:
            assert property_name not in resource.properties, resource


def test_the_names_that_must_be_given_carry_the_stack(aws: Templates) -> None:
    """CloudFormation makes none for an event bus, and Cognito's domains are shared by everybody."""
    (bus,) = aws.of("AWS::Events::EventBus")
    (domain,) = aws.of("AWS::Cognito::UserPoolDomain")

    assert bus.properties["Name"].startswith("OmsService")
    assert "AWS::StackId" in str(domain.properties["Domain"])


def test_each_stack_stays_far_from_the_limit_of_500_resources(aws: Templates) -> None:
    sizes = Counter(each.stack for each in aws.resources.values())

    assert set(sizes) == {"OmsData", "OmsService", "OmsApi"}
    assert max(sizes.values()) < 400, sizes


def test_whatever_the_api_is_made_of_is_in_its_own_stack(aws: Templates) -> None:
    """A route that is added costs the service stack nothing."""
    for resource in aws.resources.values():
        if resource.type.startswith("AWS::ApiGatewayV2::"):
            assert resource.stack == "OmsApi", resource
    for permission in aws.of("AWS::Lambda::Permission"):
        called_by_the_api = permission.properties["Principal"] == "apigateway.amazonaws.com"
        assert called_by_the_api == (permission.stack == "OmsApi"), permission


def test_a_laptop_keeps_nothing_and_waits_for_little() -> None:
    laptop = deployment(target="local")

    assert laptop.keep is cdk.RemovalPolicy.DESTROY
    assert laptop.visibility_seconds(30) == laptop.timeout_seconds(30) == 15
    assert laptop.waits.payment == 86_400


def test_on_aws_what_matters_is_kept_and_functions_run_on_arm() -> None:
    account = deployment()

    assert account.keep is cdk.RemovalPolicy.RETAIN
    assert account.architecture.name == "arm64"
    assert account.visibility_seconds(30) == 180
    assert account.waits.payment is None


def test_an_order_waits_for_stock_longer_than_promises_reach() -> None:
    assert deployment().waits.stock >= (HORIZON + timedelta(days=30)).total_seconds()


def test_each_wait_can_be_set_from_the_command_line() -> None:
    waits = deployment(
        await_stock_seconds="5",
        await_payment_seconds="6",
        await_fulfillment_seconds="7",
        max_escalations="2",
    ).waits

    assert (waits.stock, waits.payment, waits.fulfillment, waits.max_escalations) == (5, 6, 7, 2)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="target must be 'aws' or 'local'"):
        deployment(target="azure")


def deployment(**context: str) -> Deployment:
    return from_context(cdk.App(context=dict[str, object](context)).node)
