"""Who may have how much of a SKU: rules, grants, borrowing, what channels are promised."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.ledger import arrival_entry, entries_of
from oms.inventory.model import Balance, Movement, MovementKind
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position, Share, ShareRule
from oms.inventory.shares import (
    EVERYBODY,
    Borrow,
    Change,
    Holding,
    Part,
    available_to,
    changed,
    check_rules,
    distribute,
    free_units,
    give_back,
    owed_ahead,
    parts_for,
    rearrange,
    receive,
    take,
    withdraw,
)
from oms.kernel.errors import Faults, Invalid
from tests.samples import CAUSE, NOW


def share(channel: str, part: str, *borrows_from: str, lends: int | None = None) -> ShareRule:
    return ShareRule(channel, Decimal(part), None, borrows_from, lends)


def cap(channel: str, units: int, *borrows_from: str) -> ShareRule:
    return ShareRule(channel, None, units, borrows_from)


def granted(units: int, *rules: ShareRule) -> tuple[Share, ...]:
    check_rules(rules, Faults())
    return rearrange(units, rules, ())


def left(shares: tuple[Share, ...]) -> dict[str, int]:
    return {share.channel: share.left for share in shares}


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "code", "path"),
    [
        ([share("web", "0.7"), share("app", "0.4")], "share_above_whole", "rules"),
        ([ShareRule("web")], "share_or_cap", "rules.0"),
        ([ShareRule("web", Decimal("0.1"), 3)], "share_or_cap", "rules.0"),
        ([share("web", "0.1"), cap("web", 3)], "channel_twice", "rules.1.channel"),
        ([share("web", "0.1", "web")], "own_lender", "rules.0.borrows_from"),
        ([share("web", "0.1", "app")], "unknown_lender", "rules.0.borrows_from"),
        (
            [share("web", "0.1", "app", "app"), share("app", "0.1")],
            "lender_twice",
            "rules.0.borrows_from",
        ),
    ],
)
def test_rules_that_cannot_hold_are_refused(rules: list[ShareRule], code: str, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_rules(rules, Faults())
    assert [(fault.code, fault.path) for fault in refused.value.faults] == [(code, path)]


def test_every_fault_of_the_rules_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check_rules([share("web", "0.7"), share("web", "0.7", "till")], Faults())
    codes = [fault.code for fault in refused.value.faults]
    assert codes == ["share_above_whole", "channel_twice", "unknown_lender"]


# --- granting ------------------------------------------------------------------------------------


def test_units_are_granted_by_share_and_the_rest_is_everybodys() -> None:
    shares = granted(10, share("web", "0.3"), share("app", "0.2"))
    assert left(shares) == {"web": 3, "app": 2, EVERYBODY: 5}


def test_the_largest_remainder_gets_the_odd_unit_and_of_equals_the_earlier_rule() -> None:
    half = [share("web", "0.5"), share("app", "0.5")]
    assert distribute(1, granted(0, *half)) == {"web": 1}
    thirds = [share("web", "0.34"), share("app", "0.66")]
    assert distribute(1, granted(0, *thirds)) == {"app": 1}


def test_a_cap_is_filled_from_what_no_share_claims_and_no_further() -> None:
    rules = [share("web", "0.5"), cap("market", 3)]
    assert left(granted(4, *rules)) == {"web": 2, "market": 2, EVERYBODY: 0}
    assert left(granted(20, *rules)) == {"web": 10, "market": 3, EVERYBODY: 7}


@given(
    units=st.integers(0, 10**6),
    cents=st.lists(st.integers(0, 25), max_size=4),
    caps=st.lists(st.integers(0, 50), max_size=3),
)
def test_granted_parts_add_up_to_what_came(units: int, cents: list[int], caps: list[int]) -> None:
    rules = [share(f"s{n}", str(Decimal(cent) / 100)) for n, cent in enumerate(cents)]
    rules += [cap(f"c{n}", most) for n, most in enumerate(caps)]
    parts = distribute(units, granted(0, *rules))
    assert sum(parts.values()) == units
    assert all(part > 0 for part in parts.values())
    for rule in rules:
        part = parts.get(rule.channel, 0)
        if rule.cap is not None:
            assert part <= rule.cap
        if rule.share is not None:
            assert abs(part - units * rule.share) < 1


@given(lefts=st.lists(st.integers(0, 30), min_size=1, max_size=5), units=st.integers(0, 200))
def test_what_is_gone_leaves_no_part_below_zero(lefts: list[int], units: int) -> None:
    shares = tuple(
        Share(EVERYBODY if n == 0 else f"c{n}", most, most) for n, most in enumerate(lefts)
    )
    after = changed(shares, withdraw(units, shares))
    assert all(share.left >= 0 and share.granted == share.left for share in after)
    assert sum(left(after).values()) == max(0, sum(lefts) - units)


# --- taking --------------------------------------------------------------------------------------


def test_a_channel_takes_its_own_then_everybodys_then_borrows() -> None:
    shares = granted(10, share("web", "0.3", "app"), share("app", "0.5"))
    assert parts_for("web", 7, shares) == (Part("web", 3), Part(EVERYBODY, 2), Part("app", 2))
    assert parts_for("web", 11, shares) is None


def test_a_channel_without_a_rule_takes_what_is_everybodys_only() -> None:
    shares = granted(10, share("app", "0.4"))
    assert parts_for("web", 6, shares) == (Part(EVERYBODY, 6),)
    assert parts_for("web", 7, shares) is None


def test_a_cap_is_a_ceiling_though_everybody_has_more() -> None:
    shares = granted(10, cap("market", 2))
    assert parts_for("market", 2, shares) == (Part("market", 2),)
    assert parts_for("market", 3, shares) is None


def test_a_lender_lends_at_once_no_more_than_it_says() -> None:
    shares = granted(10, share("web", "0", "app"), share("app", "1", lends=3))
    parts = parts_for("web", 3, shares)
    assert parts == (Part("app", 3),)
    assert parts_for("web", 4, shares) is None
    assert parts_for("web", 1, changed(shares, take("web", parts))) is None


# --- what may be promised ------------------------------------------------------------------------


def position(*available: int, held_back: int = 0, shares: tuple[Share, ...] = ()) -> Position:
    balances = tuple(Balance("MUG", f"n{n}", available=a) for n, a in enumerate(available))
    policy = SellingPolicy(held_back={"web": held_back})
    return Position("MUG", balances, policy=policy, shares=shares)


def test_what_is_held_back_from_a_channel_adds_to_what_nodes_hold_back() -> None:
    assert available_to("web", position(60, 40, held_back=15)) == 85
    assert available_to("app", position(60, 40, held_back=15)) == 100
    assert available_to("web", position(3, held_back=15)) == 0


def test_a_node_that_owes_units_takes_nothing_from_the_others() -> None:
    assert available_to("web", position(5, -3)) == 5


def test_what_is_at_a_node_that_does_not_sell_it_is_promised_to_nobody() -> None:
    there = position(5, 4)
    policy = SellingPolicy(not_sold_at=("n0",))
    assert available_to("web", replace(there, policy=policy)) == 4


def test_a_channel_is_promised_its_part_and_what_it_may_borrow() -> None:
    shares = granted(10, share("web", "0.3", "app"), share("app", "0.5", lends=1))
    assert available_to("web", position(10, shares=shares)) == 3 + 2 + 1
    assert available_to("app", position(10, shares=shares)) == 5 + 2
    assert available_to("till", position(10, shares=shares)) == 2
    assert available_to("app", position(4, shares=shares)) == 4


def test_what_travels_between_nodes_stays_in_its_parts_until_it_does_not_arrive() -> None:
    sent = Movement("t1", MovementKind.TRANSFER, "MUG", "n0", 4, to_node="n1")
    arrived = Movement("a1", MovementKind.ARRIVAL, "MUG", "n1", 3, transfer="t1")
    assert free_units(entries_of(sent, CAUSE)) == {}
    assert free_units([arrival_entry(arrived, sent, CAUSE)]) == {"MUG": -1}


@pytest.mark.parametrize(
    ("kind", "units", "free"),
    [
        (MovementKind.RECEIPT, 3, {"MUG": 3}),
        (MovementKind.ADJUSTMENT, -3, {"MUG": -3}),
        (MovementKind.DAMAGE, 3, {"MUG": -3}),
        (MovementKind.RELEASE, 3, {"MUG": 3}),
        (MovementKind.WRITE_OFF, 3, {}),
    ],
)
def test_what_can_be_sold_follows_the_movement(
    kind: MovementKind, units: int, free: dict[str, int]
) -> None:
    assert free_units(entries_of(Movement("m1", kind, "MUG", "n0", units), CAUSE)) == free


def test_those_who_wait_for_the_same_part_come_first() -> None:
    owed = replace(position(10), owed=7, owed_to={"web": 4, "till": 2, "kiosk": 1})
    assert owed_ahead("web", owed) == owed_ahead("till", owed) == 7
    shared = replace(owed, shares=granted(10, share("web", "0.3"), share("app", "0.5")))
    assert [owed_ahead(channel, shared) for channel in ("web", "app", "till")] == [4, 0, 3]


# --- borrowing -----------------------------------------------------------------------------------

BORROWED = (Part("web", 2), Part("app", 3))
HOLDING = Holding("MUG", "ord_1", "web", NOW, BORROWED)


def debt(units: int, holder: str = "ord_1", lender: str = "app") -> Borrow:
    return Borrow("MUG", holder, "web", lender, units, units, NOW)


def lent() -> tuple[Share, ...]:
    shares = granted(10, share("web", "0.2", "app"), share("app", "0.8"))
    return changed(shares, take("web", BORROWED))


def test_a_borrow_leaves_the_lender_and_is_counted_there() -> None:
    app = lent()[1]
    assert (app.granted, app.left, app.lent) == (8, 5, 3)


def test_what_is_given_back_goes_where_it_came_from() -> None:
    after = changed(lent(), give_back(HOLDING, {"app": 3}, lent()))
    assert after == granted(10, share("web", "0.2", "app"), share("app", "0.8"))


def test_what_is_granted_to_a_borrower_repays_first() -> None:
    changes, repayments = receive(10, lent(), [debt(3)])
    after = changed(lent(), changes)
    assert left(after) == {"web": 0, "app": 5 + 8 + 2, EVERYBODY: 0}
    assert [(repaid.borrow.lender, repaid.units) for repaid in repayments] == [("app", 2)]
    assert after[1].lent == 1


def test_the_oldest_borrow_is_repaid_first() -> None:
    debts = [debt(2, "ord_1"), replace(debt(2, "ord_2"), at=NOW + timedelta(1))]
    _, repayments = receive(15, lent(), debts)
    assert [(r.borrow.holder, r.units) for r in repayments] == [("ord_1", 2), ("ord_2", 1)]


def test_what_was_repaid_meanwhile_stays_with_the_borrower_when_it_is_given_back() -> None:
    changes, _ = receive(10, lent(), [debt(3)])
    repaid = changed(lent(), changes)
    after = changed(repaid, give_back(HOLDING, {"app": 1}, repaid))
    assert left(after) == {"web": 2 + 2, "app": 16, EVERYBODY: 0}
    assert sum(left(after).values()) == 20


def test_units_of_a_part_that_is_no_more_are_everybodys() -> None:
    shares = granted(5, share("till", "0.2"))
    assert give_back(HOLDING, {"app": 3}, shares) == (Change(EVERYBODY, granted=5, left=5),)


def test_under_new_rules_what_holders_took_and_what_is_lent_is_still_counted() -> None:
    after = rearrange(5, [share("web", "0.4", "app"), share("app", "0.6")], lent())
    assert [(s.channel, s.granted, s.left, s.lent) for s in after] == [
        ("web", 2 + 2, 2, 0),
        ("app", 3 + 3, 3, 3),
        (EVERYBODY, 0, 0, 0),
    ]
