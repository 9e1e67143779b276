"""What makes a function run. Each has a place for what could not be handled."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.constructs.alarm import FIVE_MINUTES, AlarmTopic
from infra.constructs.function import Function
from infra.constructs.queue import LATE, WorkQueue

SOURCES = ("oms.orders", "oms.inventory")
BY_WEBHOOK: Mapping[str, object] = {"by": events.Match.prefix("webhook:")}
WITH_A_PROMISE: Mapping[str, object] = {"data": {"promised": [True]}}
DROP_SHIPPED: Mapping[str, object] = {"data": {"drop_ship": [True]}}
A_DAY = Duration.days(1)


def feed_from_queue(
    function: Function,
    work: WorkQueue,
    *,
    batch_size: int,
    max_concurrency: int | None = None,
) -> None:
    """Each message is handled as soon as it is there; only those that fail come back.

    The function is told of the dead-letter queue, so that it can put a message there together with
    the reason, which SQS does not know when it moves one.
    """
    function.function.add_event_source(
        sources.SqsEventSource(
            work.queue,
            batch_size=batch_size,
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )
    )
    function.allow(["sqs:SendMessage"], [work.dead_letters.queue_arn])
    function.tell("DEAD_LETTER_QUEUE_URL", work.dead_letters.queue_url)
    function.tell("MAX_RECEIVES", str(work.max_receives))


def feed_from_stream(
    function: Function,
    table: dynamodb.ITable,
    failures: sqs.IQueue,
    *,
    only_items_with: str | None = None,
) -> None:
    """Every change of the table, in order for each item; changes of other items run beside it.
    With ``only_items_with`` nothing wakes the function but items that have that text attribute.

    What is given up goes to ``failures``: its place in the stream, not the record, and
    ``make redrive QUEUE=relay`` reads it there while the stream has it, which is 24 hours. Two
    bounds give up, because Lambda cannot tell what cannot be published now from what never can:

    - The age, for an outage of the bus. Lambda passes over what is older without trying it, so
      that a short one drops all that has piled up. 23 hours: at 24 nothing is left to be read.
    - The attempts, for a poison record. A batch that fails is halved until the record is alone,
      which costs no attempt. Then it holds up its quarter of the shard for 100 more. The pauses
      between them grow, to a length that AWS does not publish: at a minute it is less than two
      hours, at ten still less than a day. An outage that outlasts the attempts costs a redrive of
      the few records that stood in front; those behind them have not been tried, and wait.
    """
    function.function.add_event_source(
        sources.DynamoEventSource(
            table,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=100,
            parallelization_factor=4,
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=100,
            max_record_age=Duration.hours(23),
            on_failure=sources.SqsDlq(failures),
            filters=[_items_with(only_items_with)] if only_items_with else None,
        )
    )
    acknowledge(
        function.role.node.find_child("DefaultPolicy"),
        {
            "AwsSolutions-IAM5[Resource::*]": "ListStreams and X-Ray's PutTraceSegments and "
            "PutTelemetryRecords know no resource but '*'."
        },
    )


def tell_when_behind(function: Function, alarms: AlarmTopic) -> None:
    """A function on streams is patient: without this, nobody would hear of it for a day."""
    alarms.watch(
        function,
        "BehindAlarm",
        function.function.metric("IteratorAge", statistic="Maximum", period=FIVE_MINUTES),
        at_least=LATE.to_milliseconds(),
        says="Events have waited in a table's stream for more than ten minutes.",
        runbook="stuck-relay",
    )


def _items_with(attribute: str) -> Mapping[str, object]:
    found = {attribute: {"S": lambda_.FilterRule.exists()}}
    pattern: Mapping[str, object] = lambda_.FilterCriteria.filter({"dynamodb": {"NewImage": found}})
    return pattern


def route(
    scope: Construct,
    construct_id: str,
    *,
    bus: events.IEventBus,
    event_types: Sequence[str],
    to: WorkQueue,
    only: Mapping[str, object] | None = None,
) -> None:
    """Put the events of those types into the queue, whole, as the bus has them; with ``only`` those
    whose detail matches that pattern.

    What cannot be delivered within a day goes where the queue's consumer puts its own failures,
    so that one place is watched and one command sends everything back.
    """
    rule = events.Rule(
        scope,
        construct_id,
        event_bus=bus,
        event_pattern=events.EventPattern(
            source=list(SOURCES),
            detail_type=list(event_types),
            detail=only,
        ),
    )
    rule.add_target(
        targets.SqsQueue(to.queue, dead_letter_queue=to.dead_letters, max_event_age=A_DAY)
    )


def run_every(
    scope: Construct,
    construct_id: str,
    function: Function,
    failures: sqs.IQueue,
    *,
    minutes: int,
) -> None:
    """Invoke the function every so many minutes; an invocation that is five minutes late is of no
    use: the next one does its work."""
    of_this_account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=of_this_account),
    )
    invoke = iam.PolicyStatement(
        actions=["lambda:InvokeFunction"], resources=[function.function.function_arn]
    )
    bury = iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[failures.queue_arn])
    policy = iam.Policy(scope, f"{construct_id}Policy", roles=[role], statements=[invoke, bury])
    schedule = scheduler.CfnSchedule(
        scope,
        construct_id,
        schedule_expression=f"rate({minutes} minute{'s' if minutes > 1 else ''})",
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function.function_arn,
            role_arn=role.role_arn,
            input="{}",
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_event_age_in_seconds=300, maximum_retry_attempts=3
            ),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=failures.queue_arn
            ),
        ),
    )
    schedule.node.add_dependency(policy)
