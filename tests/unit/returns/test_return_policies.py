"""A policy says outside what it says inside, and is checked."""

from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Faults
from oms.kernel.money import Money
from oms.returns.model import Disposition, Payer
from oms.returns.policy import (
    BUILT_IN,
    ReasonTerms,
    RefundShipping,
    RefundWhen,
    ReturnPolicy,
    Window,
    chosen,
)
from oms.returns.policy_contract import ReturnPolicyDocument, policy_of, policy_view

words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
names = st.lists(words, max_size=3, unique=True).map(tuple)
days = st.none() | st.integers(0, 400)
rates = st.integers(0, 10_000)


@st.composite
def amounts(draw: st.DrawFn) -> tuple[Money, ...]:
    currencies = draw(st.lists(st.sampled_from(("BRL", "JPY", "KWD")), max_size=3, unique=True))
    return tuple(Money(draw(st.integers(0, 99_999)), currency) for currency in currencies)


terms = st.builds(
    ReasonTerms,
    reason=words,
    needs_proof=st.booleans(),
    label_paid_by=st.none() | st.sampled_from(Payer),
    restocking_fee=st.none() | rates,
    refund_shipping=st.none() | st.sampled_from(RefundShipping),
)
policies = st.builds(
    ReturnPolicy,
    id=st.just("p"),
    name=words,
    active=st.booleans(),
    channels=names,
    window_days=days,
    windows=st.lists(
        st.builds(Window, days=days, categories=names, channels=names), max_size=3
    ).map(tuple),
    reasons=st.lists(terms, max_size=3, unique_by=lambda one: one.reason).map(tuple),
    non_returnable_skus=names,
    non_returnable_tags=names,
    approval_above=amounts(),
    label_paid_by=st.sampled_from(Payer),
    return_node=st.sampled_from(("", "sp-dc")),
    restocks=st.sampled_from(
        ((), (Disposition.RESTOCK,), (Disposition.RESTOCK, Disposition.REFURBISH))
    ),
    refund_when=st.sampled_from(RefundWhen),
    restocking_fee=rates,
    refund_shipping=st.sampled_from(RefundShipping),
    without_receipt=amounts(),
)


@given(policies)
def test_what_is_shown_says_the_same_when_it_is_put(policy: ReturnPolicy) -> None:
    shown = policy_view(policy).model_dump(exclude={"id", "version", "put_at"}, mode="json")
    faults = Faults()

    again = policy_of("p", ReturnPolicyDocument.model_validate(shown), faults)

    assert not faults.found
    assert again == policy


@given(policies, words, st.integers(0, 10**9))
def test_a_fee_is_a_part_of_the_worth(policy: ReturnPolicy, reason: str, worth: int) -> None:
    assert 0 <= policy.fee(reason, worth) <= worth


def test_the_policy_that_names_the_channel_comes_first_and_without_any_the_built_in_holds() -> None:
    everybody, web = ReturnPolicy("a"), ReturnPolicy("z", channels=("web",))
    switched_off = ReturnPolicy("b", channels=("web",), active=False)

    assert chosen([everybody, web, switched_off], "web") is web
    assert chosen([everybody, web], "till") is everybody
    assert chosen([switched_off], "web") is BUILT_IN


def test_nobody_puts_the_built_in_policy() -> None:
    faults = Faults()

    policy_of("built_in", ReturnPolicyDocument(), faults)

    assert [fault.code for fault in faults.found] == ["reserved_name"]
