"""Selling policies in the inventory table, beside the SKU's balances: one read finds them all.

=====  ==========  =============================================================================
pk     sk          what
=====  ==========  =============================================================================
sku    ``policy``  the selling policy in ``document``, its ``version``, and that it was changed
=====  ==========  =============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.inventory.policy import SellingPolicy
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import VersionConflict
from oms.kernel.events import Cause, Envelope, event_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

POLICY = "policy"


class PolicyStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def policy(self, sku: str) -> SellingPolicy:
        """That of a SKU without a record is the default, in version 0."""
        answer = self._client.get_item(TableName=self._table, Key=_key(sku), ConsistentRead=True)
        item = answer.get("Item")
        return read_policy(item) if item else SellingPolicy()

    def put(self, sku: str, policy: SellingPolicy, cause: Cause) -> SellingPolicy:
        """Replace the policy whose version ``policy`` has. Raises ``VersionConflict`` when there is
        another by now."""
        version = policy.version + 1
        told = Envelope(
            id=event_id(f"{sku}#{POLICY}", version, 1),
            type="selling_policy_changed",
            subject=sku,
            version=version,
            at=cause.at,
            by=cause.by,
            reason=cause.reason,
            correlation_id=cause.correlation_id,
            data={"skus": [sku]},
        )
        item = _key(sku) | {
            "document": dynamo.text(to_json(replace(policy, version=0))),
            "version": dynamo.number(version),
            "envelopes": dynamo.text(to_json([told])),
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
        if policy.version:
            condition = {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": dynamo.number(policy.version)},
            }
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except ClientError as error:
            if dynamo.is_refused_condition(error):
                raise VersionConflict(f"the policy of {sku} was changed meanwhile") from None
            raise
        return replace(policy, version=version)


def read_policy(item: Mapping[str, Any]) -> SellingPolicy:
    policy = from_json(dynamo.read_text(item, "document"), SellingPolicy)
    return replace(policy, version=dynamo.read_number(item, "version"))


def _key(sku: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(POLICY)}
