"""A return over HTTP, from asking for it to the money, with the stock that comes back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from oms.aws.order_store import read_event
from oms.aws.outbox import publications
from oms.aws.return_policy_store import ReturnPolicyStore
from oms.catalog.model import Component, Item
from oms.fulfillment.staff import WORK_SCOPE
from oms.inventory.ledger import shortfalls
from oms.kernel.clock import utc_now
from oms.kernel.errors import OmsError, VersionConflict
from oms.orders.evolve import begin, evolve
from oms.orders.model import Order
from oms.returns import receiving, returning
from oms.returns.asking import AskedReturn
from oms.returns.decisions import AskedReceipt
from oms.returns.model import ReturnLine
from oms.returns.store import ReturnDesk
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

LINES = {"MUG": 2, "TEE": 1}


def test_from_asking_to_the_money_and_the_goods_sell_again(desk: Desk, oms: World) -> None:
    order = desk.delivered()

    asked = desk.ask(order, LINES, reason="too_big")
    desk.receive(asked, "r1", "rj-store", lines=[{"line_id": "MUG", "quantity": 1}])
    desk.receive(asked, "r2", "sp-dc")
    desk.inspect(asked, {"MUG": {"restock": 1}}, "i1", "rj-store")
    done = desk.inspect(asked, {"MUG": {"damaged": 1}, "TEE": {"refurbish": 1}}, "i2", "sp-dc")

    assert (asked["state"], done["state"]) == ("approved", "resolved")
    assert done["amount"] == "30.00"
    assert [each["amount"] for each in done["settlements"]] == ["10.00", "20.00"]
    assert oms.balance("MUG", RJ).available == 1
    assert (oms.balance("MUG", SP).on_hand, oms.balance("MUG", SP).damaged) == (0, 1)
    assert oms.balance("TEE", SP).quality_hold == 1
    refunds = oms.orders.load(order.order_id).progress.refunds
    assert [refund.amount for refund in refunds] == [1000, 2000]
    entry = oms.stock.entries("MUG", "rj-store", 1, None).entries[0]
    assert (entry.kind, entry.reason, entry.order_id) == ("receipt", "return", order.order_id)


def test_the_ledger_explains_what_came_back(desk: Desk, oms: World) -> None:
    asked = desk.ask(desk.delivered(), LINES)
    desk.receive(asked)
    kinds = {"restock": 1, "write_off": 1}
    desk.inspect(asked, {"MUG": kinds, "TEE": {"back_to_supplier": 1}})

    for sku in ("MUG", "TEE"):
        entries = [
            entry
            for node in (SP.id, RJ.id)
            for entry in oms.stock.entries(sku, node, 100, None).entries
        ]
        assert not shortfalls(oms.stock.balances_of(sku), entries, ())
    (gone,) = oms.stock.entries("TEE", RJ.id, 10, None).entries
    assert (gone.kind, gone.reason, gone.on_hand, gone.damaged) == (
        "return",
        "back_to_supplier",
        0,
        0,
    )


def test_what_is_restocked_wakes_who_waits_and_what_is_damaged_does_not(
    desk: Desk, oms: World
) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    desk.receive(asked)

    desk.inspect(asked, {"MUG": {"restock": 1, "damaged": 1}})

    told = [
        published.envelope.type
        for entry in _ledger_items(oms, "MUG#rj-store")
        for published in publications({"dynamodb": {"NewImage": entry}})
    ]
    assert told == ["stock_received"]


def _ledger_items(oms: World, partition: str) -> list[dict[str, Any]]:
    answer = oms.client.query(
        TableName="inventory",
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
    )
    return answer["Items"]


def test_every_step_twice_is_once(desk: Desk, oms: World) -> None:
    order = desk.delivered()
    asked = desk.ask(order, {"MUG": 1}, key="k1")
    assert desk.request(order, {"MUG": 1}, key="k1")[0] == 200

    for _ in range(2):
        desk.step(asked, "approve")
    for _ in range(2):
        desk.receive(asked)
    for _ in range(2):
        done = desk.inspect(asked, {"MUG": {"restock": 1}})
    for _ in range(2):
        desk.step(asked, "resolve")

    after = oms.orders.load(order.order_id)
    assert done["state"] == "resolved"
    assert oms.balance("MUG", RJ).on_hand == 1
    assert [refund.amount for refund in after.progress.refunds] == [1000]
    assert after.version == order.version + 3


def test_the_history_folds_to_the_order(desk: Desk, oms: World) -> None:
    order = desk.delivered()
    asked = desk.ask(order, LINES)
    desk.receive(asked)
    desk.inspect(asked, {"MUG": {"restock": 2}, "TEE": {"restock": 1}})

    events = [read_event(envelope) for envelope in oms.orders.history(order.order_id)]
    folded = begin(events[0])  # type: ignore[arg-type]
    for event in events[1:]:
        folded = evolve(folded, event)
    assert folded.progress == oms.orders.load(order.order_id).progress


def test_a_race_with_another_command_returns_once(
    desk: Desk, oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.delivered()
    asked = desk.ask(order, {"MUG": 2})
    desk.receive(asked)
    commit, lost = type(oms.orders).commit, [1]

    def late(self: Any, *args: Any, **named: Any) -> Order:
        if lost:
            lost.pop()
            raise VersionConflict("somebody was first")
        return commit(self, *args, **named)

    monkeypatch.setattr(type(oms.orders), "commit", late)
    desk.inspect(asked, {"MUG": {"restock": 2}})

    assert oms.balance("MUG", RJ).on_hand == 2
    assert len(oms.orders.load(order.order_id).progress.refunds) == 1


def test_a_preview_says_what_would_happen_and_does_nothing(desk: Desk, oms: World) -> None:
    desk.policy(
        restocking_fee_percent="12.5",
        approval_above=[{"amount": "15.00", "currency": "BRL"}],
        label_paid_by="customer",
    )
    order = desk.delivered()

    status, told = desk.request(order, {"MUG": 2}, preview=True)

    assert status == 200
    assert (told["approved"], told["value"], told["fee"]) == (False, "20.00", "2.50")
    assert (told["expected_amount"], told["label_paid_by"]) == ("17.50", "customer")
    assert oms.orders.load(order.order_id).version == order.version


def test_a_bundle_comes_back_with_all_its_parts_or_one_of_them(
    desk: Desk, oms: World, call: Gateway
) -> None:
    oms.catalog.put_item(
        Item("SET", "A set", components=(Component("MUG", 2), Component("TEE", 1)))
    )
    parts = (
        replace(line("MUG", 4, line_id="SET/MUG"), bundle="SET", bundles=2),
        replace(line("TEE", 2, line_id="SET/TEE"), bundle="SET", bundles=2),
    )
    order = desk.delivered(*parts)

    whole = desk.ask(order, {"SET": 1})
    one = desk.ask(order, {"SET/MUG": 1})

    wanted = {each["line_id"]: each["requested"] for each in whole["lines"]}
    assert wanted == {"SET/MUG": 2, "SET/TEE": 1}
    assert one["lines"][0]["requested"] == 1
    _, left = call("returns", f"GET /v1/orders/{order.order_id}/returns")
    assert left["returnable"] == {"SET/MUG": 1, "SET/TEE": 1}


def test_what_is_sold_by_weight_comes_back_by_weight(desk: Desk, oms: World) -> None:
    oms.catalog.put_item(Item("BEANS", "Coffee", scale=3))
    order = desk.delivered(replace(line("BEANS", 1500), scale=3))

    asked = desk.ask(order, {"BEANS": 0.5})
    desk.receive(asked)
    done = desk.inspect(asked, {"BEANS": {"restock": 0.3, "write_off": 0.2}})

    assert done["lines"][0]["dispositions"] == {"restock": 0.3, "write_off": 0.2}
    assert done["amount"] == "5.00"
    assert oms.balance("BEANS", RJ).on_hand == 300


def test_a_return_is_read_with_those_of_its_order(desk: Desk, call: Gateway) -> None:
    order = desk.delivered()
    asked = desk.ask(order, {"MUG": 1}, resolution="store_credit")

    assert call("returns", f"GET /v1/returns/{asked['id']}") == (200, asked)
    status, told = call("returns", f"GET /v1/orders/{order.order_id}/returns")

    assert (status, told["returns"]) == (200, [asked])
    assert told["returnable"] == {"MUG": 1, "TEE": 1}


def test_a_person_approves_or_says_no_and_a_customer_keeps_it(desk: Desk) -> None:
    desk.policy(approval_above=[{"amount": "0", "currency": "BRL"}])
    order = desk.delivered()
    first, second, third = (desk.ask(order, {each: 1}) for each in ("MUG", "MUG", "TEE"))

    assert desk.step(first, "approve")["state"] == "approved"
    assert desk.step(second, "reject", {"reason": "worn"})["ended_because"] == "worn"
    assert desk.step(third, "cancel")["state"] == "cancelled"


def test_a_return_stays_under_the_policy_it_was_asked_for_under(desk: Desk, call: Gateway) -> None:
    first = desk.policy(refund_when="received")
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    second = desk.policy(refund_when="inspected")

    received = desk.receive(asked)

    assert (first["version"], second["version"], received["policy_version"]) == (1, 2, 1)
    assert received["amount"] == "10.00"
    assert desk.policy(refund_when="inspected") == second
    _, kept = call("returns", "GET /v1/return-policies/p", query={"version": "1"})
    assert kept == first
    _, versions = call("returns", "GET /v1/return-policies/p/versions")
    assert [each["version"] for each in versions["versions"]] == [2, 1]


# --- refusals ---------------------------------------------------------------------------------


Ask = Callable[[Desk], tuple[int, Any]]


def _too_late(desk: Desk) -> tuple[int, Any]:
    return desk.request(desk.delivered(days_ago=31), {"MUG": 1})


def _too_many(desk: Desk) -> tuple[int, Any]:
    return desk.request(desk.delivered(), {"MUG": 3})


def _not_there(desk: Desk) -> tuple[int, Any]:
    return desk.request(desk.oms.capture(content(number="new")), {"MUG": 1})


def _unknown_line(desk: Desk) -> tuple[int, Any]:
    return desk.request(desk.delivered(), {"CUP": 1})


def _kept(desk: Desk) -> tuple[int, Any]:
    desk.policy(non_returnable_tags=["hygiene"])
    desk.oms.catalog.put_item(Item("MUG", "The MUG", tags=("hygiene",)))
    return desk.request(desk.delivered(), {"MUG": 1})


def _unproved(desk: Desk) -> tuple[int, Any]:
    desk.policy(reasons=[{"reason": "defective", "needs_proof": True}])
    return desk.request(desk.delivered(), {"MUG": 1}, reason="defective")


def _no_reason(desk: Desk) -> tuple[int, Any]:
    desk.policy(reasons=[{"reason": "defective"}])
    return desk.request(desk.delivered(), {"MUG": 1}, reason="bored")


def _by_the_customer(desk: Desk) -> tuple[int, Any]:
    return desk.request(desk.delivered(), {"MUG": 1}, override="please", scope=WORK_SCOPE)


def _other_content(desk: Desk) -> tuple[int, Any]:
    order = desk.delivered()
    desk.ask(order, {"MUG": 1}, key="k")
    return desk.request(order, {"TEE": 1}, key="k")


def _receive_too_many(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    lines = [{"line_id": "MUG", "quantity": 2}]
    return desk.try_to(asked, "receive", {"receipt_id": "r", "node": "rj-store", "lines": lines})


def _receive_nowhere(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    return desk.try_to(asked, "receive", {"receipt_id": "r", "node": "nowhere"})


def _other_receipt(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    lines = [{"line_id": "MUG", "quantity": 1}]
    desk.receive(asked, "r", lines=lines)
    return desk.try_to(asked, "receive", {"receipt_id": "r", "node": "sp-dc", "lines": lines})


def _wrong_state(desk: Desk) -> tuple[int, Any]:
    return desk.try_to(desk.ask(desk.delivered(), {"MUG": 1}), "reject", {"reason": "no"})


def _does_not_sum(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    desk.receive(asked)
    lines = [{"line_id": "MUG", "dispositions": {"restock": 1}}]
    return desk.try_to(asked, "inspect", {"inspection_id": "i", "node": "rj-store", "lines": lines})


def _unknown_disposition(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 2})
    desk.receive(asked)
    lines = [{"line_id": "MUG", "dispositions": {"burn": 2}}]
    return desk.try_to(asked, "inspect", {"inspection_id": "i", "node": "rj-store", "lines": lines})


def _resolve_early(desk: Desk) -> tuple[int, Any]:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    desk.receive(asked)
    return desk.try_to(asked, "resolve")


def _resolve_above(desk: Desk) -> tuple[int, Any]:
    desk.policy(refund_when="received")
    asked = desk.ask(desk.delivered(), {"MUG": 1}, resolution="exchange")
    desk.receive(asked)
    return desk.try_to(asked, "resolve", {"resolution": "refund", "amount": "10.01"})


def _resolve_how(desk: Desk) -> tuple[int, Any]:
    return desk.try_to(desk.ask(desk.delivered(), {"MUG": 1}), "resolve", {"resolution": "crypto"})


def _no_such_return(desk: Desk) -> tuple[int, Any]:
    order = desk.delivered()
    return desk.call("returns", f"GET /v1/returns/ret_{order.order_id[4:]}_9")


REFUSED: list[tuple[Ask, int, str]] = [
    (_too_late, 409, "outside_window"),
    (_too_many, 409, "above_delivered"),
    (_not_there, 409, "not_delivered"),
    (_unknown_line, 422, "unknown_line"),
    (_kept, 409, "not_returnable"),
    (_unproved, 422, "proof_needed"),
    (_no_reason, 422, "unknown_reason"),
    (_by_the_customer, 422, "not_for_customers"),
    (_other_content, 409, "content_differs"),
    (_receive_too_many, 409, "above_approved"),
    (_receive_nowhere, 422, "unknown_node"),
    (_other_receipt, 409, "content_differs"),
    (_wrong_state, 409, "illegal_transition"),
    (_does_not_sum, 422, "quantities_do_not_add_up"),
    (_unknown_disposition, 422, "enum"),
    (_resolve_early, 409, "not_inspected"),
    (_resolve_above, 409, "above_worth"),
    (_resolve_how, 422, "literal_error"),
    (_no_such_return, 404, "not_found"),
]


@pytest.mark.parametrize(
    ("ask", "status", "code"), [pytest.param(*row, id=row[0].__name__) for row in REFUSED]
)
def test_a_refusal_says_what_is_wrong(desk: Desk, ask: Ask, status: int, code: str) -> None:
    answered, problem = ask(desk)

    told = problem["code"] if not problem.get("faults") else problem["faults"][0]["code"]
    assert (answered, told) == (status, code)


def test_what_is_left_is_in_the_refusal(desk: Desk) -> None:
    _, problem = _too_many(desk)
    _, over = _receive_too_many(desk)
    _, wrong = _wrong_state(desk)

    assert problem["left"] == {"MUG": 2}
    assert over["left"] == {"MUG": 1}
    assert wrong["state"] == "approved"
    assert {"cancel", "label", "receive"} <= {*wrong["allowed"]}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"return_node": "nowhere"}, "unknown_node"),
        ({"channels": ["moon"]}, "unknown_channel"),
        ({"reasons": [{"reason": "a"}, {"reason": "a"}]}, "reason_twice"),
        (
            {"reasons": [{"reason": "a"}], "windows": [{"days": 1, "reasons": ["b"]}]},
            "unknown_reason",
        ),
        ({"approval_above": [{"amount": "1.001", "currency": "BRL"}]}, "too_many_decimals"),
        (
            {"approval_above": [{"amount": "1", "currency": "BRL"}] * 2},
            "currency_twice",
        ),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(
    call: Gateway, document: dict[str, Any], code: str
) -> None:
    status, problem = call("returns", "PUT /v1/return-policies/p", document)

    assert (status, problem["code"]) == (422, code)


def test_staff_of_another_node_neither_receive_nor_inspect_there(desk: Desk, call: Gateway) -> None:
    asked = desk.ask(desk.delivered(), {"MUG": 1})
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": ["sp-dc"]})[0] == 200
    body = {"receipt_id": "r", "node": "rj-store"}

    status, problem = desk.try_to(asked, "receive", body, caller="rita")
    allowed, _ = desk.try_to(asked, "receive", {**body, "node": "sp-dc"}, caller="rita")

    assert (status, problem["code"], allowed) == (403, "not_your_node", 200)


def test_a_policy_is_not_found_before_it_was_put(call: Gateway) -> None:
    assert call("returns", "GET /v1/return-policies/p")[0] == 404


def at_once(act: Callable[[int], object]) -> list[str]:
    """What became of ten who do the same at once: nothing, or the code of a refusal."""

    def attempt(number: int) -> str:
        try:
            act(number)
        except OmsError as refused:
            return refused.problem_code
        return ""

    with ThreadPoolExecutor(10) as many:
        return list(many.map(attempt, range(10)))


def test_of_ten_who_ask_at_once_as_many_get_it_as_there_are_units(desk: Desk, oms: World) -> None:
    order = desk.delivered()
    tools = ReturnDesk(oms.orders, oms.stock, oms.catalog, ReturnPolicyStore(oms.client, "catalog"))
    asked = AskedReturn((ReturnLine("MUG", 1),))
    cause = replace(CAUSE, at=utc_now())

    def ask(_: int) -> object:
        return returning.request(order.order_id, lambda _: asked, tools, cause)

    codes = at_once(ask)

    made = len(oms.orders.load(order.order_id).progress.returns)
    assert codes.count("") == made <= 2
    assert {*codes} <= {"", "above_delivered", "version_conflict"}


def test_of_ten_same_receipts_at_once_one_counts(desk: Desk, oms: World) -> None:
    order = desk.delivered()
    name = desk.ask(order, {"MUG": 2})["id"]
    tools = ReturnDesk(oms.orders, oms.stock, oms.catalog, ReturnPolicyStore(oms.client, "catalog"))
    receipt = AskedReceipt("r", "rj-store", {"MUG": 1})

    codes = at_once(lambda _: receiving.receive(name, receipt, tools, CAUSE))

    found = oms.orders.load(order.order_id).progress.returns[0]
    assert found.received == {"MUG": 1} and "" in codes
