"""What may come back, until when, at whose cost, and when the money follows: policies as
data. Pure.

A version is for good: a return is under the one that held when it was asked for. Percentages are in
hundredths of a percent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from oms.kernel.money import Money
from oms.pricing.shares import rounded
from oms.returns.model import Disposition, Payer

WHOLE = 10_000


class RefundWhen(StrEnum):
    """When what came back is paid for; ``asked``: when a person resolves it, never by itself."""

    RECEIVED = "received"
    INSPECTED = "inspected"
    ASKED = "asked"


class RefundShipping(StrEnum):
    """Whether what the order's shipping cost is given back, too: once everything that was delivered
    has come back, or with anything of it."""

    NEVER = "never"
    WHOLE_ORDER = "whole_order"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Window:
    """``days`` from the delivery, for what fits: a member that is empty fits all. None: for ever,
    0: not at all."""

    days: int | None
    reasons: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def fits(self, reason: str, category: str, channel: str) -> bool:
        asked = ((self.reasons, reason), (self.categories, category), (self.channels, channel))
        return all(not names or name in names for names, name in asked)


@dataclass(frozen=True, slots=True)
class ReasonTerms:
    """What holds for a reason; what is None is as the policy has it for all."""

    reason: str
    needs_proof: bool = False
    label_paid_by: Payer | None = None
    restocking_fee: int | None = None
    refund_shipping: RefundShipping | None = None


@dataclass(frozen=True, slots=True)
class ReturnPolicy:
    """``windows``: the first that fits, else ``window_days``. Without ``reasons`` any word is one.

    ``approval_above``: by currency the value above which a person approves; none at all, nobody
    has to; of another currency, somebody always has to. ``restocks``: the dispositions whose units
    are on hand at once. ``return_node`` is where labels lead to, if none is asked for.
    ``without_receipt``: by currency the most store credit that a customer gets in 30 days for what
    no order is known of; none of the currency, nothing.

    ``advance_days``: until when goods are to come that were exchanged in advance, 0: that is not
    done. ``claim_days`` from the delivery a claim can be made, None: for ever;
    ``claimed_goods_come_back``: unless whoever makes it says otherwise.
    """

    id: str
    name: str = ""
    version: int = 0
    active: bool = True
    put_at: datetime | None = None
    channels: tuple[str, ...] = ()
    window_days: int | None = 30
    windows: tuple[Window, ...] = ()
    reasons: tuple[ReasonTerms, ...] = ()
    non_returnable_skus: tuple[str, ...] = ()
    non_returnable_tags: tuple[str, ...] = ()
    approval_above: tuple[Money, ...] = ()
    label_paid_by: Payer = Payer.MERCHANT
    return_node: str = ""
    restocks: tuple[Disposition, ...] = (Disposition.RESTOCK,)
    refund_when: RefundWhen = RefundWhen.INSPECTED
    restocking_fee: int = 0
    refund_shipping: RefundShipping = RefundShipping.NEVER
    without_receipt: tuple[Money, ...] = ()
    advance_days: int = 14
    claim_days: int | None = 90
    claimed_goods_come_back: bool = False

    def terms(self, reason: str) -> ReasonTerms:
        """All that holds for a reason."""
        own = next((one for one in self.reasons if one.reason == reason), ReasonTerms(reason))
        fee, shipping = own.restocking_fee, own.refund_shipping
        return replace(
            own,
            label_paid_by=own.label_paid_by or self.label_paid_by,
            restocking_fee=self.restocking_fee if fee is None else fee,
            refund_shipping=shipping or self.refund_shipping,
        )

    def knows(self, reason: str) -> bool:
        return not self.reasons or any(one.reason == reason for one in self.reasons)

    def days(self, reason: str, category: str, channel: str) -> int | None:
        fitting = (one for one in self.windows if one.fits(reason, category, channel))
        return next((one.days for one in fitting), self.window_days)

    def needs_approval(self, value: Money) -> str:
        """Why a person must approve a return of that value; empty when nobody must."""
        if not self.approval_above:
            return ""
        limit = amount_in(value.currency, self.approval_above)
        if limit is None:
            return f"the policy has no limit in {value.currency}"
        return f"worth more than {limit} {limit.currency}" if value > limit else ""

    def fee(self, reason: str, worth: int) -> int:
        """Of what units are worth, rounded half up."""
        rate = self.terms(reason).restocking_fee or 0
        return rounded(worth * rate, WHOLE)


# Where nobody has put a policy.
BUILT_IN = ReturnPolicy("built_in", "30 days from delivery, refunded once looked at")


def amount_in(currency: str, amounts: Iterable[Money]) -> Money | None:
    return next((one for one in amounts if one.currency == currency), None)


def chosen(policies: Iterable[ReturnPolicy], channel: str) -> ReturnPolicy:
    """The policy that names the channel before one for all channels, and of several the first by
    id."""
    fitting = (
        one for one in policies if one.active and (not one.channels or channel in one.channels)
    )
    return min(fitting, key=lambda one: (not one.channels, one.id), default=BUILT_IN)


def is_same(one: ReturnPolicy, other: ReturnPolicy) -> bool:
    """Whether they say the same, whenever they were put."""
    return replace(one, version=0, put_at=None) == replace(other, version=0, put_at=None)


def is_open(delivered: datetime, days: int | None, now: datetime) -> bool:
    return days is None or (days > 0 and now <= delivered + timedelta(days=days))
