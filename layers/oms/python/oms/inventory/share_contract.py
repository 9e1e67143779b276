"""The JSON of channels' shares. A share is a decimal string, quantities are numbers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from oms.catalog.model import Item
from oms.inventory.contract import NotNegative
from oms.inventory.position import Position, Share
from oms.inventory.shares import EVERYBODY, MOST_LENDERS, MOST_RULES, Borrow, available_to
from oms.inventory.store import BorrowPage
from oms.kernel.clock import rfc3339
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Identifier, Quantity, View

Part = Annotated[
    str,
    StringConstraints(pattern=r"^(0(\.\d{1,6})?|1(\.0{1,6})?)$"),
    Field(description="A part of the whole, a decimal string from 0 to 1", examples=["0.30"]),
]


class ShareRuleDocument(Document):
    """A channel has a ``share`` or a ``cap``: a part of whatever comes, or so many units set aside
    for it and no more. What it lacks it may borrow, from the channels it names and in that order;
    ``lends`` is the most that it lends at once."""

    channel: Identifier
    share: Part | None = None
    cap: NotNegative | None = None
    borrows_from: list[Identifier] = Field(default_factory=list, max_length=MOST_LENDERS)
    lends: NotNegative | None = Field(default=None, description="Without a number, all it has")


class SharesDocument(Document):
    """Replaces the rules whole; what is available is granted anew. Without rules every channel may
    have what is available. What no share claims is for all channels but those with a cap."""

    rules: list[ShareRuleDocument] = Field(max_length=MOST_RULES)


class EverybodyView(View):
    granted: Quantity
    left: Quantity


class ShareView(View):
    channel: str
    share: str | None
    cap: Quantity | None
    borrows_from: list[str]
    lends: Quantity | None
    granted: Quantity = Field(description="What it was given of all that came")
    left: Quantity = Field(description="What it may still take of that")
    lent: Quantity = Field(description="What others owe it")
    borrowed: Quantity = Field(description="What it owes others")
    available: Quantity = Field(description="What it may be promised now, borrowing included")


class SharesView(View):
    sku: str
    shares: list[ShareView]
    everybody: EverybodyView


class BorrowView(View):
    holder: str = Field(description="The order, or the reservation, that it was borrowed for")
    borrower: str
    lender: str
    quantity: Quantity
    owed: Quantity = Field(description="0 once it was returned")
    at: str
    returned_at: str | None


class BorrowPageView(View):
    sku: str
    borrows: list[BorrowView]
    next_cursor: str | None = None


def shares_view(item: Item, position: Position, owed: Mapping[str, int]) -> SharesView:
    shares = {share.channel: share for share in position.shares}
    everybody = shares.pop(EVERYBODY, Share(EVERYBODY, 0, 0))
    return SharesView(
        sku=item.sku,
        shares=[_share_view(item, share, position, owed) for share in shares.values()],
        everybody=EverybodyView(
            granted=_shown(everybody.granted, item), left=_shown(everybody.left, item)
        ),
    )


def borrow_page_view(item: Item, page: BorrowPage) -> BorrowPageView:
    return BorrowPageView(
        sku=item.sku,
        borrows=[_borrow_view(item, borrow) for borrow in page.borrows],
        next_cursor=page.cursor,
    )


def _share_view(item: Item, share: Share, position: Position, owed: Mapping[str, int]) -> ShareView:
    rule = share.rule
    return ShareView(
        channel=share.channel,
        share=None if rule.share is None else str(rule.share),
        cap=None if rule.cap is None else _shown(rule.cap, item),
        borrows_from=[*rule.borrows_from],
        lends=None if rule.lends is None else _shown(rule.lends, item),
        granted=_shown(share.granted, item),
        left=_shown(share.left, item),
        lent=_shown(share.lent, item),
        borrowed=_shown(owed.get(share.channel, 0), item),
        available=_shown(available_to(share.channel, position), item),
    )


def _borrow_view(item: Item, borrow: Borrow) -> BorrowView:
    return BorrowView(
        holder=borrow.holder,
        borrower=borrow.borrower,
        lender=borrow.lender,
        quantity=_shown(borrow.units, item),
        owed=_shown(borrow.open, item),
        at=rfc3339(borrow.at),
        returned_at=rfc3339(borrow.returned_at) if borrow.returned_at else None,
    )


def _shown(units: int, item: Item) -> Decimal:
    return Decimal(quantity_number(units, item.scale))
