"""Who may return what, until when, and what it comes to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.catalog.model import Item
from oms.kernel.errors import Conflict, Invalid, NotFound, TooLarge
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.decisions import NOTHING
from oms.orders.evolve import begin
from oms.orders.model import Customer, Order, RefundedLine
from oms.orders.repaying import refund_of
from oms.returns import asking, decisions
from oms.returns import events as told
from oms.returns.bounds import MOST_RETURNS
from oms.returns.decisions import AskedResolution
from oms.returns.model import (
    Disposition,
    Origin,
    Payer,
    Resolution,
    ReturnLabel,
    ReturnLine,
    ReturnState,
)
from oms.returns.policy import (
    BUILT_IN,
    ReasonTerms,
    RefundShipping,
    RefundWhen,
    ReturnPolicy,
    Window,
)
from tests.samples import allocated, captured, content, given, line
from tests.unit.returns.return_samples import (
    DELIVERED_AT,
    HERE,
    LATER,
    THERE,
    after,
    asked,
    brought,
    delivered,
    grounds,
    inspect,
    last,
    paid,
    receive,
    request,
)

AT_ONCE = replace(BUILT_IN, id="at_once", refund_when=RefundWhen.RECEIVED)


def code_of(refused: pytest.ExceptionInfo[Conflict | Invalid]) -> str:
    return refused.value.problem_code


# --- asking -------------------------------------------------------------------------------------


def test_a_return_is_approved_at_once_when_the_policy_wants_nobody() -> None:
    order = request(delivered(), {"MUG": 1})

    assert last(order).state is ReturnState.APPROVED
    assert decisions.returnable(order) == {"MUG": 1, "TEE": 1}


def test_above_its_limit_a_person_approves() -> None:
    policy = replace(BUILT_IN, approval_above=(Money(1500, "BRL"),))

    cheap = request(delivered(), {"MUG": 1}, policy)
    dear = request(delivered(), {"MUG": 2}, policy)

    assert (last(cheap).state, last(dear).state) == ("approved", "requested")
    assert last(dear).needs_approval == "worth more than 15.00 BRL"


def test_in_a_currency_without_a_limit_somebody_always_has_to() -> None:
    policy = replace(BUILT_IN, approval_above=(Money(99999, "USD"),))

    assert last(request(delivered(), {"MUG": 1}, policy)).state is ReturnState.REQUESTED


def test_more_than_was_delivered_is_refused_with_what_is_left() -> None:
    order = request(delivered(), {"MUG": 1})

    with pytest.raises(Conflict) as refused:
        request(order, {"MUG": 2, "TEE": 1})

    assert code_of(refused) == "above_delivered"
    assert refused.value.context["left"] == {"MUG": 1, "TEE": 1}


def test_what_was_not_delivered_cannot_come_back() -> None:
    with pytest.raises(Conflict) as refused:
        request(paid(captured()), {"MUG": 1})

    assert code_of(refused) == "not_delivered"


def test_a_cancelled_or_rejected_return_frees_its_units() -> None:
    order = request(delivered(), {"MUG": 2})
    order = after(order, decisions.cancel(order, last(order).id, "kept it"))

    assert last(request(order, {"MUG": 2})).state is ReturnState.APPROVED


def test_after_its_window_only_staff_accept_it_and_they_say_why() -> None:
    late = DELIVERED_AT + timedelta(days=31)

    with pytest.raises(Conflict) as refused:
        request(delivered(), {"MUG": 1}, at=late)
    with pytest.raises(Invalid) as forbidden:
        request(delivered(), {"MUG": 1}, at=late, override="please")
    accepted = request(
        delivered(), {"MUG": 1}, at=late, override="a loyal customer", origin=Origin.AGENT
    )

    assert code_of(refused) == "outside_window"
    assert refused.value.context["window_days"] == 30
    assert code_of(forbidden) == "not_for_customers"
    assert last(accepted).overridden == "a loyal customer"


def test_staff_do_not_override_the_quantity() -> None:
    with pytest.raises(Conflict) as refused:
        request(delivered(), {"MUG": 3}, origin=Origin.AGENT, override="why not")

    assert code_of(refused) == "above_delivered"


@pytest.mark.parametrize(
    ("reason", "category", "channel", "days"),
    [("defective", "", "web", 365), ("", "food", "web", 0), ("", "", "web", 60), ("", "", "x", 14)],
)
def test_the_first_window_that_fits_counts(
    reason: str, category: str, channel: str, days: int
) -> None:
    policy = ReturnPolicy(
        "p",
        window_days=14,
        windows=(
            Window(365, reasons=("defective",)),
            Window(0, categories=("food",)),
            Window(60, channels=("web",)),
        ),
    )

    assert policy.days(reason, category, channel) == days


def test_a_window_counts_from_the_delivery_of_each_unit() -> None:
    order = brought(paid(captured(line("MUG", 3))), {"MUG": 1}, {"MUG": 2})
    first, second = (part.id for part in order.progress.fulfillments)
    known = asking.Grounds({first: DELIVERED_AT, second: DELIVERED_AT + timedelta(days=20)}, {})
    at = DELIVERED_AT + timedelta(days=40)

    assert asking.request(order, asked({"MUG": 2}), BUILT_IN, known, at)
    with pytest.raises(Conflict) as refused:
        asking.request(order, asked({"MUG": 3}), BUILT_IN, known, at)
    assert refused.value.context["left"] == {"MUG": 2}


def test_what_the_policy_keeps_cannot_be_returned() -> None:
    by_sku = replace(BUILT_IN, non_returnable_skus=("MUG",))
    by_tag = replace(BUILT_IN, non_returnable_tags=("hygiene",))
    order = delivered()
    items = grounds(order, MUG=Item("MUG", "The MUG", tags=("hygiene",)))

    for policy, known in ((by_sku, grounds(order)), (by_tag, items)):
        with pytest.raises(Conflict) as refused:
            asking.request(order, asked({"MUG": 1}), policy, known, LATER)
        assert code_of(refused) == "not_returnable"
        assert refused.value.context["skus"] == ["MUG"]


def test_reasons_are_the_policys_and_some_need_proof() -> None:
    policy = replace(
        BUILT_IN, reasons=(ReasonTerms("defective", needs_proof=True), ReasonTerms("too_big"))
    )
    order = delivered()

    with pytest.raises(Invalid) as refused:
        asking.request(
            order,
            asking.AskedReturn(
                (
                    ReturnLine("MUG", 1, "bored"),
                    ReturnLine("TEE", 1, "defective"),
                    ReturnLine("CUP", 1, "too_big"),
                )
            ),
            policy,
            grounds(order),
            LATER,
        )

    faults = [(fault.path, fault.code) for fault in refused.value.faults]
    assert faults == [
        ("lines.0.reason", "unknown_reason"),
        ("lines.1.proof", "proof_needed"),
        ("lines.2.line_id", "unknown_line"),
    ]


def test_the_same_key_asks_once_and_for_nothing_else() -> None:
    order = request(delivered(), {"MUG": 1}, key="k:1")

    again = asking.request(order, asked({"MUG": 1}, key="k:1"), BUILT_IN, grounds(order), LATER)
    with pytest.raises(Conflict) as refused:
        request(order, {"TEE": 1}, key="k:2")

    assert again == NOTHING
    assert code_of(refused) == "content_differs"


def test_an_order_has_so_many_returns_and_no_more() -> None:
    order = delivered(line("MUG", MOST_RETURNS + 1))
    for _ in range(MOST_RETURNS):
        order = request(order, {"MUG": 1})

    with pytest.raises(TooLarge) as refused:
        request(order, {"MUG": 1})

    assert refused.value.problem_code == "too_many_returns"


def test_what_the_channel_delivered_itself_is_returned_too() -> None:
    order = brought_by_channel()

    assert last(request(order, {"MUG": 2})).state is ReturnState.APPROVED


def brought_by_channel() -> Order:
    return begin(happened.OrderCaptured(replace(content(), fulfilled_by_channel=True)))


# --- coming back --------------------------------------------------------------------------------


def test_it_comes_in_parts_to_any_node() -> None:
    order = request(delivered(), {"MUG": 2, "TEE": 1})

    order = receive(order, "r1", {"MUG": 1}, HERE)
    first = last(order).state
    order = receive(order, "r2", None, THERE)

    assert (first, last(order).state) == ("partially_received", "received")
    assert last(order).uninspected_at(HERE) == {"MUG": 1}
    assert last(order).uninspected_at(THERE) == {"MUG": 1, "TEE": 1}
    assert [counts.returned for counts in order.progress.counts] == [2, 1]
    assert [counts.delivered for counts in order.progress.counts] == [0, 0]


def test_the_same_receipt_counts_once_and_is_for_nothing_else() -> None:
    order = receive(request(delivered(), {"MUG": 2}), "r1", {"MUG": 1})

    assert receive(order, "r1", {"MUG": 1}) == order
    with pytest.raises(Conflict) as refused:
        receive(order, "r1", {"MUG": 2})
    assert code_of(refused) == "content_differs"


def test_more_than_was_approved_is_refused_or_written_down_as_refused() -> None:
    order = request(delivered(), {"MUG": 1})

    with pytest.raises(Conflict) as refused:
        receive(order, "r1", {"MUG": 2, "TEE": 1})
    order = receive(order, "r1", {"MUG": 2, "TEE": 1}, refuse_surplus=True)

    assert code_of(refused) == "above_approved"
    assert refused.value.context["left"] == {"MUG": 1, "TEE": 0}
    assert last(order).received == {"MUG": 1}
    assert last(order).refused == {"MUG": 1, "TEE": 1}
    assert [counts.returned for counts in order.progress.counts] == [1, 0]


def test_a_parcel_of_which_all_is_refused_brings_nothing() -> None:
    order = receive(request(delivered(), {"MUG": 1}), "r1", {"TEE": 1}, refuse_surplus=True)

    assert last(order).state is ReturnState.APPROVED


def test_what_was_not_approved_is_not_received() -> None:
    policy = replace(BUILT_IN, approval_above=(Money(1, "BRL"),))
    order = request(delivered(), {"MUG": 1}, policy)

    with pytest.raises(Conflict) as refused:
        receive(order)

    assert code_of(refused) == "illegal_transition"
    assert refused.value.context == {
        "state": "requested",
        "allowed": ["approve", "cancel", "reject"],
    }


def test_dispositions_sum_to_what_was_looked_at() -> None:
    order = receive(request(delivered(), {"MUG": 2, "TEE": 1}))

    with pytest.raises(Invalid) as refused:
        inspect(order, {"MUG": {Disposition.RESTOCK: 1}, "TEE": {Disposition.RESTOCK: 2}})

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [
        ("lines.0.dispositions", "quantities_do_not_add_up"),
        ("lines.1.dispositions", "quantities_do_not_add_up"),
    ]


def test_only_what_a_node_has_is_inspected_there() -> None:
    order = receive(request(delivered(), {"MUG": 2}), "r1", {"MUG": 2}, HERE)

    with pytest.raises(Invalid) as refused:
        inspect(order, {"MUG": {Disposition.RESTOCK: 2}}, node=THERE)

    assert code_of(refused) == "quantities_do_not_add_up"


def test_an_inspection_says_what_it_is_about() -> None:
    order = receive(request(delivered(), {"MUG": 1}))

    with pytest.raises(Invalid) as refused:
        inspect(order, {"TEE": {Disposition.RESTOCK: 1}})

    assert code_of(refused) == "unknown_line"


def test_by_a_policy_that_restocks_nothing_nothing_is_restocked() -> None:
    policy = replace(BUILT_IN, restocks=())
    order = receive(request(delivered(), {"MUG": 1}))

    with pytest.raises(Invalid) as refused:
        inspect(order, {"MUG": {Disposition.RESTOCK: 1}}, policy=policy)

    assert code_of(refused) == "disposition_not_allowed"


def test_the_same_inspection_counts_once() -> None:
    order = receive(request(delivered(), {"MUG": 2}))
    order = inspect(order, {"MUG": {Disposition.RESTOCK: 1, Disposition.DAMAGED: 1}})

    assert inspect(order, {"MUG": {Disposition.DAMAGED: 1, Disposition.RESTOCK: 1}}) == order
    with pytest.raises(Conflict) as refused:
        inspect(order, {"MUG": {Disposition.DAMAGED: 2}})
    assert code_of(refused) == "content_differs"


# --- the money ----------------------------------------------------------------------------------


def test_what_was_inspected_is_paid_for_in_the_same_commit() -> None:
    order = receive(request(delivered(), {"MUG": 1}))
    before = order.payments.refundable.minor

    order = inspect(order, {"MUG": {Disposition.RESTOCK: 1}})

    assert before == 3000
    assert last(order).state is ReturnState.RESOLVED
    refund = order.progress.refunds[0]
    assert (refund.amount, refund.granted, refund.return_id) == (1000, 1000, last(order).id)
    assert last(order).settlements[0].refund_id == refund.id
    assert order.due.minor == 2000


def test_a_policy_may_pay_at_receipt_and_the_goods_are_looked_at_later() -> None:
    order = receive(request(delivered(), {"MUG": 2}, AT_ONCE), "r1", {"MUG": 1}, policy=AT_ONCE)
    assert [refund.amount for refund in order.progress.refunds] == [1000]

    order = receive(order, "r2", policy=AT_ONCE)
    assert last(order).state is ReturnState.RECEIVED
    order = inspect(order, {"MUG": {Disposition.WRITE_OFF: 2}}, policy=AT_ONCE)

    assert last(order).state is ReturnState.RESOLVED
    assert [refund.amount for refund in order.progress.refunds] == [1000, 1000]


def test_a_line_comes_to_its_amount_to_the_last_cent_in_whatever_parts() -> None:
    goods = replace(line("MUG", 3, 1000), discount=Money(1, "BRL"))
    order = delivered(goods)

    for number in range(3):
        order = request(order, {"MUG": 1}, AT_ONCE)
        order = receive(order, f"r{number}", policy=AT_ONCE)

    assert sum(refund.amount for refund in order.progress.refunds) == 2999
    assert not order.due


def test_the_fee_of_a_reason_is_kept() -> None:
    policy = replace(
        AT_ONCE,
        restocking_fee=1000,
        reasons=(ReasonTerms("defective", restocking_fee=0), ReasonTerms("too_big")),
    )
    order = delivered()

    fine = receive(request(order, {"MUG": 1}, policy, reason="defective"), policy=policy)
    dear = receive(request(order, {"MUG": 1}, policy, reason="too_big"), policy=policy)

    assert fine.progress.refunds[0].amount == 1000
    assert dear.progress.refunds[0].amount == 900
    assert last(dear).settlements[0].lines[0].fee == 100


@pytest.mark.parametrize(
    ("when", "first", "second"),
    [
        (RefundShipping.NEVER, 2000, 1000),
        (RefundShipping.WHOLE_ORDER, 2000, 1500),
        (RefundShipping.ALWAYS, 2500, 1000),
    ],
)
def test_shipping_is_given_back_once_as_the_policy_says(
    when: RefundShipping, first: int, second: int
) -> None:
    policy = replace(AT_ONCE, refund_shipping=when)
    made = content()
    made = replace(made, shipping=Money(500, "BRL"), total=made.total + Money(500, "BRL"))
    order = brought(paid(begin(happened.OrderCaptured(made))))

    order = receive(request(order, {"MUG": 2}, policy), "r1", policy=policy)
    order = receive(request(order, {"TEE": 1}, policy), "r2", policy=policy)

    assert [refund.amount for refund in order.progress.refunds] == [first, second]


def test_a_label_that_the_customer_pays_is_taken_off_once() -> None:
    policy = replace(AT_ONCE, label_paid_by=Payer.CUSTOMER)
    order = request(delivered(), {"MUG": 2}, policy)
    label = ReturnLabel("k", HERE, "pac", "correios", "simulator", Payer.CUSTOMER)
    order = after(order, decisions.choose_label(order, last(order).id, label))
    order = after(order, decisions.label_bought(order, last(order).id, "T", "r", 300))

    order = receive(order, "r1", {"MUG": 1}, policy=policy)
    order = receive(order, "r2", {"MUG": 1}, policy=policy)

    assert [refund.amount for refund in order.progress.refunds] == [700, 1000]
    assert sum(part.amount for part in order.progress.refunds[0].lines) == 700


def test_an_exchange_is_not_paid_by_itself_and_a_person_resolves_it() -> None:
    order = request(delivered(), {"MUG": 1}, AT_ONCE, resolution=Resolution.EXCHANGE)
    order = receive(order, policy=AT_ONCE)
    assert order.progress.refunds == ()

    events = decisions.resolve(order, last(order).id, AskedResolution(Resolution.EXCHANGE), AT_ONCE)

    assert [type(event) for event in events] == [told.ReturnResolved]
    assert events[0].settlement.amount == 1000  # type: ignore[union-attr]


def test_store_credit_goes_to_an_account() -> None:
    order = request(
        delivered(), {"MUG": 1}, AT_ONCE, resolution=Resolution.STORE_CREDIT, account="acc_1"
    )

    order = receive(order, policy=AT_ONCE)

    assert order.progress.refunds[0].to == "acc_1"


def test_store_credit_is_a_customers() -> None:
    unknown = replace(content(), customer=Customer("Somebody"))
    order = brought(paid(begin(happened.OrderCaptured(unknown))))
    credit = AskedResolution(Resolution.STORE_CREDIT)

    with pytest.raises(Invalid) as asked_for:
        request(order, {"MUG": 1}, resolution=Resolution.STORE_CREDIT)
    order = receive(request(order, {"MUG": 1}, resolution=Resolution.EXCHANGE), policy=AT_ONCE)
    with pytest.raises(Invalid) as resolved:
        decisions.resolve(order, last(order).id, credit, AT_ONCE)

    assert {code_of(asked_for), code_of(resolved)} == {"customer_needed"}


def test_a_person_gives_less_but_never_more_than_it_is_worth() -> None:
    order = request(delivered(), {"MUG": 1}, AT_ONCE, resolution=Resolution.EXCHANGE)
    order = receive(order, policy=AT_ONCE)
    less = AskedResolution(Resolution.REFUND, amount=400)

    with pytest.raises(Conflict) as refused:
        decisions.resolve(order, last(order).id, replace(less, amount=1001), AT_ONCE)
    order = after(order, decisions.resolve(order, last(order).id, less, AT_ONCE))

    assert code_of(refused) == "above_worth"
    assert refused.value.context["refundable"] == "10.00"
    assert order.progress.refunds[0].amount == 400


def test_nothing_is_paid_before_it_was_looked_at_where_the_policy_says_so() -> None:
    order = receive(request(delivered(), {"MUG": 1}))

    with pytest.raises(Conflict) as refused:
        decisions.resolve(order, last(order).id, AskedResolution(Resolution.REFUND), BUILT_IN)

    assert code_of(refused) == "not_inspected"


def test_a_return_is_closed_without_what_never_came() -> None:
    order = receive(request(delivered(), {"MUG": 2}), units={"MUG": 1})
    order = inspect(order, {"MUG": {Disposition.RESTOCK: 1}})
    assert last(order).state is ReturnState.PARTIALLY_RECEIVED

    closing = AskedResolution(Resolution.REFUND, close=True)
    order = after(order, decisions.resolve(order, last(order).id, closing, BUILT_IN))

    assert last(order).state is ReturnState.RESOLVED
    assert decisions.returnable(order)["MUG"] == 1
    assert decisions.resolve(order, last(order).id, closing, BUILT_IN) == NOTHING


def test_for_units_that_were_refunded_before_nothing_more_is_given() -> None:
    order = delivered()
    earlier = refund_of(
        order, 2000, "goodwill", granted=2000, lines=(RefundedLine("MUG", 2, 2000),)
    )
    order = after(order, (earlier,))

    order = receive(request(order, {"MUG": 1}, AT_ONCE), policy=AT_ONCE)

    assert len(order.progress.refunds) == 1
    assert last(order).amount == 0


def test_what_was_not_captured_yet_is_due_no_more_and_not_refunded() -> None:
    order = captured()
    payment = order.payments.each[0]
    order = given(
        order,
        happened.OrderSourced(allocated(order), "rule", "why"),
        happened.PaymentAuthorized(payment.id, 3000, "auth", "authorized"),
    )
    order = brought(order)

    order = receive(request(order, {"MUG": 1}, AT_ONCE), policy=AT_ONCE)

    assert (order.progress.refunds[0].amount, order.due.minor) == (0, 2000)


# --- the label ----------------------------------------------------------------------------------


def test_a_return_has_one_label() -> None:
    order = request(delivered(), {"MUG": 1})
    label = ReturnLabel("k", HERE, "pac", "correios", "simulator")
    order = after(order, decisions.choose_label(order, last(order).id, label))

    assert decisions.choose_label(order, last(order).id, label) == NOTHING
    with pytest.raises(Conflict) as refused:
        decisions.choose_label(order, last(order).id, replace(label, node=THERE))
    assert code_of(refused) == "labelled"


def test_what_a_carrier_reports_is_news_only_when_it_is_newer() -> None:
    order = request(delivered(), {"MUG": 1})
    name = last(order).id
    label = ReturnLabel("k", HERE, "pac", "correios", "simulator")
    order = after(order, decisions.choose_label(order, name, label))
    order = after(order, decisions.label_bought(order, name, "T1", "r", 300))
    order = after(order, decisions.track(order, name, "T1", "in_transit", LATER))

    earlier = LATER - timedelta(hours=1)
    assert decisions.track(order, name, "T1", "accepted", earlier) == NOTHING
    assert decisions.track(order, name, "T1", "in_transit", LATER) == NOTHING
    with pytest.raises(Conflict) as refused:
        decisions.track(order, name, "T2", "delivered", LATER)
    assert code_of(refused) == "other_tracking_number"


def test_an_unknown_return_is_not_found() -> None:
    with pytest.raises(NotFound):
        decisions.approve(delivered(), "ret_x")
