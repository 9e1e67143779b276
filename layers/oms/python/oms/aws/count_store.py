"""What is to be counted, in the table of stock.

======================  ===================  =====================================================
pk                      sk                   what
======================  ===================  =====================================================
``count_tasks#<node>``  ``<sku>``            somebody is to count the SKU there
sku                     ``uncounted#<node>`` it is not sold from there until then
======================  ===================  =====================================================

The second is in the range that a position is read from, and costs no read of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.aws.stock_writes import write
from oms.inventory.counting import CountTask, CountTaskPage
from oms.kernel.encoding import from_json, to_json
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

UNCOUNTED = "uncounted#"
_LARGEST_PAGE = 100


class CountStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def ask(self, task: CountTask) -> list[Write]:
        document = {"document": dynamo.text(to_json(task))}
        items = (
            {**_task_key(task.node, task.sku), **document},
            _mark_key(task.node, task.sku),
        )
        return [write(self._table, "Put", {"Item": item}) for item in items]

    def counted(self, node: str, sku: str) -> list[Write]:
        """Writes that end the task, if there is one."""
        key = _mark_key(node, sku)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return []
        return [write(self._table, "Delete", {"Key": each}) for each in (_task_key(node, sku), key)]

    def tasks(self, node: str, limit: int, cursor: str | None) -> CountTaskPage:
        partition = _task_key(node, "")["pk"]["S"]
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :tasks",
            ExpressionAttributeValues={":tasks": dynamo.text(partition)},
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        tasks = tuple(
            from_json(dynamo.read_text(item, "document"), CountTask) for item in answer["Items"]
        )
        return CountTaskPage(tasks, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))


def uncounted_node(item: Mapping[str, Any]) -> str:
    return dynamo.read_text(item, "sk").removeprefix(UNCOUNTED)


def _task_key(node: str, sku: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"count_tasks#{node}"), "sk": dynamo.text(sku)}


def _mark_key(node: str, sku: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(f"{UNCOUNTED}{node}")}
