"""Whatever makes a function run has a place for what could not be handled."""

import json

from oms.notifications.availability_message import WINDOW
from tests.infra.template import Resource, Templates, pointed_at

MAPPING = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"


def test_every_queue_that_feeds_a_function_gives_up_on_a_message_at_last(aws: Templates) -> None:
    for mapping in from_queues(aws):
        queue = aws.at(mapping.properties["EventSourceArn"])
        redrive = queue.properties.get("RedrivePolicy")
        assert redrive, f"{queue} has no dead-letter queue"
        assert 3 <= redrive["maxReceiveCount"] <= 10
        assert aws.at(redrive["deadLetterTargetArn"]).type == QUEUE


def test_every_stream_that_feeds_a_function_has_a_failure_destination(aws: Templates) -> None:
    for mapping in from_streams(aws):
        settings = mapping.properties
        destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        assert destination, f"{mapping} has no failure destination"
        assert aws.at(destination).type == QUEUE


def test_a_poisoned_record_holds_a_stream_up_for_a_bounded_time(aws: Templates) -> None:
    for mapping in from_streams(aws):
        assert mapping.properties.get("BisectBatchOnFunctionError") is True, mapping
        assert 0 <= mapping.properties.get("MaximumRetryAttempts", -1) <= 100, mapping
        assert 0 < mapping.properties.get("MaximumRecordAgeInSeconds", -1) <= 86_400, mapping


def test_what_a_stream_gives_up_can_still_be_read_there(aws: Templates) -> None:
    """DynamoDB keeps a record for a day; what is older than the bound is not even tried."""
    for mapping in from_streams(aws):
        hours = mapping.properties["MaximumRecordAgeInSeconds"] / 3600
        assert 20 <= hours <= 23, mapping


def test_what_holds_no_event_of_an_order_wakes_nobody(aws: Templates) -> None:
    (filtered,) = [each for each in from_streams(aws) if "FilterCriteria" in each.properties]
    (only,) = filtered.properties["FilterCriteria"]["Filters"]

    assert "OrdersTable" in str(filtered.properties["EventSourceArn"])
    assert json.loads(only["Pattern"]) == {
        "dynamodb": {"NewImage": {"events": {"S": [{"exists": True}]}}}
    }


def test_a_batch_fails_message_by_message(aws: Templates) -> None:
    for mapping in aws.of(MAPPING):
        assert mapping.properties.get("FunctionResponseTypes") == ["ReportBatchItemFailures"], (
            mapping
        )


def test_no_message_waits_for_a_batch_to_fill(aws: Templates) -> None:
    for mapping in from_queues(aws):
        assert mapping.properties.get("MaximumBatchingWindowInSeconds", 0) == 0, mapping


def test_every_event_that_a_rule_cannot_deliver_is_kept(aws: Templates) -> None:
    for rule in aws.of("AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
            assert dead_letters, f"{rule} loses what it cannot deliver"
            assert aws.at(dead_letters).type == QUEUE


def test_every_invocation_that_a_schedule_cannot_make_is_kept(aws: Templates) -> None:
    for schedule in aws.of("AWS::Scheduler::Schedule"):
        target = schedule.properties["Target"]
        assert aws.at(target["DeadLetterConfig"]["Arn"]).type == QUEUE
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_a_function_that_is_invoked_asynchronously_keeps_the_event_it_failed_on(
    aws: Templates,
) -> None:
    """The scheduler only hands the event over; what happens then is Lambda's business."""
    for schedule in aws.of("AWS::Scheduler::Schedule"):
        function = aws.at(schedule.properties["Target"]["Arn"])
        dead_letters = function.properties.get("DeadLetterConfig", {}).get("TargetArn")
        assert dead_letters, f"{function} loses what it failed on"
        assert aws.at(dead_letters).type == QUEUE


def test_a_queue_hides_a_message_six_times_as_long_as_its_consumer_may_take(
    aws: Templates,
) -> None:
    for mapping in from_queues(aws):
        queue = aws.at(mapping.properties["EventSourceArn"])
        function = aws.at(mapping.properties["FunctionName"])
        hidden = queue.properties.get("VisibilityTimeout", 30)
        assert hidden >= 6 * function.properties["Timeout"], queue


def test_a_consumer_gives_up_when_its_queue_does(aws: Templates) -> None:
    for mapping in from_queues(aws):
        queue = aws.at(mapping.properties["EventSourceArn"])
        told = variables(aws.at(mapping.properties["FunctionName"]))
        assert told["MAX_RECEIVES"] == str(queue.properties["RedrivePolicy"]["maxReceiveCount"])
        assert aws.at(told["DEAD_LETTER_QUEUE_URL"]).type == QUEUE


def test_a_queue_that_keeps_an_order_loses_it_nowhere(aws: Templates) -> None:
    (mapping,) = [
        each
        for each in from_queues(aws)
        if aws.at(each.properties["EventSourceArn"]).properties.get("FifoQueue")
    ]
    queue = aws.at(mapping.properties["EventSourceArn"])
    dead_letters = aws.at(queue.properties["RedrivePolicy"]["deadLetterTargetArn"])

    assert dead_letters.properties.get("FifoQueue") is True
    # Behind a message that fails others of its group would come along, and fail with it.
    assert mapping.properties["BatchSize"] == 1


def test_availability_is_read_when_its_window_is_over_by_every_clock(aws: Templates) -> None:
    (queue,) = [each for each in aws.of(QUEUE) if each.properties.get("DelaySeconds")]

    assert queue.logical_id.startswith("AvailabilityQueue")
    assert queue.properties["DelaySeconds"] >= WINDOW + 1
    assert queue.properties["DeduplicationScope"] == "messageGroup"
    assert queue.properties["FifoThroughputLimit"] == "perMessageGroupId"


def test_who_keeps_promises_is_not_woken_by_orders_without_one(aws: Templates) -> None:
    patterns = [each.properties["EventPattern"] for each in aws.of("AWS::Events::Rule")]
    (sourced,) = [each for each in patterns if "order_sourced" in each["detail-type"]]

    assert sourced["detail"] == {"data": {"promised": [True]}}


def test_starts_are_paced(aws: Templates) -> None:
    """StartExecution may be called 150 times a second, and one call takes some 30 ms."""
    paced = [each for each in from_queues(aws) if "ScalingConfig" in each.properties]

    assert [pointed_at(each.properties["EventSourceArn"])[:11] for each in paced] == ["StartsQueue"]
    assert paced[0].properties["ScalingConfig"]["MaximumConcurrency"] * 1000 / 30 < 150


def test_every_function_is_triggered_by_something(aws: Templates) -> None:
    triggered = {pointed_at(each.properties["FunctionName"]) for each in aws.of(MAPPING)}
    triggered |= {
        pointed_at(each.properties["IntegrationUri"])
        for each in aws.of("AWS::ApiGatewayV2::Integration")
    }
    triggered |= {
        pointed_at(each.properties["Target"]["Arn"]) for each in aws.of("AWS::Scheduler::Schedule")
    }
    for machine in aws.of("AWS::StepFunctions::StateMachine"):
        triggered |= {
            pointed_at(each) for each in machine.properties["DefinitionSubstitutions"].values()
        }

    idle = {each.logical_id for each in aws.of("AWS::Lambda::Function")} - triggered
    assert not idle


def from_queues(aws: Templates) -> list[Resource]:
    return [each for each in aws.of(MAPPING) if "StartingPosition" not in each.properties]


def from_streams(aws: Templates) -> list[Resource]:
    found = [each for each in aws.of(MAPPING) if "StartingPosition" in each.properties]
    assert len(found) == 2
    return found


def variables(function: Resource) -> dict[str, object]:
    found: dict[str, object] = function.properties["Environment"]["Variables"]
    return found
