"""Refunds of tax and of shipping that are stated as amounts: never more than is left. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.kernel.errors import Conflict
from oms.kernel.money import Money, total
from oms.pricing.shares import of_units, share


@dataclass(frozen=True, slots=True)
class Invoiced:
    """Tax that was invoiced with ``whole`` units of a line, or minor units of shipping, of which
    ``part`` is refunded now. ``contained`` is tax within a discount on prices with tax: it is
    refunded with the rest, and is no tax that was paid."""

    part: int
    whole: int
    tax: Money
    tax_refunded: Money
    contained: Money
    part_refunded: int = 0


@dataclass(frozen=True, slots=True)
class TaxRefund:
    """Tax by what was invoiced, and all tax and the total with what was refunded before it."""

    each: tuple[Money, ...]
    tax: Money
    total: Money


def refund_tax(
    invoiced: Sequence[Invoiced], tax: Money, total_before: Money, most: Money
) -> TaxRefund:
    """Tax that goes back with parts of what was ``invoiced``, added to a refund of ``total_before``
    that contains ``tax`` already. All tax of the refund is never above ``most``, which is what was
    invoiced and is not refunded yet: roundings of several parts may come to more."""
    each = tuple(_part(one) for one in invoiced)
    contained = total([_contained(one) for one in invoiced], tax.currency)
    refunded = min(tax + total(each, tax.currency), max(tax, most))
    return TaxRefund(each, refunded, total_before + (refunded - tax) + contained)


def _part(one: Invoiced) -> Money:
    """Of what was not refunded yet, in proportion to the units that were not."""
    left = one.tax - one.tax_refunded
    return min(left, share(left if one.part_refunded else one.tax, one.part, _rest(one)))


def _contained(one: Invoiced) -> Money:
    return of_units(one.contained, one.part, one.whole, one.part_refunded)


def _rest(one: Invoiced) -> int:
    return one.whole - one.part_refunded


@dataclass(frozen=True, slots=True)
class ShippingRefund:
    """``amount`` as shipping is priced, and what it comes to with its ``tax``."""

    amount: Money
    tax: Money

    @property
    def with_tax(self) -> Money:
        return self.amount + self.tax


def refund_shipping(
    paid: ShippingRefund, refunded: ShippingRefund, asked: Money | None
) -> ShippingRefund:
    """Of the shipping that was ``paid`` what is ``asked``, without its tax: all that is not
    ``refunded`` yet when None. Its tax goes with it in proportion, and the last of it with the last
    part. Raises ``Conflict`` (``refund_above_shipping``) with what is left as ``refundable``."""
    left = paid.amount - refunded.amount
    amount = left if asked is None else asked
    if amount > left:
        raise Conflict(
            f"no more than {left} of the shipping can be refunded",
            code="refund_above_shipping",
            context={"refundable": str(left), "currency": left.currency},
        )
    tax_left = paid.tax - refunded.tax
    if amount == left:
        return ShippingRefund(amount, tax_left)
    return ShippingRefund(amount, min(tax_left, share(paid.tax, amount.minor, paid.amount.minor)))


def without_tax(with_tax: Money, paid: ShippingRefund) -> Money:
    """What shipping is without its tax that is asked back with it."""
    return share(with_tax, paid.amount.minor, paid.with_tax.minor)
