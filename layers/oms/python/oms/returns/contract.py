"""The JSON of returns."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.kernel.clock import rfc3339
from oms.kernel.errors import Conflict, Faults
from oms.kernel.money import Money
from oms.kernel.quantity import positive_quantity, quantity_number
from oms.orders.contract import Amount, Document, Identifier, Quantity, Text, View
from oms.orders.model import Line, Order
from oms.orders.units_contract import LineUnits, units_of_lines
from oms.returns import worth
from oms.returns.asking import AskedReturn
from oms.returns.coming_back import AskedBack
from oms.returns.decisions import (
    AskedReceipt,
    AskedResolution,
    Findings,
    returnable,
)
from oms.returns.model import (
    Disposition,
    Exchange,
    Origin,
    Payer,
    Resolution,
    Return,
    ReturnKind,
    ReturnLabel,
    ReturnLine,
    ReturnState,
    ReturnUnits,
    Settlement,
)

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{0,64}$")]
NodeName = Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{1,64}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[\w.:\-/#]{1,128}$")]


class AskedLineDocument(Document):
    """Units of a line, or of a bundle that was ordered: then of all its parts."""

    line_id: Identifier
    quantity: Quantity
    reason: Word = Field(default="", description="A word of the policy's")
    note: Text = ""
    proof: Annotated[tuple[Text, ...], Field(max_length=10)] = Field(
        default=(), description="Where what proves it can be seen: addresses of pictures"
    )


class ReturnRequestDocument(Document):
    """What is to come back, and what for. ``override``: why a store or an agent accepts it though
    its window is over."""

    lines: Annotated[list[AskedLineDocument], Field(min_length=1, max_length=100)]
    origin: Origin = Origin.CUSTOMER
    resolution: Literal["refund", "store_credit", "exchange"] = "refund"
    account: Annotated[str, StringConstraints(pattern=r"^(acc_[a-z2-7]{26})?$")] = Field(
        default="", description="Where store credit goes; the customer's own when left out"
    )
    override: Text = ""


class ReturnAnswerDocument(Document):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ReturnLabelOrder(Document):
    """A label to ``node``, else to that of the policy, else to the node it came from; of
    ``service``, else of the cheapest."""

    node: Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{0,64}$")] = ""
    service: Annotated[str, StringConstraints(max_length=128)] = ""
    weight_grams: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None, description="As the items weigh, when left out"
    )


class ReturnReceiptDocument(Document):
    """What has come to ``node``. ``receipt_id`` is the sender's: the same again changes nothing.
    With ``refuse_surplus`` what is over is written down as refused, and given back."""

    receipt_id: Key
    node: NodeName
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="All that is still to come when left out"
    )
    refuse_surplus: bool = False


class FindingsDocument(Document):
    """What becomes of how many units of a line: they sum to ``quantity``."""

    line_id: Identifier
    quantity: Quantity | None = Field(
        default=None, description="All that wait at the node when left out"
    )
    dispositions: Annotated[
        dict[Disposition, Quantity], Field(min_length=1, examples=[{"restock": 1, "damaged": 1}])
    ]


class InspectionDocument(Document):
    """What was found at the node that has received it. ``inspection_id`` is the sender's."""

    inspection_id: Key
    node: NodeName
    lines: Annotated[list[FindingsDocument], Field(min_length=1, max_length=40)]
    note: Text = ""


class ResolutionDocument(Document):
    """What the customer gets for what has come; as it was asked for when left out. ``amount``: when
    it is to be less than the worth. With ``close`` nothing more is expected."""

    resolution: Literal["refund", "store_credit", "none"] | None = None
    amount: Amount | None = None
    account: Annotated[str, StringConstraints(pattern=r"^(acc_[a-z2-7]{26})?$")] = ""
    note: Text = ""
    close: bool = False


class BroughtBackDocument(Document):
    """A parcel that never reached its customer is at ``node``. ``receipt_id`` is the sender's: the
    same again changes nothing. Without ``lines`` all of it came back, and is restocked; ``then``
    its customer gets it once more, or the money for it."""

    receipt_id: Key
    node: NodeName
    lines: Annotated[list[FindingsDocument], Field(min_length=1, max_length=40)] | None = None
    then: Literal["send_again", "refund"] = "send_again"
    note: Text = ""


class ReturnLineView(View):
    line_id: str
    sku: str
    name: str
    reason: str
    note: str
    proof: list[str]
    requested: Quantity
    received: Quantity
    refused: Quantity
    inspected: Quantity
    settled: Quantity
    dispositions: dict[Disposition, Quantity]


class ReturnUnitsView(View):
    line_id: str
    quantity: Quantity


class ReturnReceiptView(View):
    receipt_id: str
    node: str
    at: str
    lines: list[ReturnUnitsView]
    refused: list[ReturnUnitsView]


class ReturnInspectionView(View):
    inspection_id: str
    node: str
    at: str
    note: str


class SettledLineView(View):
    line_id: str
    quantity: Quantity
    worth: str
    fee: str


class SettlementView(View):
    """``amount``: what the lines come to less their fees, and the label that the customer pays,
    plus shipping; or less, as a person decided."""

    resolution: Resolution
    amount: str
    lines: list[SettledLineView]
    shipping: str
    label: str
    refund_id: str
    account: str
    note: str


class ReturnLabelView(View):
    node: str
    service: str
    carrier: str
    tracking_number: str
    paid_by: Payer
    cost: str
    status: str = Field(description="What the carrier last reported")
    reported_at: str | None


class ExchangeView(View):
    """``order_id`` is the order that was made for what comes back, once it was; ``paid`` of its
    ``total`` what comes back has paid, ``collected`` the customer, and ``refunded`` went back to
    her. ``return_by``: when the goods are to be here that were exchanged in advance; ``charged`` of
    their worth is due again."""

    edits: int
    returned: str
    total: str
    order_id: str
    paid: str
    collected: str
    refunded: str
    return_by: str | None
    charged: str


class ReturnView(View):
    id: str
    order_id: str
    kind: ReturnKind
    goods: Literal["keep", "return"]
    state: ReturnState
    origin: Origin
    resolution: Resolution
    account: str
    policy: str
    policy_version: int
    requested_at: str
    needs_approval: str = Field(description="Why a person approves it")
    override: str
    ended_because: str
    closed: bool
    currency: str
    lines: list[ReturnLineView]
    receipts: list[ReturnReceiptView]
    inspections: list[ReturnInspectionView]
    settlements: list[SettlementView]
    amount: str = Field(description="What the customer got for it so far")
    label: ReturnLabelView | None
    exchange: ExchangeView | None


class ReturnList(View):
    """``returnable``: units by line that were delivered, and are in no return."""

    returns: list[ReturnView]
    returnable: dict[str, Quantity]


class OpenReturnsView(View):
    """Oldest first."""

    returns: list[ReturnView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to read on; null at the end"
    )


class ReturnPreview(View):
    """What asking for it would do. ``expected_amount`` is what the customer would get, if all of it
    comes back as it should."""

    approved: bool
    needs_approval: str
    policy: str
    policy_version: int
    label_paid_by: Payer
    value: str
    fee: str
    shipping: str
    expected_amount: str
    currency: str
    lines: list[SettledLineView]


def asked_return(document: ReturnRequestDocument, order: Order, key: str) -> AskedReturn:
    """What is asked of a bundle is asked of its parts. Raises ``Invalid`` with every fault."""
    faults = Faults()
    lines: list[ReturnLine] = []
    for index, one in enumerate(document.lines):
        for line_id, quantity in _named(one, order, f"lines.{index}", faults).items():
            lines.append(ReturnLine(line_id, quantity, one.reason, one.note, one.proof))
    faults.refuse("the return breaks a rule")
    return AskedReturn(
        tuple(lines),
        document.origin,
        Resolution(document.resolution),
        document.account,
        document.override,
        _key(document, key),
    )


def _key(document: ReturnRequestDocument, key: str) -> str:
    if not key:
        return ""
    content = document.model_dump_json().encode()
    return f"{key}:{hashlib.sha256(content).hexdigest()[:16]}"


def _named(one: AskedLineDocument, order: Order, path: str, faults: Faults) -> dict[str, int]:
    whole = [line for line in order.content.lines if line.line_id == one.line_id]
    parts = [line for line in order.content.lines if line.bundle == one.line_id and line.bundles]
    if not whole and not parts:
        faults.add(f"{path}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
        return {}
    if whole:
        units = positive_quantity(one.quantity, whole[0].scale, f"{path}.quantity", faults)
        return {one.line_id: units}
    bundles = positive_quantity(one.quantity, 0, f"{path}.quantity", faults)
    return {line.line_id: line.quantity * bundles // line.bundles for line in parts}


def asked_receipt(document: ReturnReceiptDocument, order: Order) -> AskedReceipt:
    """Raises ``Invalid`` with every fault."""
    lines = document.lines
    units = None if lines is None else units_of_lines(lines, order)
    return AskedReceipt(document.receipt_id, document.node, units, document.refuse_surplus)


def asked_back(document: BroughtBackDocument, order: Order) -> AskedBack:
    """Raises ``Invalid`` with every fault."""
    findings = findings_of(document.lines or (), order)
    again = document.then == "send_again"
    return AskedBack(document.receipt_id, document.node, findings, again)


def findings_of(lines: Sequence[FindingsDocument], order: Order) -> tuple[Findings, ...]:
    """Raises ``Invalid`` with every fault."""
    faults = Faults()
    known = {line.line_id: line for line in order.content.lines}
    found: list[Findings] = []
    for index, one in enumerate(lines):
        path, line = f"lines.{index}", known.get(one.line_id)
        if line is None:
            faults.add(f"{path}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
            continue
        dispositions = {
            disposition: positive_quantity(
                quantity, line.scale, f"{path}.dispositions.{disposition}", faults
            )
            for disposition, quantity in one.dispositions.items()
        }
        units = (
            None
            if one.quantity is None
            else positive_quantity(one.quantity, line.scale, f"{path}.quantity", faults)
        )
        found.append(Findings(one.line_id, dispositions, units))
    faults.refuse("the inspection breaks a rule")
    return tuple(found)


def asked_resolution(
    document: ResolutionDocument | None, found: Return, currency: str
) -> AskedResolution:
    """Raises ``Invalid`` for an amount with too many decimals, ``Conflict``
    (``replacement_wanted``) of a claim when it is not said what there is instead of the goods."""
    document = document or ResolutionDocument()
    asked = found.resolution if document.resolution is None else Resolution(document.resolution)
    if asked is Resolution.EXCHANGE and found.kind is ReturnKind.CLAIM:
        raise Conflict(
            "its replacement is confirmed, or say what there is instead",
            code="replacement_wanted",
            context={"allowed": ["refund", "store_credit", "none"]},
        )
    if asked is Resolution.EXCHANGE:
        asked = Resolution.REFUND
    amount = None if document.amount is None else Money.parse(document.amount, currency).minor
    return AskedResolution(asked, amount, document.account, document.note, document.close)


def return_view(order: Order, found: Return) -> ReturnView:
    currency = order.content.currency
    return ReturnView(
        id=found.id,
        order_id=order.order_id,
        kind=found.kind,
        goods="keep" if found.keeps_goods else "return",
        state=found.state,
        origin=found.origin,
        resolution=found.resolution,
        account=found.account,
        policy=found.policy,
        policy_version=found.policy_version,
        requested_at=rfc3339(found.requested_at),
        needs_approval=found.needs_approval,
        override=found.overridden,
        ended_because=found.ended_because,
        closed=found.closed,
        currency=currency,
        lines=[_line_view(order, found, line) for line in found.lines],
        receipts=[
            ReturnReceiptView(
                receipt_id=one.id,
                node=one.node,
                at=rfc3339(one.at),
                lines=_units_views(order, one.units),
                refused=_units_views(order, one.refused),
            )
            for one in found.receipts
        ],
        inspections=[
            ReturnInspectionView(
                inspection_id=one.id, node=one.node, at=rfc3339(one.at), note=one.note
            )
            for one in found.inspections
        ],
        settlements=[_settlement_view(order, one) for one in found.settlements],
        amount=_money(order, found.amount),
        label=_label_view(order, found.label),
        exchange=_exchange_view(order, found.exchange),
    )


def _exchange_view(order: Order, exchange: Exchange | None) -> ExchangeView | None:
    if exchange is None:
        return None
    return ExchangeView(
        edits=exchange.edits,
        returned=_money(order, exchange.returned),
        total=_money(order, exchange.total),
        order_id=exchange.order_id,
        paid=_money(order, exchange.paid),
        collected=_money(order, exchange.collected),
        refunded=_money(order, exchange.repaid),
        return_by=rfc3339(exchange.return_by) if exchange.return_by else None,
        charged=_money(order, exchange.charged),
    )


def return_list(order: Order) -> ReturnList:
    return ReturnList(
        returns=[return_view(order, one) for one in order.progress.returns],
        returnable={
            line_id: _shown(order, line_id, units) for line_id, units in returnable(order).items()
        },
    )


def preview_of(order: Order, found: Return, settlement: Settlement, payer: Payer) -> ReturnPreview:
    shown = _settlement_view(order, settlement)
    units = {line.line_id: line.quantity for line in found.lines}
    return ReturnPreview(
        approved=not found.needs_approval,
        needs_approval=found.needs_approval,
        policy=found.policy,
        policy_version=found.policy_version,
        label_paid_by=payer,
        value=str(worth.value_of(order, units)),
        fee=_money(order, sum(line.fee for line in settlement.lines)),
        shipping=shown.shipping,
        expected_amount=shown.amount,
        currency=order.content.currency,
        lines=shown.lines,
    )


def _line_view(order: Order, found: Return, line: ReturnLine) -> ReturnLineView:
    sold: Line = order.content.line(line.line_id)

    def of(units: dict[str, int]) -> Decimal:
        return _shown(order, line.line_id, units.get(line.line_id, 0))

    return ReturnLineView(
        line_id=line.line_id,
        sku=sold.sku,
        name=sold.name,
        reason=line.reason,
        note=line.note,
        proof=list(line.proof),
        requested=_shown(order, line.line_id, line.quantity),
        received=of(found.received),
        refused=of(found.refused),
        inspected=of(found.inspected),
        settled=of(found.settled),
        dispositions={
            disposition: _shown(order, line.line_id, units)
            for (line_id, disposition), units in found.dispositions.items()
            if line_id == line.line_id
        },
    )


def _units_views(order: Order, units: tuple[ReturnUnits, ...]) -> list[ReturnUnitsView]:
    return [
        ReturnUnitsView(line_id=one.line_id, quantity=_shown(order, one.line_id, one.quantity))
        for one in units
    ]


def _settlement_view(order: Order, settlement: Settlement) -> SettlementView:
    return SettlementView(
        resolution=settlement.resolution,
        amount=_money(order, settlement.amount),
        lines=[
            SettledLineView(
                line_id=line.line_id,
                quantity=_shown(order, line.line_id, line.quantity),
                worth=_money(order, line.worth),
                fee=_money(order, line.fee),
            )
            for line in settlement.lines
        ],
        shipping=_money(order, settlement.shipping),
        label=_money(order, settlement.label),
        refund_id=settlement.refund_id,
        account=settlement.account,
        note=settlement.note,
    )


def _label_view(order: Order, label: ReturnLabel | None) -> ReturnLabelView | None:
    if label is None or not label.tracking_number:
        return None
    return ReturnLabelView(
        node=label.node,
        service=label.service,
        carrier=label.carrier,
        tracking_number=label.tracking_number,
        paid_by=label.paid_by,
        cost=_money(order, label.cost),
        status=label.status,
        reported_at=rfc3339(label.reported_at) if label.reported_at else None,
    )


def _money(order: Order, minor: int) -> str:
    return str(Money(minor, order.content.currency))


def _shown(order: Order, line_id: str, units: int) -> Decimal:
    return Decimal(quantity_number(units, order.content.line(line_id).scale))
