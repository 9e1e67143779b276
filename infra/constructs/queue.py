"""Queues. A work queue has a consumer and a dead-letter queue; both are watched."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.constructs.alarm import FIVE_MINUTES, AlarmTopic
from infra.deployment import Deployment

# A message that is older than this is late for whoever waits for it.
LATE = Duration.minutes(10)


class DeadLetterQueue(Construct):
    """Keeps what could not be handled, for 14 days; one message is enough to raise the alarm. The
    dead-letter queue of one that is ``ordered`` (FIFO) has to be so too."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        of: str,
        alarms: AlarmTopic,
        ordered: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.queue = _queue(self, retention=Duration.days(14), ordered=ordered)
        alarms.watch(
            self,
            "Alarm",
            self.queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
            at_least=1,
            says=f"Something of {of} could not be handled and waits in its dead-letter queue.",
            runbook="dead-letters",
        )


class FailureQueue(Construct):
    """A dead-letter queue for what is not itself a queue: a stream, a schedule."""

    def __init__(self, scope: Construct, construct_id: str, *, of: str, alarms: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        self.queue = DeadLetterQueue(self, "DeadLetters", of=of, alarms=alarms).queue
        acknowledge(
            self.queue,
            {"AwsSolutions-SQS3": "This is itself where failures end; nothing consumes it."},
        )


class WorkQueue(Construct):
    """``queue`` feeds one function; what fails ``max_receives`` times ends in ``dead_letters``."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        consumer_timeout: int,
        max_receives: int,
        ordered: bool,
        delay: int,
        deployment: Deployment,
        alarms: AlarmTopic,
    ) -> None:
        super().__init__(scope, f"{name.capitalize()}Queue")
        self.max_receives = deployment.max_receives(max_receives)
        self.dead_letters = DeadLetterQueue(
            self, "DeadLetters", of=name, alarms=alarms, ordered=ordered
        ).queue
        self.queue = _queue(
            self,
            retention=Duration.days(4),
            ordered=ordered,
            delay=Duration.seconds(delay) if delay else None,
            visibility_timeout=Duration.seconds(deployment.visibility_seconds(consumer_timeout)),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=self.max_receives
            ),
        )
        alarms.watch(
            self,
            "AgeAlarm",
            self.queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES),
            at_least=LATE.to_seconds(),
            says=f"The oldest message of {name} has waited for more than ten minutes.",
            runbook="old-messages",
        )


def _queue(
    scope: Construct,
    *,
    retention: Duration,
    ordered: bool = False,
    delay: Duration | None = None,
    visibility_timeout: Duration | None = None,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        "Queue",
        # Counted by group: a FIFO queue would take 300 calls a second in all.
        fifo=ordered or None,
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP if ordered else None,
        fifo_throughput_limit=(sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if ordered else None),
        delivery_delay=delay,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=retention,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=dead_letter_queue,
    )
