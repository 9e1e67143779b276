"""Parcels, what carriers report on them, and manifests in DynamoDB, in the table of work.

==============================  ===============================  ==============================
pk                              sk                               what
==============================  ===============================  ==============================
fulfilment id                   ``parcels``                      its parcels and their labels
fulfilment id                   ``tracking#<number>#<event id>`` what a carrier reported
``labelled#<node>@<carrier>``   parcel id                        a label that is on no manifest
``manifest#<id>``               ``manifest``                     what was handed to a carrier
==============================  ===============================  ==============================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.fulfillment.parcel_store import Dossier, LabelledPage, LabelledParcel, Manifest
from oms.fulfillment.parcels import Packing
from oms.fulfillment.tracking import TrackingReport
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, VersionConflict
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PACKING = "parcels"
_TRACKING = "tracking#"


class ParcelTable:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def dossier(self, fulfillment_id: str) -> Dossier:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": dynamo.text(fulfillment_id)},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        packing = next((_packing(item) for item in items if _sk(item) == _PACKING), None)
        reports = tuple(
            from_json(dynamo.read_text(item, "document"), TrackingReport)
            for item in items
            if _sk(item).startswith(_TRACKING)
        )
        return Dossier(packing, reports)

    def packing(self, fulfillment_id: str) -> Packing | None:
        item = self._get(fulfillment_id, _PACKING)
        return None if item is None else _packing(item)

    def storing(self, packing: Packing) -> Write:
        item = {
            **_key(packing.fulfillment_id, _PACKING),
            "document": dynamo.text(to_json(replace(packing, version=0))),
            "version": dynamo.number(packing.version + 1),
        }
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if packing.version:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = {":before": dynamo.number(packing.version)}
        else:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return Write({"Put": put}, VersionConflict("its parcels were changed at the same moment"))

    def store(
        self,
        packing: Packing,
        awaiting: Sequence[LabelledParcel] = (),
        taken: Sequence[LabelledParcel] = (),
    ) -> Packing:
        on_manifest = Conflict("a parcel is on a manifest", code="on_manifest")
        dynamo.transact(
            self._client,
            [
                self.storing(packing),
                *(self._wait(parcel) for parcel in awaiting),
                *(self._take(parcel, on_manifest) for parcel in taken),
            ],
        )
        return replace(packing, version=packing.version + 1)

    def awaiting(self, node: str, carrier: str, limit: int, cursor: str | None) -> LabelledPage:
        partition = _waiting_at(node, carrier)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": dynamo.text(partition)},
            "Limit": limit,
            "ConsistentRead": True,
        }
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(**request)
        parcels = tuple(
            from_json(dynamo.read_text(item, "document"), LabelledParcel)
            for item in answer["Items"]
        )
        return LabelledPage(parcels, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def manifest(self, manifest_id: str) -> Manifest | None:
        item = self._get(f"manifest#{manifest_id}", "manifest")
        return None if item is None else from_json(dynamo.read_text(item, "document"), Manifest)

    def open_manifest(self, manifest: Manifest) -> None:
        elsewhere = VersionConflict("a manifest was closed at the same moment")
        put = {
            "TableName": self._table,
            "Item": _manifest_item(manifest),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        taken = [self._take(parcel, elsewhere) for parcel in manifest.parcels]
        dynamo.transact(self._client, [Write({"Put": put}, elsewhere), *taken])

    def close_manifest(self, manifest: Manifest) -> None:
        self._client.put_item(TableName=self._table, Item=_manifest_item(manifest))

    def record(self, report: TrackingReport) -> bool:
        sort = f"{_TRACKING}{report.tracking_number}#{report.id}"
        item = {
            **_key(report.fulfillment_id, sort),
            "document": dynamo.text(to_json(report)),
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            return False
        return True

    def _wait(self, parcel: LabelledParcel) -> Write:
        item = {
            **_key(_waiting_at(parcel.node, parcel.carrier), parcel.parcel_id),
            "document": dynamo.text(to_json(parcel)),
        }
        put = {"TableName": self._table, "Item": item}
        return Write({"Put": put}, VersionConflict("the parcel awaits a manifest already"))

    def _take(self, parcel: LabelledParcel, refusal: Conflict | VersionConflict) -> Write:
        delete = {
            "TableName": self._table,
            "Key": _key(_waiting_at(parcel.node, parcel.carrier), parcel.parcel_id),
            "ConditionExpression": "attribute_exists(pk)",
        }
        return Write({"Delete": delete}, refusal)

    def _get(self, partition: str, sort: str) -> Mapping[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_key(partition, sort), ConsistentRead=True
        )
        return answer.get("Item")


def _packing(item: Mapping[str, Any]) -> Packing:
    kept = from_json(dynamo.read_text(item, "document"), Packing)
    return replace(kept, version=dynamo.read_number(item, "version"))


def _manifest_item(manifest: Manifest) -> dict[str, Any]:
    return {
        **_key(f"manifest#{manifest.id}", "manifest"),
        "document": dynamo.text(to_json(manifest)),
    }


def _waiting_at(node: str, carrier: str) -> str:
    """No node's id has an @ in it."""
    return f"labelled#{node}@{carrier}"


def _key(partition: str, sort: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}


def _sk(item: Mapping[str, Any]) -> str:
    return dynamo.read_text(item, "sk")
