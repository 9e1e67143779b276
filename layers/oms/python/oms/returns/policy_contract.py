"""The JSON of return policies."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.catalog.delivery_contract import CostDocument, money_of
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults
from oms.kernel.money import Money
from oms.orders.contract import Document, Identifier, Text
from oms.returns.model import Disposition, Payer
from oms.returns.policy import (
    BUILT_IN,
    ReasonTerms,
    RefundShipping,
    RefundWhen,
    ReturnPolicy,
    Window,
)

Days = Annotated[int, Field(ge=0, le=3650)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Percent = Annotated[
    str,
    StringConstraints(pattern=r"^(100(\.0{1,2})?|\d{1,2}(\.\d{1,2})?)$"),
    Field(description="Per cent, as a decimal string", examples=["12.5"]),
]
Words = Annotated[tuple[Word, ...], Field(max_length=100)]
Texts = Annotated[tuple[Text, ...], Field(max_length=200)]
Names = Annotated[tuple[Identifier, ...], Field(max_length=200)]
Amounts = Annotated[tuple[CostDocument, ...], Field(max_length=50)]


_RESTOCKS: tuple[Literal[Disposition.RESTOCK, Disposition.REFURBISH], ...] = (
    Disposition.RESTOCK,
    Disposition.REFURBISH,
)


class ReturnWindowDocument(Document):
    """For what fits: a member that is left out fits all. Null days: for ever; 0: not at all."""

    days: Days | None
    reasons: Words = ()
    categories: Texts = ()
    channels: Names = ()


class ReturnReasonDocument(Document):
    """What holds for a reason; what is null is as the policy has it for all."""

    reason: Word
    needs_proof: bool = False
    label_paid_by: Payer | None = None
    restocking_fee_percent: Percent | None = None
    refund_shipping: RefundShipping | None = None


class ReturnPolicyDocument(Document):
    """A policy that names an order's channel comes before one that names none."""

    name: Text = ""
    active: bool = True
    channels: Names = ()
    window_days: Days | None = Field(
        default=30, description="From the delivery, where no window fits"
    )
    windows: Annotated[tuple[ReturnWindowDocument, ...], Field(max_length=50)] = Field(
        default=(), description="The first that fits"
    )
    reasons: Annotated[tuple[ReturnReasonDocument, ...], Field(max_length=50)] = Field(
        default=(), description="Those there are; any word when they are left out"
    )
    non_returnable_skus: Names = ()
    non_returnable_tags: Texts = ()
    approval_above: Amounts = Field(
        default=(),
        description="By currency the value above which a person approves. Left out: nobody has to;"
        " of a currency that is not in it somebody always has to",
    )
    label_paid_by: Payer = Payer.MERCHANT
    return_node: Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{0,64}$")] = Field(
        default="", description="Where labels lead to, if no node is asked for"
    )
    restocks: Annotated[
        tuple[Literal[Disposition.RESTOCK, Disposition.REFURBISH], ...], Field(max_length=2)
    ] = Field(default=(Disposition.RESTOCK,), description="What is on hand, and for sale, at once")
    refund_when: RefundWhen = RefundWhen.INSPECTED
    restocking_fee_percent: Percent = "0"
    refund_shipping: RefundShipping = RefundShipping.NEVER
    without_receipt: Amounts = Field(
        default=(),
        description="By currency the most store credit a customer gets in 30 days for what no order"
        " is known of; left out: none",
    )
    advance_days: Annotated[int, Field(ge=0, le=365)] = Field(
        default=14,
        description="Until when goods are to come that are exchanged in advance; 0: that is not"
        " done",
    )
    claim_days: Days | None = Field(
        default=90, description="From the delivery a claim can be made; null: for ever"
    )
    claimed_goods_come_back: bool = Field(
        default=False, description="Unless whoever makes the claim says otherwise"
    )


class ReturnPolicyView(ReturnPolicyDocument):
    id: Identifier
    version: int
    put_at: str


class ReturnPolicyVersions(Document):
    """Newest first."""

    versions: list[ReturnPolicyView]
    next_cursor: str | None = None


def policy_of(policy_id: str, document: ReturnPolicyDocument, faults: Faults) -> ReturnPolicy:
    """Raises nothing: what breaks a rule is a fault."""
    if policy_id == BUILT_IN.id:
        faults.add("id", "reserved_name", "this is the policy where nobody has put one")
    reasons = [one.reason for one in document.reasons]
    for index, reason in enumerate(reasons):
        if reason in reasons[:index]:
            faults.add(f"reasons.{index}.reason", "reason_twice", f"{reason} is there already")
    for index, window in enumerate(document.windows):
        for reason in window.reasons:
            if reasons and reason not in reasons:
                path = f"windows.{index}.reasons"
                faults.add(path, "unknown_reason", f"{reason} is none of its reasons")
    return ReturnPolicy(
        policy_id,
        document.name,
        active=document.active,
        channels=document.channels,
        window_days=document.window_days,
        windows=tuple(
            Window(one.days, one.reasons, one.categories, one.channels) for one in document.windows
        ),
        reasons=tuple(
            ReasonTerms(
                one.reason,
                one.needs_proof,
                one.label_paid_by,
                _hundredths(one.restocking_fee_percent),
                one.refund_shipping,
            )
            for one in document.reasons
        ),
        non_returnable_skus=document.non_returnable_skus,
        non_returnable_tags=document.non_returnable_tags,
        approval_above=_amounts("approval_above", document.approval_above, faults),
        label_paid_by=document.label_paid_by,
        return_node=document.return_node,
        restocks=document.restocks,
        refund_when=document.refund_when,
        restocking_fee=_hundredths(document.restocking_fee_percent) or 0,
        refund_shipping=document.refund_shipping,
        without_receipt=_amounts("without_receipt", document.without_receipt, faults),
        advance_days=document.advance_days,
        claim_days=document.claim_days,
        claimed_goods_come_back=document.claimed_goods_come_back,
    )


def policy_view(policy: ReturnPolicy) -> ReturnPolicyView:
    return ReturnPolicyView(
        id=policy.id,
        version=policy.version,
        put_at=rfc3339(policy.put_at) if policy.put_at else "",
        name=policy.name,
        active=policy.active,
        channels=policy.channels,
        window_days=policy.window_days,
        windows=tuple(
            ReturnWindowDocument(
                days=one.days,
                reasons=one.reasons,
                categories=one.categories,
                channels=one.channels,
            )
            for one in policy.windows
        ),
        reasons=tuple(
            ReturnReasonDocument(
                reason=one.reason,
                needs_proof=one.needs_proof,
                label_paid_by=one.label_paid_by,
                restocking_fee_percent=_percent(one.restocking_fee),
                refund_shipping=one.refund_shipping,
            )
            for one in policy.reasons
        ),
        non_returnable_skus=policy.non_returnable_skus,
        non_returnable_tags=policy.non_returnable_tags,
        approval_above=_shown(policy.approval_above),
        label_paid_by=policy.label_paid_by,
        return_node=policy.return_node,
        restocks=tuple(one for one in _RESTOCKS if one in policy.restocks),
        refund_when=policy.refund_when,
        restocking_fee_percent=_percent(policy.restocking_fee) or "0",
        refund_shipping=policy.refund_shipping,
        without_receipt=_shown(policy.without_receipt),
        advance_days=policy.advance_days,
        claim_days=policy.claim_days,
        claimed_goods_come_back=policy.claimed_goods_come_back,
    )


def _amounts(path: str, costs: tuple[CostDocument, ...], faults: Faults) -> tuple[Money, ...]:
    amounts = tuple(
        amount
        for index, cost in enumerate(costs)
        if (amount := money_of(f"{path}.{index}.amount", cost, faults)) is not None
    )
    currencies = [amount.currency for amount in amounts]
    for index, currency in enumerate(currencies):
        if currency in currencies[:index]:
            faults.add(f"{path}.{index}.currency", "currency_twice", f"{currency} is there already")
    return amounts


def _shown(amounts: tuple[Money, ...]) -> tuple[CostDocument, ...]:
    return tuple(CostDocument(amount=str(one), currency=one.currency) for one in amounts)


def _hundredths(percent: str | None) -> int | None:
    """Of a percent."""
    if percent is None:
        return None
    return int((Decimal(percent) * 100).to_integral_value(ROUND_HALF_EVEN))


def _percent(hundredths: int | None) -> str | None:
    if hundredths is None:
        return None
    return format((Decimal(hundredths) / 100).normalize(), "f")
