"""Labels and packing slips: what is on them, and that printers and readers understand it."""

import io
import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from oms.catalog.model import Node
from oms.fulfillment import pdf, zpl
from oms.fulfillment.documents import PrintedLabel, address_lines, cep, labels_of, slips_of
from oms.fulfillment.parcels import Choice, Label, Packing, Parcel, in_parcels
from oms.orders.model import Address, Customer, Fulfillment, FulfillmentLine, Order, Units
from tests.samples import captured, line

SP = Node("sp-dc", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)
FULFILLMENT = Fulfillment(
    "ful_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
    "sp-dc",
    (FulfillmentLine("MUG", 2), FulfillmentLine("CAFÉ", 1)),
)
NUMBERS = ("SM0000000000000001", "SM0000000000000002")


def order(locale: str = "pt-BR") -> Order:
    made = captured(line("MUG", 2), line("CAFÉ", 1))
    customer = Customer("Ana Souza", locale=locale)
    return replace(made, content=replace(made.content, customer=customer))


def packing() -> Packing:
    parcels = [
        Parcel("", (Units("MUG", 2),), 1250, 300, 200, 155),
        Parcel("", (Units("CAFÉ", 1),)),
    ]
    choice = Choice("pac", "PAC", "Correios", "simulator", "BRL", date(2026, 5, 6), "")
    labels = [Label(number, "", 1, number) for number in NUMBERS]
    return replace(in_parcels(FULFILLMENT, parcels), choice=choice).with_labels(labels)


def address() -> Address:
    captured_to = order().content.shipping_address
    return replace(captured_to, line2="ap. 12", district="Bela Vista", postal_code="01310100")


def labels(locale: str = "pt-BR") -> tuple[PrintedLabel, ...]:
    return labels_of(order(locale), packing(), SP, address())


def pages(document: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(document)).pages]


# --- what is on them ------------------------------------------------------------------------------


def test_an_address_in_brazil_ends_with_its_cep() -> None:
    assert address_lines(address()) == (
        "Ana Souza",
        "Av. Paulista 1000, ap. 12",
        "Bela Vista",
        "São Paulo - SP",
        "CEP 01310-100",
    )


def test_an_address_elsewhere_names_its_country() -> None:
    miami = Address("Ann", "1 Ocean Dr", "Miami", "US", region="FL", postal_code="33139")

    assert address_lines(miami) == ("Ann", "1 Ocean Dr", "Miami, FL 33139", "US")


@pytest.mark.parametrize(
    ("said", "written"),
    [("01310100", "01310-100"), ("01310-100", "01310-100"), ("13", "13"), ("", "")],
)
def test_a_cep_has_its_hyphen(said: str, written: str) -> None:
    assert cep(said) == written


def test_a_label_speaks_the_customers_language() -> None:
    ours, theirs = labels("pt-BR")[0], labels("en-GB")[0]

    assert ours.recipient_caption == "Destinatário"
    assert ("Volume", "1 de 2") in ours.facts
    assert ("Peso", "1,25 kg") in ours.facts
    assert ("Medidas", "30 × 20 × 15,5 cm") in ours.facts
    assert theirs.recipient_caption == "To"
    assert ("Parcel", "1 of 2") in theirs.facts
    assert ("Weight", "1.25 kg") in theirs.facts


def test_a_slip_lists_what_is_in_its_parcel_and_no_other() -> None:
    first, second = slips_of(order(), packing(), address())

    assert [(each.quantity, each.sku) for each in first.lines] == [("2", "MUG")]
    assert [(each.quantity, each.name) for each in second.lines] == [("1", "The CAFÉ")]
    assert ("Código de rastreio", NUMBERS[0]) in first.facts
    assert ("Data do pedido", "04/05/2026") in first.facts


# --- PDF ------------------------------------------------------------------------------------------


def test_a_label_in_pdf_has_a_page_for_each_parcel_of_four_by_six_inches() -> None:
    document = pdf.labels(labels())

    first, second = pages(document)
    box = PdfReader(io.BytesIO(document)).pages[0].mediabox
    assert (box.width, box.height) == (4 * 72, 6 * 72)
    assert "CEP 01310-100" in first
    assert "São Paulo - SP" in first
    assert NUMBERS[0] in first
    assert NUMBERS[1] in second
    assert "Volume: 2 de 2" in second


def test_the_bars_of_a_label_are_those_of_its_tracking_number() -> None:
    from reportlab.graphics.barcode.code128 import Code128

    drawn = PdfReader(io.BytesIO(pdf.labels(labels()[:1]))).pages[0].get_contents()
    expected = Code128(NUMBERS[0], quiet=False)
    expected.validate()
    expected.encode()
    expected.decompose()

    assert drawn is not None
    rectangles = re.findall(rb" re f\*?", drawn.get_data())
    assert len(rectangles) == sum(each.isupper() for each in expected.decomposed)


def test_the_same_label_is_the_same_bytes() -> None:
    assert pdf.labels(labels()) == pdf.labels(labels())


def test_a_slip_of_many_lines_goes_on_on_the_next_page() -> None:
    (slip, _) = slips_of(order(), packing(), address())
    long = replace(slip, lines=slip.lines * 45)

    found = pages(pdf.slips([long]))

    assert len(found) == 2
    assert sum(page.count("The MUG") for page in found) == 45
    assert all("Lista de conteúdo" in page for page in found)


def test_what_the_fonts_do_not_know_is_printed_as_well_as_they_can() -> None:
    assert pdf.printable("São Ćirić – 10 €") == "São Ciric – 10 €"
    assert pdf.printable("王\x07") == "??"


@given(st.text(max_size=60))
def test_any_name_can_be_printed(name: str) -> None:
    label = replace(labels()[0], recipient=(name,))

    assert pdf.labels([label]).startswith(b"%PDF")
    assert zpl.labels([label]).isascii()


# --- ZPL ------------------------------------------------------------------------------------------


def fields(text: str) -> list[str]:
    """The data of every field, its bytes read back as the printer would."""
    found = re.findall(r"\^FH\^FD(.*?)\^FS", text)
    return [
        re.sub(rb"_([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), each.encode()).decode()
        for each in found
    ]


def test_a_label_in_zpl_is_one_format_for_each_parcel_with_its_barcode() -> None:
    text = zpl.labels(labels())

    formats = text.split("^XZ\n")[:-1]
    assert len(formats) == 2
    for each, number in zip(formats, NUMBERS, strict=True):
        assert each.startswith("^XA\n^CI28\n^PW812\n^LL1218\n")
        assert f"^BY2^BCN,220,Y,N,N^FH^FD{number}^FS" in each
    assert "São Paulo - SP" in fields(text)
    assert "Volume: 1 de 2" in fields(text)


def test_a_slip_in_zpl_lists_its_lines() -> None:
    text = zpl.slips(slips_of(order(), packing(), address()))

    assert text.count("^XA") == 2
    assert {"2", "MUG", "The MUG", "The CAFÉ"} <= set(fields(text))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
def test_no_text_is_a_command_of_the_printer(text: str) -> None:
    data = zpl.field(text)

    assert data.isascii()
    assert not set(data) & {"^", "~"}
    assert fields(f"^FH^FD{data}^FS") == [text]


def test_a_line_is_cut_where_the_label_ends() -> None:
    label = replace(labels()[0], recipient=("x" * 200,))

    assert max(len(each) for each in fields(zpl.labels([label]))) < 60
