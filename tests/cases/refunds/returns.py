"""Cases of goods that come back: asked for, received, looked at, paid for.

What a peer calls a return of units that have not left is cancelling them here. A return in a peer's
state is one that our steps have brought there. A step is *accepted* when it was not refused and
something is different after it: one that was taken before is not taken again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from oms.aws.return_policy_store import ReturnPolicyStore
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause
from oms.kernel.ids import order_id
from oms.orders.model import FulfillmentState, Line, Order
from oms.orders.parts import line_amounts
from oms.orders.suggesting import Asked
from oms.returns import decisions, receiving, returning, worth
from oms.returns.contract import (
    InspectionDocument,
    ResolutionDocument,
    ReturnAnswerDocument,
    ReturnReceiptDocument,
    ReturnRequestDocument,
    asked_receipt,
    asked_resolution,
    asked_return,
    findings_of,
)
from oms.returns.model import Disposition, Return, ReturnState
from oms.returns.policy import RefundShipping, RefundWhen, ReturnPolicy
from oms.returns.store import ReturnDesk
from tests.cases.lifecycle.shop import HERE
from tests.cases.reading import CARRIED, Keys, NotUnderstoodError, Step, steps_of
from tests.cases.refunds.paid import Means, PaidOrder, usd
from tests.integration.world import World
from tests.samples import NOW

Facts = dict[str, Any]

_LINE = "L1"
_PRICE = 1000
_RESTOCK, _DAMAGED = "restock", "damaged"

# States of a return, as peers call them.
_STATES: Mapping[str, frozenset[ReturnState]] = {
    **dict.fromkeys(("requested", "open", "created"), frozenset({ReturnState.REQUESTED})),
    **dict.fromkeys(("approved", "accepted", "authorized"), frozenset({ReturnState.APPROVED})),
    **dict.fromkeys(("rejected", "declined"), frozenset({ReturnState.REJECTED})),
    **dict.fromkeys(("canceled", "cancelled"), frozenset({ReturnState.CANCELLED})),
    **dict.fromkeys(
        ("partially_received", "partially_returned"), frozenset({ReturnState.PARTIALLY_RECEIVED})
    ),
    "received": frozenset({ReturnState.RECEIVED, ReturnState.INSPECTED, ReturnState.RESOLVED}),
    "returned": frozenset({ReturnState.RECEIVED, ReturnState.INSPECTED, ReturnState.RESOLVED}),
    "inspected": frozenset({ReturnState.INSPECTED, ReturnState.RESOLVED}),
    **dict.fromkeys(
        ("refunded", "resolved", "completed", "closed"), frozenset({ReturnState.RESOLVED})
    ),
}


# A person approves, and nobody is paid before a person says so.
_POLICY = ReturnPolicy("cases", refund_when=RefundWhen.ASKED, approval_above=(usd(0),))


class Returned:
    """An order, and what of it comes back."""

    def __init__(
        self,
        oms: World,
        lines: Sequence[Line],
        *,
        shipping: int = 0,
        captured: int | None = None,
        policy: ReturnPolicy | None = None,
    ) -> None:
        total = sum(line.net.minor for line in lines) + shipping
        taken = total if captured is None else captured
        means = [Means("1", max(total, taken), max(total, taken), taken)]
        self.paid = PaidOrder(oms, lines, means, shipping=shipping, stays=False)
        self.policies = ReturnPolicyStore(oms.client, "catalog")
        self.set_policy(policy or _POLICY)
        self.desk = ReturnDesk(oms.orders, oms.stock, oms.catalog, self.policies)
        self.days = 0
        self.last = ""
        self.names = 0
        self.refused = ""
        self.accepted: list[bool] = []
        self.receipt: dict[str, Any] = {}

    def set_policy(self, policy: ReturnPolicy) -> None:
        latest = self.policies.latest(policy.id)
        version = latest.version if latest else 0
        self.policies.put(replace(policy, version=version), Cause(NOW, "tester"))

    @property
    def policy(self) -> ReturnPolicy:
        return self.policies.for_channel("web")

    @property
    def order(self) -> Order:
        return self.paid.order

    @property
    def found(self) -> Return | None:
        returns = self.order.progress.returns
        return next((one for one in returns if one.id == self.last), None)

    def cause(self) -> Cause:
        cause = self.paid.shop.cause()
        return replace(cause, at=cause.at + timedelta(days=self.days))

    def bring(self, units: Mapping[str, int]) -> None:
        """These are with the customer."""
        wanted = {name: many for name, many in units.items() if many}
        if not wanted:
            return
        shop = self.paid.shop
        if not shop.parts:
            shop.release()
        for part in shop.carve(wanted, shop.open_parts()):
            shop.to(part, FulfillmentState.DELIVERED)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether it was accepted and did something. Of several refusals the first counts."""
        before, refused = self.order.version, ""
        try:
            act()
        except ValidationError as wrong:
            refused = wrong.errors()[0]["type"]
        except OmsError as wrong:
            refused = next(iter(fault.code for fault in wrong.faults), wrong.problem_code)
        self.refused = self.refused or refused
        done = self.order.version > before and not refused
        self.accepted.append(done)
        return done

    # --- the steps --------------------------------------------------------------------------

    def request(
        self, units: Mapping[str, int], *, staff: bool = False, resolution: str = "refund"
    ) -> None:
        lines = [{"line_id": name, "quantity": many} for name, many in units.items()]
        document = _read(
            ReturnRequestDocument,
            lines=lines,
            origin="agent" if staff else "customer",
            override="staff may" if staff else "",
            resolution=resolution,
        )
        done = returning.request(
            self.order.order_id,
            lambda order: asked_return(document, order, ""),
            self.desk,
            self.cause(),
        )
        self.last = done.found.id

    def approve(self) -> None:
        returning.approve(self.last, self.desk, self.cause())

    def reject(self, reason: str = "no") -> None:
        answer = _read(ReturnAnswerDocument, reason=reason)
        returning.reject(self.last, answer.reason, self.desk, self.cause())

    def cancel(self) -> None:
        returning.cancel(self.last, "kept", self.desk, self.cause())

    def receive(self, units: Mapping[str, int] | None, name: str = "") -> None:
        lines = None
        if units is not None:
            lines = [{"line_id": one, "quantity": many} for one, many in units.items()]
        document = _read(
            ReturnReceiptDocument, receipt_id=name or self._name(), node=HERE, lines=lines
        )
        asked = asked_receipt(document, self.order)
        receiving.receive(self.last, asked, self.desk, self.cause())

    def inspect(self, findings: Mapping[str, Mapping[str, int]], name: str = "") -> None:
        lines = [
            {"line_id": name, "quantity": sum(kinds.values()), "dispositions": kinds}
            for name, kinds in findings.items()
        ]
        name = name or self._name()
        document = _read(InspectionDocument, inspection_id=name, node=HERE, lines=lines)
        found = findings_of(document.lines, self.order)
        receiving.inspect(self.last, name, HERE, found, "", self.desk, self.cause())

    def inspect_rest(self, kind: str = _RESTOCK) -> None:
        """What has come and nobody looked at is all alike."""
        waits = self.found.uninspected if self.found else {}
        if waits:
            self.inspect({name: {kind: many} for name, many in waits.items()})

    def resolve(self, **said: Any) -> None:
        document = _read(ResolutionDocument, **said)
        returning.resolve(
            self.last,
            lambda order, found: asked_resolution(document, found, order.content.currency),
            self.desk,
            self.cause(),
        )

    def _name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    # --- what there is ----------------------------------------------------------------------

    def on_hand(self, sku: str = _LINE) -> int:
        return self.paid.shop.balance(sku)[0]

    def entries(self, sku: str = _LINE) -> int:
        """Entries of the ledger that reserve, or give back what was reserved."""
        found = self.paid.shop.oms.stock.entries(sku, HERE, 100, None).entries
        return sum(1 for entry in found if entry.reserved)


def _read(model: type[Any], **said: Any) -> Any:
    """As the API reads it."""
    document: BaseModel = model.model_validate(said)
    return document


def _line(name: str, quantity: int, price: int, tax: int = 0) -> Line:
    return Line(name, name, f"The {name}", quantity, usd(price), usd(0), usd(tax))


# --- what is given --------------------------------------------------------------------------------


@cache
def _standard_orders() -> Mapping[str, Mapping[str, Any]]:
    schema = json.loads((CARRIED / "refunds_returns.json").read_text())["schema"]
    described = (each for each in schema.values() if isinstance(each, dict) and "lines" in each)
    return {each["id"]: each for each in described}


def _opened(
    given: Keys, oms: World, policy: ReturnPolicy | None = None, *, approved: bool = True
) -> Returned:
    described = dict(_standard_orders().get(str(given.value("order", "")), {}))
    shipping = int(
        given.first("shipping_gross", "shipping", default=described.get("shipping_gross", 0)) or 0
    )
    given.first("total_gross", "total")
    lines, brought = _lines(given, described)
    taken = given.first("captured", "charged")
    payment = given.value("payment", "completed")
    if payment not in ("completed", "captured", "settled", "paid"):
        raise NotUnderstoodError(f"payment: {payment!r}")
    case = Returned(
        oms,
        lines,
        shipping=shipping,
        captured=None if taken is None else int(taken),
        policy=policy,
    )
    placed = _placed(given)
    brought |= _units(given.first("fulfilled", "delivered", "shipped", default={})) or {}
    given.value("shipped_units")
    if placed:
        case.bring(brought)
    if asked := _units(given.first("requested", "requested_elsewhere", default={})):
        case.request(asked)
        if approved:
            case.approve()
    if came := _units(given.value("received", {})):
        case.receive(came)
        case.inspect_rest()
    return case


def _placed(given: Keys) -> bool:
    state = given.value("order_state", "placed")
    if state in ("not placed", "draft", "incomplete", "cart", "unplaced", "not completed"):
        return False
    if state not in ("placed", "complete", "completed", "shipped", "delivered", "fulfilled"):
        raise NotUnderstoodError(f"order_state: {state!r}")
    return True


def _lines(given: Keys, described: Mapping[str, Any]) -> tuple[list[Line], dict[str, int]]:
    """The lines, and what of them is with the customer where they say so themselves."""
    lines: list[Line] = []
    brought: dict[str, int] = {}
    for number, each in enumerate(given.value("lines") or described.get("lines", ())):
        said = Keys(f"lines.{number}", each)
        name = str(said.first("id", "line", default=_LINE))
        gross = int(said.first("unit_gross", "unit_price", "price", default=_PRICE))
        net, _rate = said.value("unit_net", gross), said.first("tax_rate", "rate")
        quantity = int(said.first("qty", "quantity", default=1))
        arrived = said.first("fulfilled", "delivered", "shipped")
        if arrived is not None:
            brought[name] = int(arrived)
        said.done()
        lines.append(_line(name, quantity, gross, (gross - int(net)) * quantity))
    if lines:
        return lines, brought
    many = given.first("ordered", "line_qty", "qty", "order_qty")
    arrived = given.first("shipped_units", "shipped", "delivered", "fulfilled")
    price = int(given.first("unit_price", "unit_gross", default=_PRICE))
    counted = [one for one in (many, arrived, given.value("requested")) if isinstance(one, int)]
    quantity = max([one for one in counted if one], default=1)
    return [_line(_LINE, quantity, price)], {_LINE: quantity if arrived is None else int(arrived)}


def _units(value: Any) -> dict[str, int] | None:
    """None for all of it."""
    if value is None or value is True or value in ("all", "everything"):
        return None
    if isinstance(value, int):
        return {_LINE: value}
    if isinstance(value, Mapping):
        return {str(name): int(many) for name, many in value.items()}
    found: dict[str, int] = {}
    for number, each in enumerate(value):
        if not isinstance(each, Mapping):
            found[str(each)] = found.get(str(each), 0) + 1
            continue
        said = Keys(f"lines.{number}", each)
        name = str(said.first("line", "id", "line_id", default=_LINE))
        found[name] = found.get(name, 0) + int(said.first("qty", "quantity", default=1))
        said.first("reason", "note")
        said.value("replace")
        said.done()
    return found


# --- what is done ---------------------------------------------------------------------------------

_VERBS = frozenset(
    """return request_return open_return approve approve_return reject reject_return decline cancel
    cancel_return receive receive_return receive_damaged change_received_to inspect refund
    refund_return resolve""".split()
)


class _Steps:
    """What a case does to one return. A receipt can be changed until the next step."""

    def __init__(self, case: Returned, *, staff: bool = False, approves: bool = True) -> None:
        """``approves``: the peer has a step for that; else asking for it is enough."""
        self.case, self.staff, self.approves = case, staff, approves
        self.draft: tuple[dict[str, int] | None, dict[str, int], str] | None = None
        self.replaced: dict[str, int] = {}
        self.made: list[str] = []
        self.method = ""

    def do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.verb == "change_received_to" and self.draft:
                step.more.done()
                _, damaged, kind = self.draft
                self.draft = (_units(step.value), damaged, kind)
                continue
            self.flush()
            self._do(step)
        self.flush()

    def _do(self, step: Step) -> None:
        case = self.case
        if step.verb in ("receive", "receive_return", "receive_damaged"):
            self._draft(step)
            return
        if step.verb in ("refund", "refund_return", "resolve"):
            said = _refund_said(step)
            case.attempt(lambda: case.resolve(**said))
            return
        if step.verb == "return":
            case.attempt(lambda: self._return(step))
            return
        if step.verb in ("request_return", "open_return"):
            units = _units(step.value) or {_LINE: 1}
            step.more.first("reason", "note")
            step.more.done()
            if case.attempt(lambda: case.request(units, staff=self.staff)) and not self.approves:
                case.approve()
            return
        answers = {
            "approve": case.approve,
            "reject": case.reject,
            "decline": case.reject,
            "cancel": case.cancel,
            "inspect": case.inspect_rest,
        }
        step.more.value("reason")
        step.more.done()
        case.attempt(answers[step.verb.removesuffix("_return")])

    def _draft(self, step: Step) -> None:
        """All of it is good for sale, unless the step says otherwise."""
        units, damaged = _units(step.value), _units(step.more.value("receive_damaged", {})) or {}
        if step.verb == "receive_damaged":
            units, damaged = {}, units or {}
        good = step.more.first("resellable", "restock", default=True)
        step.more.done()
        self.draft = (units, damaged, _RESTOCK if good else _DAMAGED)

    def flush(self) -> None:
        if self.draft is None:
            return
        units, damaged, kind = self.draft
        self.draft = None
        self.case.attempt(lambda: self._receive(units, damaged, kind))

    def _receive(self, units: dict[str, int] | None, damaged: Mapping[str, int], kind: str) -> None:
        case = self.case
        if units is not None and damaged:
            units = {
                name: units.get(name, 0) + damaged.get(name, 0) for name in {**units, **damaged}
            }
        case.receive(units)
        if damaged:
            case.inspect({name: {_DAMAGED: many} for name, many in damaged.items()})
        case.inspect_rest(kind)

    def _return(self, step: Step) -> None:
        """In one go: what has not left is cancelled, the rest comes back at once."""
        said = Keys("return", step.value)
        step.more.done()
        lines = said.first("lines", "fulfillment_lines", "order_lines", "fulfilled_lines")
        wanted = _units(lines) or {}
        again = [each for each in lines if isinstance(each, Mapping) and each.get("replace")]
        self.replaced = _units(again) or {}
        refund, amount = bool(said.value("refund", False)), said.value("amount")
        if said.first("include_shipping", "shipping", default=False):
            policy = replace(self.case.policy, refund_shipping=RefundShipping.ALWAYS)
            self.case.set_policy(policy)
        said.done()
        known = {line.line_id for line in self.case.order.content.lines}
        back = decisions.returnable(self.case.order)
        came = {name: min(many, back.get(name, 0)) for name, many in wanted.items()}
        stays = {name: many - came[name] for name, many in wanted.items() if name in known}
        if any(stays.values()):
            self.case.paid.cancel_lines({name: many for name, many in stays.items() if many})
        if any(came.values()) or wanted.keys() - known:
            self._comes_back(
                {name: many for name, many in came.items() if many or name not in known},
                amount if refund else None,
                refund=refund,
            )
        self._send_again()

    def _comes_back(self, units: dict[str, int], amount: Any, *, refund: bool) -> None:
        case = self.case
        case.request(units)
        case.approve()
        case.receive(units)
        case.inspect_rest()
        if not refund:
            case.resolve(resolution="none")
            return
        most = worth.value_of(case.order, units).minor
        asked = None if amount is None else int(amount)
        within = asked is not None and asked <= most
        case.resolve(resolution="refund", **({"amount": _shown(asked)} if within else {}))
        given = case.found.amount if case.found else 0
        if asked is not None and asked > given and not within:
            case.paid.ask(Asked(goodwill=usd(asked - given)))
        case.paid.pay_back()

    def _send_again(self) -> None:
        """An order of its own with the same goods."""
        if not self.replaced:
            return
        case = self.case
        content = case.order.content
        lines = tuple(
            replace(
                content.line(name),
                quantity=many,
                unit_price=usd(0),
                discount=usd(0),
                tax=usd(0),
            )
            for name, many in self.replaced.items()
        )
        made = replace(
            content,
            order_id=order_id("web", f"id:{content.order_id}-again"),
            lines=lines,
            shipping=usd(0),
            total=usd(0),
        )
        self.made.append(case.paid.shop.oms.capture(made).order_id)


def _shown(minor: int | None) -> str:
    return str(usd(minor or 0))


def _refund_said(step: Step) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if (method := step.more.first("method", "refund_method", "to")) is not None:
        said["resolution"] = _METHODS.get(str(method), str(method))
    if (amount := step.more.value("amount")) is not None:
        said["amount"] = _shown(int(amount))
    step.more.done()
    if isinstance(step.value, int) and not isinstance(step.value, bool):
        said["amount"] = _shown(step.value)
    elif step.value not in (None, "all", True):
        said["resolution"] = _METHODS.get(str(step.value), str(step.value))
    return said


# Ways of giving money back that peers name; another word is nobody's.
_METHODS: Mapping[str, str] = {
    **dict.fromkeys(
        ("original", "original_payment", "original_payment_method", "original_method", "refund"),
        "refund",
    ),
    "store_credit": "store_credit",
    "none": "none",
}


# --- what is seen ---------------------------------------------------------------------------------

_ABOVE = frozenset({"above_delivered", "not_delivered", "quantity_not_positive", "not_cancellable"})
_MONEY = frozenset({"above_worth", "refund_above_captured", "nothing_to_refund"})
_TOO_MANY = frozenset({"above_approved", "illegal_transition", "quantity_not_positive"})
_STATE = frozenset({"illegal_transition", "not_inspected"})
_WINDOW = frozenset({"outside_window"})
_ERRORS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "invalid_quantity",
            "more_than_fulfilled",
            "quantity_exceeds_fulfilled",
            "quantity_exceeded",
            "quantity_greater_than_available",
        ),
        _ABOVE,
    ),
    **dict.fromkeys(
        ("cannot_refund", "exceeds_captured", "refund_exceeds_paid", "amount_too_large"), _MONEY
    ),
    **dict.fromkeys(
        ("more_than_requested", "quantity_exceeds_requested", "over_received"), _TOO_MANY
    ),
    **dict.fromkeys(
        ("invalid_state", "invalid_transition", "wrong_state", "not_received", "not_requested"),
        _STATE,
    ),
    **dict.fromkeys(
        ("outside_window", "return_window_expired", "window_closed", "not_eligible"),
        _WINDOW | {"not_returnable"},
    ),
    **dict.fromkeys(
        ("line_not_found", "not_found", "unknown_line"), frozenset({"unknown_line", "not_found"})
    ),
    **dict.fromkeys(
        ("unknown_method", "invalid_method", "unknown_refund_method"), frozenset({"literal_error"})
    ),
    **dict.fromkeys(
        ("final_sale", "not_returnable", "non_returnable"), frozenset({"not_returnable"})
    ),
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def _called(expected: Any, state: str) -> str:
    word = str(expected)
    return word if any(str(one) == state for one in _STATES.get(word, ())) else state


def _state(expected: Any, case: Returned, steps: _Steps) -> str:
    """Of a return; of goods that came back at once also what was given for them."""
    found = case.found
    paid = any(refund.amount for refund in case.paid.refunds)
    gone = found is not None or any(case.paid.cancelled.values())
    words = {
        "refunded_and_returned": paid and gone,
        "returned": gone and not paid,
        "replaced": bool(steps.replaced) and not paid,
    }
    if words.get(str(expected)) and (found is None or found.receipts):
        return str(expected)
    return _called(expected, str(found.state) if found else "")


def _line_facts(case: Returned) -> Facts:
    """By line of the return how it stands; what is not fit for sale is written off."""
    found = case.found
    if found is None:
        return {}
    facts: Facts = {}
    for line in found.lines:
        name = line.line_id
        fit = found.dispositions.get((name, _disposition(_RESTOCK)), 0)
        came = found.received.get(name, 0)
        facts[f"line_{name}"] = {
            "requested": found.expected.get(name, 0),
            "received": fit,
            "dismissed": came - fit,
            "written_off": came - fit,
            "returned": came,
        }
    return facts


def _disposition(word: str) -> Any:
    return next(kind for kind in Disposition if kind == word)


def _facts(case: Returned, steps: _Steps, then: Keys) -> Facts:
    order, found = case.order, case.found
    refunds = case.paid.refunds
    linked = [refund for refund in refunds if found and refund.return_id == found.id]
    error = str(then.value("error"))
    counts = dict(
        zip((line.line_id for line in order.content.lines), order.progress.counts, strict=True)
    )
    shipping = sum(refund.shipping for refund in refunds)
    amounts = line_amounts(order)
    cancelled = {name: many for name, many in case.paid.cancelled.items() if many}
    back = {**cancelled}
    for name, many in (found.asked if found else {}).items():
        back[name] = back.get(name, 0) + many
    for name, many in steps.replaced.items():
        back[name] = back.get(name, 0) - many
    refused = case.refused
    stands = {
        word: _called(then.value(word), str(found.state) if found else "")
        for word in ("status", "return_status", "return_state")
    }
    return {
        "accepted": all(case.accepted),
        "last_accepted": bool(case.accepted and case.accepted[-1]),
        **{f"{word}_accepted": done for word, done in zip(_ORDINALS, case.accepted, strict=False)},
        "error": error if refused in _ERRORS.get(error, ()) else refused or None,
        **stands,
        "state": _state(then.value("state"), case, steps),
        "lines": len(found.lines) if found else 0,
        "refund_amount": sum(refund.amount for refund in refunds),
        "refund_total": sum(refund.amount for refund in refunds),
        "refunds": len(refunds),
        "refund_linked_to_return": bool(linked),
        "refunded": bool(linked),
        "store_credit": sum(refund.amount for refund in linked if refund.to),
        "shipping_refund": shipping or None,
        "provider_called": bool(case.paid.provider.keys),
        "unfulfilled_after": case.paid.unfulfilled(),
        "fulfilled_not_returned_after": {name: each.delivered for name, each in counts.items()},
        "returned": {name: each.returned for name, each in counts.items()},
        "returned_lines": [{"line": name, "qty": many} for name, many in back.items() if many > 0],
        "replaced_lines": [{"line": name, "qty": many} for name, many in steps.replaced.items()],
        "replacement_order": _replacement(case, steps),
        "return_requested_total": _value(case),
        "line_total": amounts[0].minor,
        "on_hand": case.on_hand(order.content.lines[0].sku),
        **_line_facts(case),
    }


def _value(case: Returned) -> int:
    return worth.value_of(case.order, case.found.asked).minor if case.found else 0


def _replacement(case: Returned, steps: _Steps) -> Any:
    if not steps.made:
        return False
    again = case.paid.shop.oms.orders.load(steps.made[0])
    return {
        "lines": [
            {"same_as": line.line_id, "qty": line.quantity, "qty_fulfilled": counts.delivered}
            for line, counts in zip(again.content.lines, again.progress.counts, strict=True)
        ],
        "origin": "reissue",
    }


# --- the kinds ------------------------------------------------------------------------------------


def returned(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    case = _opened(given, oms)
    before = case.paid.reserved()
    steps = _Steps(case, approves="lines" not in given)
    steps.do(steps_of(when, _VERBS))
    after = case.paid.reserved()
    change = {name: after[name] - before[name] for name in after}
    return {**_facts(case, steps, then), "allocations_change": change}


def in_a_state(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A return that a peer's state describes, of one line."""
    on_hand = given.value("on_hand")
    state = given.first("return", "state", "status", "return_state")
    described = Keys("return", state) if isinstance(state, Mapping) else None
    if described is not None:
        case = _described(described, oms)
        described.done()
    else:
        case = _opened(given, oms, approved=state is None)
        if state is not None:
            _bring(case, str(state), _units(given.value("qty")))
    before = case.on_hand()
    steps = _Steps(case)
    steps.do(steps_of(when, _VERBS))
    facts = _facts(case, steps, then)
    if on_hand is not None:
        # Counted from what the case says that there was.
        facts["on_hand"] = int(on_hand) + case.on_hand() - before
    return facts


def _described(said: Keys, oms: World) -> Returned:
    """A return with its lines, of which some have come."""
    each = int(said.value("qty_each", 1))
    names = [str(name) for name in said.value("lines")]
    case = Returned(oms, [_line(name, each, _PRICE) for name in names])
    case.bring(dict.fromkeys(names, each))
    case.request(dict.fromkeys(names, each))
    case.approve()
    came = [str(name) for name in said.value("received", ())]
    if came:
        case.receive(dict.fromkeys(came, each))
        case.inspect_rest()
    return case


def _bring(case: Returned, state: str, units: dict[str, int] | None) -> None:
    """A return into that state."""
    if not case.found:
        whole = {line.line_id: line.quantity for line in case.order.content.lines}
        case.request(units or whole)
    if state in ("requested", "open", "created"):
        return None
    if state in ("rejected", "declined"):
        return case.reject()
    if case.found and case.found.state is ReturnState.REQUESTED:
        case.approve()
    if state in ("canceled", "cancelled"):
        return case.cancel()
    if state in ("approved", "accepted", "authorized"):
        return None
    if state not in _STATES:
        raise NotUnderstoodError(f"return: {state!r}")
    asked = case.found.asked if case.found else {}
    if state.startswith("partially"):
        first = next(iter(asked))
        case.receive({first: max(1, asked[first] // 2)})
        return case.inspect_rest()
    case.receive(None)
    case.inspect_rest()
    if state in ("refunded", "resolved", "completed", "closed"):
        case.resolve()
    return None


def window(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A window counts from the delivery here, not from the order."""
    days = given.first("market_window_days", "window_days", "store_window_days", default=30)
    given.first("store_window_days", "default_window_days")
    policy = ReturnPolicy(
        "cases",
        window_days=None if days is None else int(days),
        refund_when=RefundWhen.ASKED,
        non_returnable_skus=(_LINE,) if _is_kept(given) else (),
    )
    passed = int(given.first("days_since_order", "days_since_delivery", default=0))
    staff = bool(given.first("opened_by_staff", "by_staff", default=False))
    case = _opened(given, oms, policy)
    case.days = passed
    steps = _Steps(case, staff=staff)
    steps.do(steps_of(when, _VERBS))
    return _facts(case, steps, then)


def _is_kept(given: Keys) -> bool:
    kept = given.first("final_sale", "non_returnable", default=False)
    return bool(kept) or not given.value("returnable", True)


_DOCUMENT_VERBS = frozenset(
    """create_refund_document create_credit_memo create_refund save_it_again save_again
    refund""".split()
)
_DOCUMENT = "document"


def restock(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A document that says what goes back: of what has not left the reservation ends, what has left
    is restocked. Saved again it is known by its name."""
    ordered = int(given.first("order_qty", "qty", default=1))
    left = int(given.first("shipped", "shipped_units", "fulfilled", default=0))
    entries, on_hand = given.value("reservation_entries"), given.value("on_hand")
    case = Returned(oms, [_line(_LINE, ordered, _PRICE)])
    case.bring({_LINE: left})
    before, there = case.entries(), case.on_hand()
    document = (True, left or ordered)
    told: dict[str, list[int]] = {"reservation_entries": [], "on_hand": []}
    for step in steps_of(when, _DOCUMENT_VERBS):
        document = _document(step, document)
        back, units = document
        case.attempt(lambda back=back, units=units: _put_back(case, units, left, back=back))  # type: ignore[misc]
        told["reservation_entries"].append(
            case.entries() - before + int(before if entries is None else entries)
        )
        told["on_hand"].append(case.on_hand() - there + int(there if on_hand is None else on_hand))
    return {
        name: found if isinstance(then.value(name), list) else found[-1]
        for name, found in told.items()
    } | {"accepted": all(case.accepted)}


def _document(step: Step, before: tuple[bool, int]) -> tuple[bool, int]:
    """Whether it goes back into stock, and how much of it; as ``before`` where it is not said."""
    said = Keys(step.verb, step.value if isinstance(step.value, Mapping) else {})
    units = int(said.first("qty", "quantity", default=before[1]))
    back = said.first("return_to_stock", "back_to_stock", "restock", default=before[0])
    back = step.more.first("return_to_stock", "back_to_stock", "restock", default=back)
    said.done()
    step.more.done()
    return bool(back), units


def _put_back(case: Returned, units: int, left: int, *, back: bool) -> None:
    if not left:
        case.paid.cancel_lines({_LINE: units}, _DOCUMENT)
        return
    if case.found is None:
        case.request({_LINE: units})
        case.approve()
    case.receive({_LINE: units}, _DOCUMENT)
    case.inspect({_LINE: {_RESTOCK if back else _DAMAGED: units}}, _DOCUMENT)


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    "return": returned,
    "return.receive": in_a_state,
    "return.refund": in_a_state,
    "return.window": window,
    "restock": restock,
}

GUARDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {"guard.return": in_a_state}
