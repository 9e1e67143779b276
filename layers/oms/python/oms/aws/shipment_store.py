"""Joint shipments, in the table of the nodes' work.

===============  ============  ==========================================
pk               sk            what
===============  ============  ==========================================
``shp_…``        ``shipment``  its node, and the fulfilments it consists of
===============  ============  ==========================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.fulfillment.joint_shipments import JointShipment
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import NotFound, Unavailable
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ShipmentTable:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def storing(self, shipment: JointShipment) -> Write:
        item = {**_key(shipment.id), "document": dynamo.text(to_json(shipment))}
        return Write({"Put": {"TableName": self._table, "Item": item}}, Unavailable())

    def shipment(self, shipment_id: str) -> JointShipment:
        answer = self._client.get_item(
            TableName=self._table, Key=_key(shipment_id), ConsistentRead=True
        )
        if "Item" not in answer:
            raise NotFound(f"there is no shipment {shipment_id}")
        return from_json(dynamo.read_text(answer["Item"], "document"), JointShipment)


def _key(shipment_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(shipment_id), "sk": dynamo.text("shipment")}
