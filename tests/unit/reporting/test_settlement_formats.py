import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid, TooLarge
from oms.kernel.money import Money
from oms.reporting import settlement_formats
from oms.reporting.settlement import MovementOfMoney, SettledRow, fees
from oms.reporting.settlement_formats import FORMATS, SettlementFile, read_amount, read_settlement

SAMPLES = Path(__file__).parents[3] / "events" / "settlements"
HEAD = "provider_reference,payment_id,type,amount,currency,fee,settled_at"
PAY_A, PAY_B = "pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1", "pay_bbbbbbbbbbbbbbbbbbbbbbbbbb_1"


def sample(name: str) -> SettlementFile:
    return read_settlement((SAMPLES / f"{name}.csv").read_text(), FORMATS[name])


def generic(*lines: str) -> SettlementFile:
    return read_settlement("\n".join((HEAD, *lines)), FORMATS["generic"])


def said(row: SettledRow) -> tuple[str, str, str]:
    return row.kind.value, str(row.amount), row.amount.currency


def faults_of(*lines: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        generic(*lines)
    return [(fault.path, fault.code) for fault in refused.value.faults]


def test_our_own_format_says_one_movement_in_a_row() -> None:
    read = sample("generic")
    assert [said(row) for row in read.rows] == [
        ("capture", "129.90", "BRL"),
        ("refund", "29.90", "BRL"),
        ("capture", "59.00", "BRL"),
    ]
    assert read.rows[0].references == ("sim_capture_1", PAY_A)
    assert (read.rows[0].specific, read.rows[0].number) == (1, 2)
    assert [(other.type, str(other.amount)) for other in read.others] == [("payout", "155.33")]
    assert fees(read.rows, read.others) == (Money(567, "BRL"),)


def test_stripe_charges_less_what_was_not_captured_refunds_and_disputes() -> None:
    read = sample("stripe")
    assert [said(row) for row in read.rows] == [
        ("capture", "129.90", "BRL"),
        ("capture", "60.00", "BRL"),
        ("refund", "29.90", "BRL"),
        ("chargeback", "60.00", "BRL"),
    ]
    assert read.rows[2].references == ("re_1", "pi_1", "ch_1", PAY_A)
    assert (read.reduced, [other.type for other in read.others]) == (1, ["payout"])
    assert fees(read.rows, read.others) == (Money(558 + 438 - 160 + 1500, "BRL"),)


def test_stripe_compares_what_the_customer_saw() -> None:
    head = (
        "balance_transaction_id,created,currency,gross,fee,reporting_category,source_id,"
        "customer_facing_amount,customer_facing_currency"
    )
    read = read_settlement(f"{head}\nt,d,usd,19.99,0.88,charge,ch,100.00,brl", FORMATS["stripe"])
    assert read.rows[0].amount == Money(10000, "BRL")
    assert read.rows[0].fee == Money(88, "USD")


@pytest.mark.parametrize("shown", ["55.00", "-55.00"])
def test_which_way_the_money_went_is_said_by_what_moved_on_the_account(shown: str) -> None:
    head = (
        "reporting_category,gross,currency,source_id,customer_facing_amount,"
        "customer_facing_currency"
    )
    read = read_settlement(f"{head}\nrefund,-10.00,usd,re,{shown},brl", FORMATS["stripe"])
    assert [said(row) for row in read.rows] == [("refund", "55.00", "BRL")]


def test_adyen_credits_and_debits() -> None:
    read = sample("adyen")
    assert [said(row) for row in read.rows] == [
        ("capture", "129.90", "EUR"),
        ("refund", "29.90", "EUR"),
        ("chargeback", "60.00", "EUR"),
    ]
    assert read.rows[0].references == ("8816178914070001", "8816178914079738", PAY_A)
    assert [(other.type, str(other.amount)) for other in read.others] == [
        ("MerchantPayout", "-22.98")
    ]
    assert fees(read.rows, read.others) == (Money(202 + 1500, "EUR"),)


def test_paypal_counts_minor_units_and_says_the_side() -> None:
    read = sample("paypal")
    assert [said(row) for row in read.rows] == [
        ("capture", "129.90", "BRL"),
        ("refund", "29.90", "BRL"),
    ]
    assert read.rows[1].references == ("5TX2", "5TX1", PAY_A)
    assert [(other.type, str(other.amount)) for other in read.others] == [("T0400", "-94.16")]
    assert fees(read.rows, read.others) == (Money(687 - 103, "BRL"),)


def test_mercado_pago_with_semicolons_and_decimal_commas() -> None:
    read = sample("mercadopago")
    assert [said(row) for row in read.rows] == [
        ("capture", "1129.90", "BRL"),
        ("refund", "29.90", "BRL"),
    ]
    assert read.rows[0].references == ("71234567890", PAY_A)
    assert fees(read.rows, read.others) == (Money(1119 - 30, "BRL"),)


def test_a_byte_order_mark_quotes_and_line_ends_of_windows_are_read() -> None:
    text = f'\ufeff{HEAD}\r\n"a","p,1",capture,"1,50",BRL,,\r\n\r\n'
    (row,) = read_settlement(text, FORMATS["generic"]).rows
    assert (row.amount, row.references) == (Money(150, "BRL"), ("a", "p,1"))


def test_every_bad_row_is_told_by_its_number_and_column() -> None:
    assert faults_of(
        "a,p,capture,1.005,BRL,,",
        "a,p,capture,ten,BRL,,",
        "a,p,sale,1.00,BRL,,",
        "a,p,capture,1.00,reais,,",
        "a,p,capture,1.00,BRL",
        ",,capture,1.00,BRL,,",
        "a,p,capture,0.00,BRL,,",
        "a,p,,1.00,BRL,,",
        "a,p,capture,1.00,BRL,x,",
        f"{'a' * 256},p,capture,1.00,BRL,,",
    ) == [
        ("csv.2.amount", "too_many_decimals"),
        ("csv.3.amount", "invalid_amount"),
        ("csv.4.type", "unknown_type"),
        ("csv.5.currency", "unknown_currency"),
        ("csv.5.currency", "unknown_currency"),
        ("csv.6", "wrong_field_count"),
        ("csv.7", "no_reference"),
        ("csv.8.amount", "wrong_sign"),
        ("csv.9.type", "required"),
        ("csv.10.fee", "invalid_amount"),
        ("csv.11.provider_reference", "too_long"),
    ]


def test_a_field_that_is_far_too_long_is_refused_and_not_repeated() -> None:
    """A hundred of them would not fit into an answer, nor what is kept of a row into an item."""
    long = "1" * 100_000
    with pytest.raises(Invalid) as refused:
        generic(
            f"a,p,capture,{long},BRL,,",
            f"a,p,{long},1.00,BRL,,",
            f"a,p,capture,1.00,{long},,",
            f"a,p,capture,1.00,BRL,,{long}",
            f"a,p,other,1.00,BRL,{long},",
        )
    found = [(fault.path, fault.code) for fault in refused.value.faults]
    assert found == [
        ("csv.2.amount", "too_long"),
        ("csv.3.type", "too_long"),
        ("csv.4.currency", "too_long"),
        ("csv.5.settled_at", "too_long"),
        ("csv.6.fee", "too_long"),
    ]
    assert len(str(refused.value.faults)) < 2000


@pytest.mark.parametrize(
    "rows",
    [
        [f"word{number},1.00,brl,x" for number in range(201)],
        [
            f"payout,1.00,{first}{second}{third},x"
            for first in "ABCDEFG"
            for second in "ABCDEFG"
            for third in "ABCDE"
        ],
    ],
    ids=["words", "currencies"],
)
def test_a_file_of_hundreds_of_types_or_currencies_is_none(rows: list[str]) -> None:
    """Each has a total in the report, which is one item."""
    head = "reporting_category,gross,currency,source_id"
    with pytest.raises(TooLarge) as refused:
        read_settlement("\n".join((head, *rows)), FORMATS["stripe"])
    assert refused.value.problem_code == "too_many_rows"
    assert refused.value.context["maximum"] == 200


def test_line_ends_of_old_macs_are_read() -> None:
    head = HEAD.replace(",", ";")
    rows = [f"a{number};p;capture;{number},50;BRL;1,00;" for number in range(1, 9)]
    text = "\r".join((head, *rows))
    read = read_settlement(text, FORMATS["generic"]).rows
    assert [row.amount.minor for row in read] == [number * 100 + 50 for number in range(1, 9)]


def test_a_quote_that_never_ends_is_a_fault() -> None:
    assert faults_of('"a,p,capture,1.00,BRL,,') == [("csv.2", "malformed_row")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_rows"),
        (HEAD, "no_rows"),
        ("amount,currency\n1.00,BRL", "missing_column"),
        ("type,amount,currency\ncapture,1.00,BRL", "missing_column"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_settlement(text, FORMATS["generic"])
    assert refused.value.problem_code == code


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "stripe",
            "reporting_category,gross,currency,source_id\nrefund,10.00,brl,re_1",
        ),
        (
            "adyen",
            "Type,Gross Credit (GC),Gross Debit (GC),Gross Currency,Psp Reference\n"
            "Settled,,10.00,EUR,881",
        ),
    ],
)
def test_money_that_goes_the_wrong_way_is_a_fault(name: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_settlement(text, FORMATS[name])
    assert refused.value.problem_code == "wrong_sign"


def test_a_reduction_without_its_charge_is_shown_beside() -> None:
    text = (
        "reporting_category,gross,currency,source_id\n"
        "partial_capture_reversal,-4.00,brl,ch_9\ncharge,10.00,brl,ch_1"
    )
    read = read_settlement(text, FORMATS["stripe"])
    assert [str(row.amount) for row in read.rows] == ["10.00"]
    assert [(other.type, str(other.amount)) for other in read.others] == [("reduction", "-4.00")]
    assert read.reduced == 0


def test_paypal_debits_of_payments_are_those_we_made_ourselves() -> None:
    text = (SAMPLES / "paypal.csv").read_text().replace('"CR",12990', '"DR",12990')
    read = read_settlement(text, FORMATS["paypal"])
    assert [row.kind for row in read.rows] == [MovementOfMoney.REFUND]
    assert sorted(str(other.amount) for other in read.others) == ["-129.90", "-94.16"]


def test_a_file_has_a_limit_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement_formats, "MAX_ROWS", 2)
    with pytest.raises(TooLarge) as refused:
        generic(*(f"a{n},p,capture,1.00,BRL,," for n in range(3)))
    assert refused.value.problem_code == "too_many_rows"
    assert refused.value.context == {"limit": "rows", "maximum": 2, "actual": 3}


def test_at_most_a_hundred_faults_are_shown() -> None:
    assert len(faults_of(*("a,p,capture,x,BRL,," for _ in range(150)))) == 100


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12", "BRL", 1200),
        ("12.5", "BRL", 1250),
        ("-12,50", "BRL", -1250),
        ("+12.50", "BRL", 1250),
        ("(12.50)", "BRL", -1250),
        ("(1.234,50)", "BRL", -123450),
        ("\u221212.50", "BRL", -1250),
        ("1.234,56", "BRL", 123456),
        ("1,234.56", "BRL", 123456),
        ("1.234.567,89", "BRL", 123456789),
        ("1,234,567", "BRL", 123456700),
        ("1 234,50", "EUR", 123450),
        ("1000", "JPY", 1000),
        ("1000.00", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("1,234.567", "KWD", 1234567),
    ],
)
def test_amounts_are_read_exactly(text: str, currency: str, minor: int) -> None:
    assert read_amount(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".50",
        "1.005",
        "1,234",
        "12,34.56",
        "1e3",
        "R$ 1",
        "1.2.3",
        "--1",
        "١",
        "²",
        "(1",
        "1)",
        "(-1)",
        "()",
        "+-1",
    ],
)
def test_what_is_not_exact_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_amount(text, "BRL")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*MovementOfMoney]),
            st.integers(1, 10**12),
            st.sampled_from(["BRL", "JPY", "KWD"]),
            st.text(
                st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]),
                min_size=1,
                max_size=20,
            ),
        ),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_what_is_written_is_read_to_the_cent(
    rows: list[tuple[MovementOfMoney, int, str, str]], separator: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(HEAD.split(","))
    for kind, minor, currency, reference in rows:
        writer.writerow([reference, "p", kind, Money(minor, currency), currency, "", ""])
    read = read_settlement(out.getvalue(), FORMATS["generic"])
    assert [(r.kind, r.amount, r.references[0]) for r in read.rows] == [
        (kind, Money(minor, currency), reference) for kind, minor, currency, reference in rows
    ]


STRIPE_ROWS = st.one_of(
    st.tuples(st.just("charge"), st.integers(1, 10**6)),
    st.tuples(st.sampled_from(["refund", "dispute"]), st.integers(-(10**6), -1)),
    st.tuples(st.sampled_from(["dispute_reversal", "refund_failure"]), st.integers(1, 10**6)),
    st.tuples(st.just("partial_capture_reversal"), st.integers(-(10**6), -1)),
    st.tuples(st.sampled_from(["payout", "fee"]), st.integers(-(10**6), 10**6)),
)


@given(st.lists(st.tuples(STRIPE_ROWS, st.sampled_from("abc"), st.integers(-500, 500)), min_size=1))
def test_no_cent_of_a_file_is_lost_whatever_its_rows(
    rows: list[tuple[tuple[str, int], str, int]],
) -> None:
    lines = [
        f"t{number},{kind},{Money(gross, 'EUR')},{Money(fee, 'EUR')},eur,{charge}"
        for number, ((kind, gross), charge, fee) in enumerate(rows)
    ]
    head = "balance_transaction_id,reporting_category,gross,fee,currency,source_id"
    read = read_settlement("\n".join((head, *lines)), FORMATS["stripe"])
    to_us = (
        MovementOfMoney.CAPTURE,
        MovementOfMoney.CHARGEBACK_REVERSED,
        MovementOfMoney.REFUND_REVERSED,
    )
    moved = sum(row.amount.minor if row.kind in to_us else -row.amount.minor for row in read.rows)
    beside = sum(other.amount.minor for other in read.others)
    assert moved + beside == sum(gross for (_, gross), _, _ in rows)
    assert sum(fee.minor for fee in fees(read.rows, read.others)) == sum(fee for _, _, fee in rows)
    assert len(read.rows) + len(read.others) + read.reduced == len(rows)
    assert all(row.amount.minor > 0 for row in read.rows)
