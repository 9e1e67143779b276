from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.baskets import Lacking, Wanted, choose, lacking
from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position
from oms.inventory.reservation import ReservedLine, reserved_by_sku

NODES = ("a", "b", "c")
SHIPPING = frozenset({"a", "b"})
UNITS = st.dictionaries(st.sampled_from(NODES), st.integers(-2, 9))
WANTED = st.lists(
    st.builds(
        Wanted,
        st.sampled_from(("MUG", "TEE")),
        st.integers(1, 6),
        st.sampled_from(("", *NODES)),
    ),
    min_size=1,
    max_size=5,
)


def positions(units: Mapping[str, Mapping[str, int]]) -> dict[str, Position]:
    return {
        sku: Position(
            sku, tuple(Balance(sku, node, available=there) for node, there in nodes.items())
        )
        for sku, nodes in units.items()
    }


@given(WANTED, st.fixed_dictionaries({"MUG": UNITS, "TEE": UNITS}))
def test_a_basket_of_which_nothing_is_lacking_is_taken_whole_from_what_is_there(
    wanted: list[Wanted], units: dict[str, dict[str, int]]
) -> None:
    found = positions(units)
    if lacking(wanted, found, SHIPPING, "web"):
        return
    lines = choose(wanted, found, SHIPPING, "key")
    assert reserved_by_sku(lines) == {
        sku: sum(one.quantity for one in wanted if one.sku == sku)
        for sku in {one.sku for one in wanted}
    }
    assert all(line.quantity <= units[line.sku][line.node] for line in lines)
    for one in wanted:
        if one.node:
            assert any((line.sku, line.node) == (one.sku, one.node) for line in lines)
    named = {(one.sku, one.node) for one in wanted if one.node}
    assert all(line.node in SHIPPING or (line.sku, line.node) in named for line in lines)
    assert choose(wanted, found, SHIPPING, "key") == lines


def test_what_is_named_is_taken_before_what_may_come_from_anywhere() -> None:
    found = positions({"MUG": {"a": 2, "b": 1}})
    wanted = [Wanted("MUG", 1), Wanted("MUG", 2, "a")]
    assert lacking(wanted, found, SHIPPING, "web") == ()
    assert choose(wanted, found, SHIPPING, "key") == (
        ReservedLine("MUG", "a", 2),
        ReservedLine("MUG", "b", 1),
    )


def test_a_node_that_does_not_ship_is_taken_from_only_when_it_is_named() -> None:
    found = positions({"MUG": {"c": 5}})
    assert lacking([Wanted("MUG", 1)], found, SHIPPING, "web") == (Lacking("MUG", "", 1, 0),)
    assert lacking([Wanted("MUG", 1, "c")], found, SHIPPING, "web") == ()


def test_what_is_kept_from_the_channel_or_owed_to_orders_is_not_there() -> None:
    balance = (Balance("MUG", "a", available=5),)
    held_back = Position("MUG", balance, policy=SellingPolicy(held_back={"web": 3}))
    owed = Position("MUG", balance, owed=4)
    wanted = [Wanted("MUG", 3)]
    assert lacking(wanted, {"MUG": held_back}, SHIPPING, "web") == (Lacking("MUG", "", 3, 2),)
    assert lacking(wanted, {"MUG": held_back}, SHIPPING, "app") == ()
    assert lacking(wanted, {"MUG": owed}, SHIPPING, "web") == (Lacking("MUG", "", 3, 1),)
