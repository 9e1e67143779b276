"""Every alarm reaches somebody and tells what to do; whatever can fail unseen has one."""

import re
from collections.abc import Iterator, Mapping

from infra.constructs.state_machine import DEFINITION
from infra.deployment import ROOT
from infra.queues import QUEUES
from infra.stacks.service import SCHEDULED
from tests.infra.template import Json, Resource, Templates, listed, pointed_at, statements

ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
RUNBOOK = ROOT / "docs" / "runbook.md"


def test_every_alarm_reaches_the_topic(aws: Templates) -> None:
    for alarm in aws.of(ALARM):
        actions = alarm.properties.get("AlarmActions", [])
        assert [aws.at(action).type for action in actions] == ["AWS::SNS::Topic"], alarm


def test_cloudwatch_may_publish_what_its_alarms_say(aws: Templates) -> None:
    for topic in aws.of("AWS::SNS::Topic"):
        key = aws.at(topic.properties["KmsMasterKeyId"])
        assert "kms:GenerateDataKey" in allowed_to_cloudwatch(statements(key))
        policies = [
            each
            for each in aws.of("AWS::SNS::TopicPolicy")
            if topic.logical_id in [pointed_at(one) for one in each.properties["Topics"]]
        ]
        assert any("sns:Publish" in allowed_to_cloudwatch(statements(each)) for each in policies)


def test_every_alarm_says_what_is_wrong_and_where_to_read_what_to_do(aws: Templates) -> None:
    for alarm in aws.of(ALARM):
        says, _, anchor = alarm.properties.get("AlarmDescription", "").partition(
            " What to do: docs/runbook.md#"
        )
        assert says and anchor, alarm


def test_the_runbook_has_every_heading_that_is_referred_to(aws: Templates) -> None:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}
    texts = [str(resource.body) for resource in aws.resources.values()] + [DEFINITION.read_text()]

    referred_to = {each for text in texts for each in re.findall(r"runbook\.md#([\w-]+)", text)}
    assert referred_to
    assert not referred_to - anchors


def test_silence_is_no_alarm(aws: Templates) -> None:
    for alarm in aws.of(ALARM):
        assert alarm.properties["TreatMissingData"] == "notBreaching", alarm


def test_one_dead_letter_is_enough_for_an_alarm(aws: Templates) -> None:
    for queue in where_failures_end(aws):
        alarms = alarms_on(aws, queue, "ApproximateNumberOfMessagesVisible")
        assert [alarm.properties["Threshold"] for alarm in alarms] == [1], queue


def test_a_queue_whose_messages_grow_old_has_an_alarm(aws: Templates) -> None:
    for mapping in aws.of("AWS::Lambda::EventSourceMapping"):
        if "StartingPosition" not in mapping.properties:
            queue = aws.at(mapping.properties["EventSourceArn"])
            assert alarms_on(aws, queue, "ApproximateAgeOfOldestMessage"), queue


def test_a_function_that_is_behind_its_stream_has_an_alarm(aws: Templates) -> None:
    for mapping in aws.of("AWS::Lambda::EventSourceMapping"):
        if "StartingPosition" in mapping.properties:
            function = aws.at(mapping.properties["FunctionName"])
            assert alarms_on(aws, function, "IteratorAge"), function


def test_every_function_has_alarms_on_errors_and_throttles(aws: Templates) -> None:
    for function in aws.of(FUNCTION):
        assert alarms_on(aws, function, "Errors"), function
        assert alarms_on(aws, function, "Throttles"), function


def test_one_failed_execution_is_enough_for_an_alarm(aws: Templates) -> None:
    for machine in aws.of("AWS::StepFunctions::StateMachine"):
        alarms = alarms_on(aws, machine, "ExecutionsFailed")
        assert [alarm.properties["Threshold"] for alarm in alarms] == [1]


def where_failures_end(aws: Templates) -> list[Resource]:
    found = {each.logical_id: each for each in _failure_targets(aws)}
    assert len(found) == len(QUEUES) + len(SCHEDULED) + 1  # the relay
    return list(found.values())


def _failure_targets(aws: Templates) -> Iterator[Resource]:
    for queue in aws.of(QUEUE):
        if "RedrivePolicy" in queue.properties:
            yield aws.at(queue.properties["RedrivePolicy"]["deadLetterTargetArn"])
    for mapping in aws.of("AWS::Lambda::EventSourceMapping"):
        if "DestinationConfig" in mapping.properties:
            yield aws.at(mapping.properties["DestinationConfig"]["OnFailure"]["Destination"])
    for rule in aws.of("AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            yield aws.at(target["DeadLetterConfig"]["Arn"])
    for function in aws.of(FUNCTION):
        if "DeadLetterConfig" in function.properties:
            yield aws.at(function.properties["DeadLetterConfig"]["TargetArn"])
    for schedule in aws.of("AWS::Scheduler::Schedule"):
        yield aws.at(schedule.properties["Target"]["DeadLetterConfig"]["Arn"])


def allowed_to_cloudwatch(policy: Iterator[Mapping[str, Json]]) -> set[str]:
    return {
        action
        for statement in policy
        if statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        for action in listed(statement["Action"])
    }


def alarms_on(aws: Templates, resource: Resource, metric: str) -> list[Resource]:
    return [
        alarm
        for alarm in aws.of(ALARM)
        if alarm.properties.get("MetricName") == metric
        and any(
            pointed_at(each["Value"]) == resource.logical_id
            for each in alarm.properties["Dimensions"]
        )
    ]


def test_what_raises_an_alarm_of_money_is_seen_on_the_dashboard(aws: Templates) -> None:
    (dashboard,) = aws.of("AWS::CloudWatch::Dashboard")
    shown = str(dashboard.properties["DashboardBody"])
    ours = {
        alarm.properties["MetricName"]
        for alarm in aws.of(ALARM)
        if alarm.properties.get("Namespace") == "OMS"
    }
    assert {"RefundsFailed", "CapturesFailed", "ChargeBacks"} <= ours
    assert not {name for name in ours if name not in shown}
