"""Single actions on single resources; where AWS knows nothing narrower than '*', a reason."""

import json

from tests.infra.template import Resource, Templates, listed, statements

POLICIES = (
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::KMS::Key",
)


def test_no_policy_has_a_wildcard_without_a_written_reason(aws: Templates) -> None:
    for policy in aws.of(*POLICIES):
        for finding in wildcards(policy):
            reasons = [why for rule, why in policy.reasons.items() if finding in rule]
            assert reasons, f"{policy} has {finding} and no reason"


def test_no_action_of_a_function_is_a_wildcard(aws: Templates) -> None:
    for policy in aws.of("AWS::IAM::Policy"):
        assert not any(each.startswith("Action::") for each in wildcards(policy)), policy


def test_no_role_has_a_policy_that_aws_manages(aws: Templates) -> None:
    for role in aws.of("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role.properties, role


def test_every_reason_is_on_the_resource_it_is_about(aws: Templates) -> None:
    """An acknowledgement higher up would silence what is added below it later."""
    for resource in aws.resources.values():
        for rule, reason in resource.reasons.items():
            assert len(reason) > 30, f"{resource}: {rule} has no reason worth the name"
            assert rule.startswith(RULES_OF[resource.type]), f"{rule} is not about {resource}"


def test_nobody_may_pass_a_service_another_account(aws: Templates) -> None:
    """Services that act for many customers are told for whom."""
    for role in aws.of("AWS::IAM::Role"):
        trust = json.dumps(role.properties["AssumeRolePolicyDocument"])
        if "lambda.amazonaws.com" not in trust:
            assert "aws:SourceAccount" in trust, role


RULES_OF = {
    "AWS::Lambda::Function": "AwsSolutions-L1",
    "AWS::IAM::Policy": "AwsSolutions-IAM5[Resource::*]",
    "AWS::SQS::Queue": "AwsSolutions-SQS3",
    "AWS::SecretsManager::Secret": "AwsSolutions-SMG4",
    "AWS::Cognito::UserPool": "AwsSolutions-COG",
    "AWS::ApiGatewayV2::Route": "AwsSolutions-APIG4",
    "AWS::KMS::Key": "Policy[",
}


def wildcards(policy: Resource) -> set[str]:
    """``Action::…`` and ``Resource::…`` of what the policy allows; what it denies may be wide."""
    found = set()
    for statement in statements(policy):
        if statement["Effect"] == "Allow":
            found |= {f"Action::{each}" for each in listed(statement["Action"]) if "*" in each}
            resources = [json.dumps(each).strip('"') for each in listed(statement["Resource"])]
            found |= {f"Resource::{each}" for each in resources if "*" in each}
    return found
