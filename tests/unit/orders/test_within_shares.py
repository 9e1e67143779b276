from decimal import Decimal

from oms.catalog.model import Node
from oms.inventory.model import Balance, Need
from oms.inventory.position import Position, ShareRule
from oms.inventory.shares import rearrange
from oms.orders.shares import by_sku, within_shares
from oms.routing.model import Available

NODES = [
    Available(Node(name, name, "warehouse", "BR"), {"MUG": units, "TEE": 9})
    for name, units in (("n1", 4), ("n2", 6))
]
POSITION = Position(
    "MUG",
    tuple(Balance("MUG", each.node.id, available=each.units["MUG"]) for each in NODES),
    shares=rearrange(10, [ShareRule("app", Decimal("0.5"))], ()),
)


def seen(channel: str, wanted: int) -> list[int]:
    limited = within_shares(NODES, channel, {"MUG": wanted}, {"MUG": POSITION})
    assert [each.units["TEE"] for each in limited] == [9, 9]
    return [each.units["MUG"] for each in limited]


def test_who_may_have_all_it_wants_may_have_it_from_any_node() -> None:
    assert seen("web", 5) == [4, 6]
    assert seen("app", 10) == [4, 6]


def test_who_may_not_is_shown_no_more_than_it_may_have() -> None:
    assert seen("web", 6) == [4, 1]


def test_needs_add_up_over_nodes_and_counters() -> None:
    needs = [Need("MUG", "n1", 2), Need("MUG", "n1", 1, counter=1), Need("TEE", "n2", 4)]
    assert by_sku(needs) == {"MUG": 3, "TEE": 4}
