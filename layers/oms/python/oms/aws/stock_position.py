"""A SKU's partition as one position: what each item is, its sort key says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from oms.aws.backorder_store import OWED, read_owed
from oms.aws.count_store import UNCOUNTED, uncounted_node
from oms.aws.policy_store import POLICY, read_policy
from oms.aws.share_store import SHARE, in_order, read_share
from oms.aws.stock_items import (
    Item,
    read_balance,
    read_lapsed,
    sort_key,
    summed,
    without_lapsed,
)
from oms.aws.supply_items import PREFIX, read_supply
from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position


def read_position(
    sku: str, home: Sequence[Item], further: Sequence[Sequence[Item]] = ()
) -> Position:
    """The items of a SKU's partition: what each is, its sort key says. ``further``: those of its
    other counters."""
    lapsed = [
        read_lapsed(item)
        for part in (home, *further)
        for item in part
        if sort_key(item).startswith("until#")
    ]
    counters = tuple(
        without_lapsed(_balances(part), lapsed, counter)
        for counter, part in enumerate((home, *further))
    )
    supplies = [read_supply(item) for item in home if sort_key(item).startswith(PREFIX)]
    policy = next((read_policy(item) for item in home if sort_key(item) == POLICY), SellingPolicy())
    uncounted = [uncounted_node(item) for item in home if sort_key(item).startswith(UNCOUNTED)]
    if uncounted:
        policy = replace(policy, not_sold_at=(*policy.not_sold_at, *uncounted))
    owed, owed_to = next((read_owed(item) for item in home if sort_key(item) == OWED), (0, {}))
    return Position(
        sku,
        summed(counters),
        counters=counters if further else (),
        supplies=tuple(supplies),
        lapsed=tuple(lapsed),
        policy=policy,
        shares=in_order(read_share(item) for item in home if sort_key(item).startswith(SHARE)),
        owed=owed,
        owed_to=owed_to,
    )


def _balances(items: Sequence[Item]) -> list[Balance]:
    return [read_balance(item) for item in items if sort_key(item).startswith("node#")]
