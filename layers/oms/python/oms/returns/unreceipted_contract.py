"""The JSON of returns that no order is known of."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from oms.catalog.model import Item
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money
from oms.kernel.quantity import positive_quantity, quantity_number
from oms.orders.contract import Amount, Currency, Document, Identifier, Quantity, Text, View
from oms.returns.contract import NodeName
from oms.returns.model import Disposition
from oms.returns.unreceipted import (
    AskedWithoutReceipt,
    HandedIn,
    UnreceiptedReturn,
    check_items,
)


class HandedInDocument(Document):
    """``amount`` is given for all of these units."""

    sku: Identifier
    quantity: Quantity
    disposition: Disposition = Disposition.RESTOCK
    amount: Amount


class UnreceiptedReturnDocument(Document):
    """Handed in at ``node`` by a customer whose order nobody knows."""

    return_key: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="", description="Names it once; the Idempotency-Key header when left out"
    )
    node: NodeName
    customer: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The customer's id, who gets the store credit"
    )
    currency: Currency
    items: Annotated[list[HandedInDocument], Field(min_length=1, max_length=20)]
    reason: Text = ""
    channel: Annotated[str, StringConstraints(pattern=r"^[\w.:\-/#]{0,128}$")] = Field(
        default="", description="Whose policy holds; that of all channels when left out"
    )


class HandedInView(View):
    sku: str
    quantity: Quantity
    disposition: Disposition
    amount: str


class UnreceiptedReturnView(View):
    id: str
    node: str
    customer: str
    currency: str
    amount: str
    account: str = Field(description="Where the store credit is")
    items: list[HandedInView]
    reason: str
    at: str
    policy: str
    policy_version: int


def asked_without_receipt(
    document: UnreceiptedReturnDocument, key: str, items: Mapping[str, Item]
) -> AskedWithoutReceipt:
    """Raises ``Invalid`` with every fault (``unknown_sku``, ``bundle_has_no_stock``,
    ``line_twice``, and those of quantities and amounts)."""
    faults = Faults()
    check_items([one.sku for one in document.items], items, faults)
    handed_in = tuple(
        HandedIn(
            one.sku,
            positive_quantity(one.quantity, items[one.sku].scale, f"items.{index}.quantity", faults)
            if one.sku in items
            else 0,
            one.disposition,
            _minor(one.amount, document.currency, f"items.{index}.amount", faults),
        )
        for index, one in enumerate(document.items)
    )
    faults.refuse("the return breaks a rule")
    content = document.model_dump_json(exclude={"return_key"}).encode()
    return AskedWithoutReceipt(
        key,
        hashlib.sha256(content).hexdigest()[:32],
        document.node,
        document.customer,
        document.currency,
        handed_in,
        document.reason,
        document.channel,
    )


def unreceipted_view(made: UnreceiptedReturn, items: Mapping[str, Item]) -> UnreceiptedReturnView:
    return UnreceiptedReturnView(
        id=made.id,
        node=made.node,
        customer=made.customer,
        currency=made.currency,
        amount=str(Money(made.amount, made.currency)),
        account=made.account,
        items=[
            HandedInView(
                sku=one.sku,
                quantity=Decimal(quantity_number(one.quantity, _scale(one.sku, items))),
                disposition=one.disposition,
                amount=str(Money(one.amount, made.currency)),
            )
            for one in made.items
        ],
        reason=made.reason,
        at=rfc3339(made.at),
        policy=made.policy,
        policy_version=made.policy_version,
    )


def _scale(sku: str, items: Mapping[str, Item]) -> int:
    return items[sku].scale if sku in items else 0


def _minor(amount: str, currency: str, path: str, faults: Faults) -> int:
    try:
        return Money.parse(amount, currency).minor
    except Invalid as fault:
        faults.add(path, fault.problem_code, fault.detail)
        return 0
