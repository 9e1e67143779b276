"""Alarms: each tells a person what is wrong and where to read what to do."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge

FIVE_MINUTES = Duration.minutes(5)


class AlarmTopic(Construct):
    """Where alarms go; an operator subscribes a mailbox or a pager to ``topic``."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # CloudWatch may not use the key that AWS manages for SNS, so the topic has its own.
        key = kms.Key(
            self,
            "Key",
            description="OMS alarm notifications",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        cloudwatch_alarms = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        key.grant(cloudwatch_alarms, "kms:Decrypt", "kms:GenerateDataKey")
        acknowledge(
            key,
            {
                "Policy[Action::kms:*]": "The account itself must be able to manage its key.",
                "Policy[Resource::*]": "A key's own policy calls that one key '*'.",
            },
        )
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # A topic with a policy, here the one that enforces TLS, loses the policy it begins with.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch_alarms],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        self._action = actions.SnsAction(self.topic)

    def watch(
        self,
        scope: Construct,
        construct_id: str,
        metric: cloudwatch.IMetric,
        *,
        at_least: float,
        says: str,
        runbook: str,
        periods: int = 1,
    ) -> cloudwatch.Alarm:
        """Alarm when ``metric`` reaches ``at_least`` in each of ``periods``.

        ``says`` is the sentence a person reads first, ``runbook`` the heading in docs/runbook.md
        that tells what to do.
        """
        alarm = cloudwatch.Alarm(
            scope,
            construct_id,
            metric=metric,
            threshold=at_least,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{says} What to do: docs/runbook.md#{runbook}",
        )
        alarm.add_alarm_action(self._action)
        return alarm
