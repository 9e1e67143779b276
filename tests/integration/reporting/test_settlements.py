"""Settlement files over HTTP, against the orders' own payments."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from oms.kernel.clock import rfc3339
from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.model import Order, RefundPart
from tests.integration.world import World
from tests.samples import CAUSE, NOW, content

from .conftest import Call, Project

HEAD = "provider_reference,payment_id,type,amount,currency,fee,settled_at"
WEEK = timedelta(days=7)
Paid = Callable[..., Order]


@pytest.fixture
def paid(oms: World, project: Project) -> Paid:
    """An order of 30.00 that was captured, with further events, and projected."""

    def make(number: str, *more: Event, at: datetime = NOW) -> Order:
        order = oms.capture(content(number=number))
        payment = order.payments.each[0].id
        order = oms.orders.commit(
            order,
            (
                happened.PaymentAuthorized(payment, 3000, f"auth_{number}", f"a{number}", at),
                happened.PaymentCaptured(
                    payment, 3000, f"{payment}:capture:1", f"c{number}", at, f"cap_{number}"
                ),
                *more,
            ),
            replace(CAUSE, at=at),
        )
        project(order.order_id)
        return order

    return make


def file(*rows: Sequence[object]) -> str:
    return "\n".join([HEAD, *(",".join(str(value) for value in row) for row in rows)])


def settlement(csv: str, since: datetime = NOW, **more: object) -> dict[str, Any]:
    return {
        "provider": "simulator",
        "format": "generic",
        "from": rfc3339(since),
        "to": rfc3339(since + WEEK),
        "csv": csv,
        **more,
    }


def payment_of(order: Order) -> str:
    return order.payments.each[0].id


def kinds(call: Call, report: str, **query: str) -> list[tuple[str, str]]:
    _, page = call(f"GET /v1/settlements/{report}/differences", **query)
    return [(one["kind"], (one["ours"] or {}).get("payment_id", "")) for one in page["differences"]]


def test_what_moved_is_listed_by_provider_and_time(
    call: Call, paid: Paid, project: Project
) -> None:
    first = paid("1")
    second = paid("2", at=NOW + timedelta(days=2))
    project(first.order_id)
    period = {"provider": "simulator", "from_": rfc3339(NOW), "to": rfc3339(NOW + WEEK)}
    status, page = call("GET /v1/reports/payments", **period, limit="1")
    assert (status, [one["order_id"] for one in page["movements"]]) == (200, [first.order_id])
    assert page["movements"][0] | {"references": []} == {
        "event_id": f"{first.order_id}:2:2",
        "type": "capture",
        "at": rfc3339(NOW),
        "order_id": first.order_id,
        "payment_id": payment_of(first),
        "amount": "30.00",
        "currency": "BRL",
        "references": [],
    }
    assert "cap_1" in page["movements"][0]["references"]
    _, page = call("GET /v1/reports/payments", **period, limit="1", cursor=page["next_cursor"])
    assert [one["order_id"] for one in page["movements"]] == [second.order_id]
    assert call("GET /v1/reports/payments", **{**period, "provider": "other"})[1] == {
        "movements": [],
        "next_cursor": None,
    }


def test_the_end_of_a_period_is_not_in_it(call: Call, paid: Paid) -> None:
    paid("1")
    period = {"provider": "simulator", "from_": rfc3339(NOW - WEEK), "to": rfc3339(NOW)}
    assert call("GET /v1/reports/payments", **period)[1]["movements"] == []


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"from_": "yesterday", "to": rfc3339(NOW)}, "invalid_time"),
        ({"from_": rfc3339(NOW), "to": rfc3339(NOW)}, "invalid_period"),
        ({"from_": rfc3339(NOW), "to": rfc3339(NOW + 14 * WEEK)}, "invalid_period"),
        ({"from_": rfc3339(NOW), "to": rfc3339(NOW + WEEK), "cursor": "x"}, "invalid_cursor"),
    ],
)
def test_a_period_that_is_none_is_refused(call: Call, period: dict[str, str], code: str) -> None:
    status, problem = call("GET /v1/reports/payments", provider="simulator", **period)
    assert (status, problem["code"]) == (422, code)


def test_a_file_is_compared_and_every_difference_is_of_its_kind(call: Call, paid: Paid) -> None:
    orders = [paid(str(number)) for number in range(6)]
    young = paid("young", at=NOW + timedelta(days=6))
    refunded = paid("refunded")
    csv = file(
        ("cap_0", "", "capture", "30.00", "BRL", "0.90", ""),
        ("cap_1", "", "capture", "29.99", "BRL", "0.90", ""),
        ("cap_2", "", "capture", "30.00", "USD", "", ""),
        ("cap_3", "", "capture", "30.00", "BRL", "0.90", ""),
        ("cap_3", "", "capture", "30.00", "BRL", "0.90", ""),
        ("", payment_of(refunded), "capture", "30.00", "BRL", "0.90", ""),
        ("nobody", "", "refund", "5.00", "BRL", "", ""),
        ("", "", "payout", "112.37", "BRL", "", ""),
    )
    status, report = call("POST /v1/settlements", settlement(csv), caller="finance")
    assert status == 201
    assert report["counts"] == {
        "matched": 3,
        "missing_at_provider": 2,
        "unknown_to_us": 1,
        "amount_differs": 1,
        "currency_differs": 1,
        "duplicate_at_provider": 1,
        "in_transit": 1,
    }
    assert kinds(call, report["id"]) == [
        ("amount_differs", payment_of(orders[1])),
        ("currency_differs", payment_of(orders[2])),
        ("duplicate_at_provider", payment_of(orders[3])),
        ("unknown_to_us", ""),
        *[("missing_at_provider", one) for one in sorted(map(payment_of, orders[4:]))],
        ("in_transit", payment_of(young)),
    ]
    assert report["totals"] == [
        {
            "currency": "BRL",
            "type": "capture",
            "ours": "240.00",
            "theirs": "149.99",
            "difference": "90.01",
        },
        {
            "currency": "BRL",
            "type": "refund",
            "ours": "0.00",
            "theirs": "5.00",
            "difference": "-5.00",
        },
        {
            "currency": "USD",
            "type": "capture",
            "ours": "0.00",
            "theirs": "30.00",
            "difference": "-30.00",
        },
    ]
    assert report["fees"] == [{"currency": "BRL", "amount": "4.50"}]
    assert report["others"] == [
        {"type": "payout", "currency": "BRL", "amount": "112.37", "rows": 1}
    ]
    assert (report["rows"], report["differences"], report["made_by"]) == (8, 7, "finance")
    assert call(f"GET /v1/settlements/{report['id']}") == (200, report)


def test_refunds_chargebacks_and_bounced_refunds_are_movements_too(
    oms: World, call: Call, paid: Paid, project: Project
) -> None:
    order = paid("1")
    payment, at = payment_of(order), NOW + timedelta(hours=1)
    refund = f"rfd_{order.order_id.removeprefix('ord_')}_1"
    order = oms.orders.commit(
        order,
        (
            happened.RefundRequested(refund, 1000, "a test", (RefundPart(payment, 1000),)),
            happened.PaymentRefunded(refund, payment, 1000, "re_1", "k1", at),
            happened.ChargedBack(payment, 500, "dp_1", "k2", at),
            happened.ChargeBackReversed(payment, 500, "dp_1:won", "k5", at),
            happened.RefundReversed(payment, 200, "rr_1", "k3", at),
            happened.RefundFailed(refund, payment, 1000, "bounced", "k4", at + timedelta(days=1)),
        ),
        CAUSE,
    )
    project(order.order_id)
    csv = file(
        ("cap_1", "", "capture", "30.00", "BRL", "", ""),
        ("re_1", "", "refund", "10.00", "BRL", "", ""),
        ("dp_1", "", "chargeback", "5.00", "BRL", "15.00", ""),
        ("", payment, "chargeback_reversed", "5.00", "BRL", "-15.00", ""),
        ("rr_1", "", "refund_reversed", "2.00", "BRL", "", ""),
        ("", refund, "refund_reversed", "10.00", "BRL", "", ""),
    )
    _, report = call("POST /v1/settlements", settlement(csv))
    assert (report["counts"]["matched"], report["differences"]) == (6, 0)


def test_a_refund_that_never_was_made_is_no_movement(
    oms: World, call: Call, paid: Paid, project: Project
) -> None:
    order = paid("1")
    payment, refund = payment_of(order), f"rfd_{order.order_id.removeprefix('ord_')}_1"
    oms.orders.commit(
        order,
        (
            happened.RefundRequested(refund, 1000, "a test", (RefundPart(payment, 1000),)),
            happened.RefundFailed(refund, payment, 1000, "no", "k4", NOW),
        ),
        CAUSE,
    )
    project(order.order_id)
    _, page = call(
        "GET /v1/reports/payments",
        provider="simulator",
        from_=rfc3339(NOW),
        to=rfc3339(NOW + WEEK),
    )
    assert [one["type"] for one in page["movements"]] == ["capture"]


@pytest.mark.parametrize("late", [False, True])
def test_a_capture_that_failed_after_all_did_not_move(
    oms: World, call: Call, paid: Paid, project: Project, late: bool
) -> None:
    """Whichever of its two events is heard first."""
    order = paid("1")
    payment = payment_of(order)
    failed = happened.CaptureFailed(
        payment, "late", f"{payment}:capture:1", "f1", NOW + timedelta(hours=1)
    )
    oms.orders.commit(order, (failed,), CAUSE)
    project(order.order_id)
    if late:
        project(
            next(
                one for one in oms.orders.history(order.order_id) if one.type == "payment_captured"
            )
        )
    period = {"provider": "simulator", "from_": rfc3339(NOW), "to": rfc3339(NOW + WEEK)}
    assert call("GET /v1/reports/payments", **period)[1]["movements"] == []


def test_the_same_file_again_is_the_same_report(call: Call, paid: Paid) -> None:
    paid("1")
    sent = settlement(file(("cap_1", "", "capture", "30.00", "BRL", "", "")))
    first = call("POST /v1/settlements", sent)
    paid("2")
    second = call("POST /v1/settlements", sent)
    assert (first[0], second[0]) == (201, 200)
    assert second[1] == first[1]
    other = call("POST /v1/settlements", {**sent, "tolerance_days": 4})
    assert (other[0], other[1]["id"] == first[1]["id"]) == (201, False)


def test_what_is_left_open_is_carried_into_the_next_report_until_it_is_settled(
    call: Call, paid: Paid
) -> None:
    paid("1")
    missing = paid("2")
    paid("3", at=NOW + timedelta(days=6))
    first = file(("cap_1", "", "capture", "30.00", "BRL", "", ""))
    call("POST /v1/settlements", settlement(first))
    young = file(("cap_3", "", "capture", "30.00", "BRL", "", ""))
    _, second = call("POST /v1/settlements", settlement(young, NOW + WEEK))
    assert kinds(call, second["id"]) == [("missing_at_provider", payment_of(missing))]
    assert second["counts"]["matched"] == 1
    late = file(("cap_2", "", "capture", "30.00", "BRL", "", ""))
    _, third = call("POST /v1/settlements", settlement(late, NOW + 2 * WEEK))
    assert (third["counts"]["matched"], third["differences"]) == (1, 0)


def test_what_is_heard_of_after_its_report_is_missed_by_the_next(call: Call, paid: Paid) -> None:
    empty = file(("", "", "payout", "1.00", "BRL", "", ""))
    paid("1", at=NOW + timedelta(days=6))
    _, first = call("POST /v1/settlements", settlement(empty))
    call(f"POST /v1/settlements/{first['id']}/differences/1/resolve", {"note": "by transfer"})
    late = paid("2", at=NOW + timedelta(days=6))
    _, second = call("POST /v1/settlements", settlement(empty, NOW + WEEK))
    assert kinds(call, second["id"]) == [("missing_at_provider", payment_of(late))]
    found = file(("cap_2", "", "capture", "30.00", "BRL", "", ""))
    _, third = call("POST /v1/settlements", settlement(found, NOW + 2 * WEEK))
    assert (third["counts"]["matched"], third["differences"]) == (1, 0)


def test_what_another_report_has_settled_is_a_duplicate(call: Call, paid: Paid) -> None:
    paid("1", at=NOW + timedelta(days=6))
    csv = file(("cap_1", "", "capture", "30.00", "BRL", "", ""))
    call("POST /v1/settlements", settlement(csv))
    _, second = call("POST /v1/settlements", settlement(csv, NOW + WEEK))
    assert [kind for kind, _ in kinds(call, second["id"])] == ["duplicate_at_provider"]


def test_files_of_the_same_days_do_not_miss_what_the_other_has(call: Call, paid: Paid) -> None:
    paid("1")
    paid("2")
    one = file(("cap_1", "", "capture", "30.00", "BRL", "", ""))
    call("POST /v1/settlements", settlement(one))
    both = file(
        ("cap_1", "", "capture", "30.00", "BRL", "", ""),
        ("cap_2", "", "capture", "30.00", "BRL", "", ""),
    )
    _, second = call("POST /v1/settlements", settlement(both))
    assert (second["counts"]["matched"], second["differences"]) == (2, 0)
    two = file(("cap_2", "", "capture", "30.00", "BRL", "", ""))
    _, third = call("POST /v1/settlements", settlement(two))
    assert third["differences"] == 0


def test_what_is_resolved_is_not_carried(call: Call, paid: Paid) -> None:
    paid("1")
    empty = file(("", "", "payout", "1.00", "BRL", "", ""))
    _, first = call("POST /v1/settlements", settlement(empty))
    path = f"/v1/settlements/{first['id']}/differences/1/resolve"
    status, difference = call(f"POST {path}", {"note": "paid by transfer"}, caller="finance")
    assert (status, difference["resolved"]["note"]) == (200, "paid by transfer")
    assert difference["resolved"]["by"] == "finance"
    _, second = call("POST /v1/settlements", settlement(empty, NOW + WEEK))
    assert second["differences"] == 0


def test_a_difference_is_resolved_once(call: Call, paid: Paid) -> None:
    paid("1")
    paid("2")
    empty = file(("", "", "payout", "1.00", "BRL", "", ""))
    _, report = call("POST /v1/settlements", settlement(empty))
    path = f"POST /v1/settlements/{report['id']}/differences"
    first = call(f"{path}/2/resolve", {"note": "known"}, caller="ana")
    again = call(f"{path}/2/resolve", {"note": "known"}, caller="bia")
    assert first == again
    status, problem = call(f"{path}/2/resolve", {"note": "other"})
    assert (status, problem["code"]) == (409, "already_resolved")
    assert (problem["note"], problem["by"]) == ("known", "ana")
    assert call(f"{path}/3/resolve", {"note": "x"})[0] == 404
    assert call(f"GET /v1/settlements/{report['id']}")[1]["resolved"] == 1
    assert len(kinds(call, report["id"], unresolved="true")) == 1


def test_differences_are_paged_and_filtered(call: Call, paid: Paid) -> None:
    rows = [(f"x{number}", "", "capture", "1.00", "BRL", "", "") for number in range(7)]
    paid("1")
    _, report = call("POST /v1/settlements", settlement(file(*rows)))
    path, found, cursor = f"GET /v1/settlements/{report['id']}/differences", [], ""
    while True:
        _, page = call(path, limit="3", **({"cursor": cursor} if cursor else {}))
        found += [one["number"] for one in page["differences"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [*range(1, 9)]
    _, page = call(path, kind="missing_at_provider")
    assert [one["number"] for one in page["differences"]] == [8]
    assert page["next_cursor"] is None
    assert call(path, cursor="nonsense")[1]["code"] == "invalid_cursor"


def test_many_differences_are_kept_in_several_items(
    oms: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oms.aws.settlement_store._CHUNK_BYTES", 700)
    rows = [(f"x{number}", "", "capture", "1.00", "BRL", "", "") for number in range(25)]
    _, report = call("POST /v1/settlements", settlement(file(*rows)))
    _, page = call(f"GET /v1/settlements/{report['id']}/differences", limit="100")
    assert [one["theirs"]["row"] for one in page["differences"]] == [*range(2, 27)]
    status, _ = call(
        f"POST /v1/settlements/{report['id']}/differences/17/resolve", {"note": "seen"}
    )
    _, page = call(
        f"GET /v1/settlements/{report['id']}/differences", unresolved="true", limit="100"
    )
    assert (status, len(page["differences"])) == (200, 24)


def test_reports_of_a_provider_are_listed_the_latest_period_first(call: Call) -> None:
    empty = file(("", "", "payout", "1.00", "BRL", "", ""))
    made = [
        call("POST /v1/settlements", settlement(empty, NOW + days * WEEK))[1]["id"]
        for days in (1, 0, 2)
    ]
    _, page = call("GET /v1/settlements", provider="simulator", limit="2")
    assert [one["id"] for one in page["settlements"]] == [made[2], made[0]]
    assert page["settlements"][0]["from"] == rfc3339(NOW + 2 * WEEK)
    _, page = call(
        "GET /v1/settlements", provider="simulator", limit="2", cursor=page["next_cursor"]
    )
    assert [one["id"] for one in page["settlements"]] == [made[1]]


def test_a_bad_file_is_refused_with_all_its_faults_and_nothing_is_kept(call: Call) -> None:
    csv = file(("a", "", "capture", "x", "BRL", "", ""), ("b", "", "sale", "1.00", "BRL", "", ""))
    status, problem = call("POST /v1/settlements", settlement(csv))
    assert (status, problem["code"]) == (422, "invalid_amount")
    assert [fault["path"] for fault in problem["faults"]] == ["csv.2.amount", "csv.3.type"]
    assert call("GET /v1/settlements", provider="simulator")[1]["settlements"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "excel"}, "unknown_format"),
        ({"to": rfc3339(NOW)}, "invalid_period"),
        ({"to": rfc3339(NOW + 20 * WEEK)}, "invalid_period"),
        ({"from": "2999-01-01T00:00:00Z", "to": "2999-01-02T00:00:00Z"}, "in_the_future"),
        ({"csv": HEAD}, "no_rows"),
    ],
)
def test_a_settlement_that_breaks_a_rule_is_refused(
    call: Call, change: dict[str, str], code: str
) -> None:
    sent = settlement(file(("a", "", "capture", "1.00", "BRL", "", "")))
    status, problem = call("POST /v1/settlements", {**sent, **change})
    assert (status, problem["code"]) == (422, code)


def test_a_request_has_a_limit_of_bytes(call: Call) -> None:
    status, problem = call("POST /v1/settlements", settlement("x" * (5 * 1024 * 1024)))
    assert (status, problem["code"]) == (413, "too_large")


def test_what_is_not_there_is_not_found(call: Call) -> None:
    nothing = f"stl_{'a' * 26}"
    assert call(f"GET /v1/settlements/{nothing}")[0] == 404
    assert call(f"GET /v1/settlements/{nothing}/differences")[0] == 404
