"""What is kept is encrypted, and what nobody can make again is not deleted by mistake."""

import json

from tests.infra.template import Templates, pointed_at, statements

TABLE = "AWS::DynamoDB::Table"
KEPT = (TABLE, "AWS::SecretsManager::Secret", "AWS::Cognito::UserPool")


def test_what_nobody_can_make_again_outlives_its_stack(aws: Templates) -> None:
    for resource in aws.of(*KEPT):
        assert resource.body.get("DeletionPolicy") == "Retain", resource
        assert resource.body.get("UpdateReplacePolicy") == "Retain", resource


def test_every_table_can_be_taken_back_to_any_second(aws: Templates) -> None:
    for table in aws.of(TABLE):
        recovery = table.properties.get("PointInTimeRecoverySpecification", {})
        assert recovery.get("PointInTimeRecoveryEnabled") is True, table


def test_every_table_is_encrypted_on_demand_and_guarded(aws: Templates) -> None:
    for table in aws.of(TABLE):
        assert table.properties.get("SSESpecification", {}).get("SSEEnabled") is True, table
        assert table.properties.get("BillingMode") == "PAY_PER_REQUEST", table
        assert table.properties.get("DeletionProtectionEnabled") is True, table


def test_the_tables_that_are_an_outbox_have_a_stream(aws: Templates) -> None:
    streams = {
        table.properties["StreamSpecification"]["StreamViewType"]
        for table in aws.of(TABLE)
        if "StreamSpecification" in table.properties
    }

    assert streams == {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}


def test_every_queue_is_encrypted(aws: Templates) -> None:
    for queue in aws.of("AWS::SQS::Queue"):
        encrypted = (
            queue.properties.get("SqsManagedSseEnabled") or "KmsMasterKeyId" in queue.properties
        )
        assert encrypted, queue


def test_every_queue_and_topic_refuses_what_is_not_encrypted_on_its_way(aws: Templates) -> None:
    refusing = {
        pointed_at(target)
        for policy in aws.of("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
        for target in policy.properties.get("Queues", []) + policy.properties.get("Topics", [])
        if any(is_refusal_of_plain_text(each) for each in statements(policy))
    }

    assert refusing == {each.logical_id for each in aws.of("AWS::SQS::Queue", "AWS::SNS::Topic")}


def test_the_topic_of_alarms_is_encrypted_with_a_key_that_is_rotated(aws: Templates) -> None:
    for topic in aws.of("AWS::SNS::Topic"):
        key = aws.at(topic.properties["KmsMasterKeyId"])
        assert key.properties["EnableKeyRotation"] is True


def test_every_secret_is_made_by_secrets_manager(aws: Templates) -> None:
    for secret in aws.of("AWS::SecretsManager::Secret"):
        assert "SecretString" not in secret.properties, secret
        assert secret.properties["GenerateSecretString"]["PasswordLength"] == 44
        assert secret.properties["Description"], secret


def is_refusal_of_plain_text(statement: object) -> bool:
    text = json.dumps(statement)
    return '"Effect": "Deny"' in text and '"aws:SecureTransport": "false"' in text
