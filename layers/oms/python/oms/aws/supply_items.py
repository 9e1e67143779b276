"""Dated supply as an item of its SKU's partition: ``supply#<supply id>``."""

from collections.abc import Mapping
from typing import Any

from oms.aws import dynamo
from oms.inventory.position import Supply
from oms.kernel.clock import parse_rfc3339, rfc3339

PREFIX = "supply#"


def read_supply(item: Mapping[str, Any]) -> Supply:
    return Supply(
        id=dynamo.read_text(item, "sk").removeprefix(PREFIX),
        sku=dynamo.read_text(item, "pk"),
        node=dynamo.read_text(item, "node"),
        due=parse_rfc3339(dynamo.read_text(item, "due")),
        open=dynamo.read_number(item, "open"),
        promised=dynamo.read_number(item, "promised"),
        kind=dynamo.read_text(item, "kind"),
        version=dynamo.read_number(item, "version"),
    )


def supply_item(supply: Supply) -> dict[str, Any]:
    return {
        **supply_key(supply.sku, supply.id),
        "node": dynamo.text(supply.node),
        "due": dynamo.text(rfc3339(supply.due)),
        "kind": dynamo.text(supply.kind),
        "open": dynamo.number(supply.open),
        "promised": dynamo.number(supply.promised),
        "version": dynamo.number(1),
    }


def supply_key(sku: str, supply_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(f"{PREFIX}{supply_id}")}
