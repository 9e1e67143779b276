"""Tables: on demand, encrypted, recoverable to any second, and not deleted by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.deployment import Deployment

STRING = dynamodb.AttributeType.STRING


@dataclass(frozen=True, slots=True)
class Index:
    """A sparse index on two string attributes; it projects the keys and ``carries``."""

    name: str
    partition: str
    sort: str
    carries: tuple[str, ...] = ()


class Table(Construct):
    """``table`` has the string keys ``pk`` and ``sk``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        stream: dynamodb.StreamViewType | None = None,
        indexes: Sequence[Index] = (),
        expires_by: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=STRING),
            sort_key=dynamodb.Attribute(name="sk", type=STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not deployment.is_local,
            removal_policy=deployment.keep,
            stream=stream,
            time_to_live_attribute=expires_by,
        )
        for index in indexes:
            self._add(index)

    def _add(self, index: Index) -> None:
        include = dynamodb.ProjectionType.INCLUDE
        self.table.add_global_secondary_index(
            index_name=index.name,
            partition_key=dynamodb.Attribute(name=index.partition, type=STRING),
            sort_key=dynamodb.Attribute(name=index.sort, type=STRING),
            projection_type=include if index.carries else dynamodb.ProjectionType.KEYS_ONLY,
            non_key_attributes=list(index.carries) or None,
        )
