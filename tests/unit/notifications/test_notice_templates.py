"""Every template is rendered in both languages, and both languages say the same things."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from string import Template

import pytest

import oms.notifications
from oms.kernel.events import Envelope
from oms.kernel.money import Money
from oms.notifications.model import LOCALES, Collection, Kind, Notice, Way, notice_of
from oms.notifications.render import Message, render
from oms.orders import events as happened
from oms.orders.model import Fulfillment, Order

After = Callable[..., tuple[Envelope, Order]]
Told = tuple[Envelope, Order]

TEMPLATES = Path(str(oms.notifications.__file__)).parent / "templates"

# What each notice must say, in every language.
PLACEHOLDERS = {
    Kind.CONFIRMATION: {
        "greeting",
        "order",
        "store",
        "lines",
        "totals",
        "address",
        "start",
        "arrival",
    },
    Kind.SHIPPED: {"greeting", "order", "store", "lines", "tracking", "address"},
    Kind.DELIVERED: {"greeting", "order", "store", "lines"},
    Kind.READY: {"greeting", "order", "store", "lines", "place", "code", "until", "due"},
    Kind.UNCOLLECTED: {"greeting", "order", "store", "lines"},
    Kind.BACKORDERED_AGAIN: {"greeting", "order", "store", "lines"},
    Kind.PROMISE_CHANGED: {"greeting", "order", "store", "lines", "promise"},
    Kind.CANCELLED: {"greeting", "order", "store", "lines", "reason", "money"},
    Kind.UNITS_CANCELLED: {"greeting", "order", "store", "lines", "less"},
    Kind.ADDRESS_CHANGED: {"greeting", "order", "store", "lines", "address"},
    Kind.REFUNDED: {"greeting", "order", "store", "lines", "refunded", "order_total", "ways"},
    Kind.RETURN_APPROVED: {"greeting", "order", "store", "lines", "sending", "return"},
    Kind.RETURN_REJECTED: {"greeting", "order", "store", "lines", "rejection"},
    Kind.RETURN_RECEIVED: {"greeting", "order", "store", "lines", "taken", "return"},
}
SUBJECT_PLACEHOLDERS = {kind: {"order"} for kind in Kind} | {Kind.REFUNDED: {"order", "refunded"}}

in_every_language = pytest.mark.parametrize("locale", LOCALES)
for_every_kind = pytest.mark.parametrize("kind", Kind)


def collection_of(event: Envelope, order: Order, part: Fulfillment) -> Collection:
    until = datetime(2026, 5, 9, 18, 30, tzinfo=UTC)
    place = ("Rio de Janeiro, RJ", "22410-000")
    return Collection("Loja Ipanema", place, "042137", until, Money(5990, "BRL"))


@pytest.fixture
def notices(
    after: After,
    shipped: Told,
    delivered: Told,
    ready: Told,
    uncollected: Told,
    taken_back: Told,
    endangered: Told,
    cancelled: Told,
    units_cancelled: Told,
    address_changed: Told,
    refunded: Told,
    return_approved: Told,
    return_rejected: Told,
    return_received: Told,
) -> dict[Kind, Notice]:
    events = (
        after(),
        shipped,
        delivered,
        ready,
        uncollected,
        taken_back,
        endangered,
        cancelled,
        units_cancelled,
        address_changed,
        refunded,
        return_approved,
        return_rejected,
        return_received,
    )
    told = (notice_of(*each, collection_of) for each in events)
    return {notice.kind: notice for notice in told if notice is not None}


class Page(HTMLParser):
    """Reads a document, keeps its text and complains of a tag that is not closed."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: dict[str, list[dict[str, str | None]]] = {}
        self.words: list[str] = []
        self.feed(document)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.setdefault(tag, []).append(dict(attrs))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@in_every_language
@for_every_kind
@pytest.mark.parametrize("form", ["txt", "html"])
def test_a_body_names_all_that_its_notice_must_say(kind: Kind, locale: str, form: str) -> None:
    assert _named(f"{locale}/{kind}.{form}") == PLACEHOLDERS[kind]


@in_every_language
@for_every_kind
def test_a_subject_names_the_order(kind: Kind, locale: str) -> None:
    assert _named(f"{locale}/{kind}.subject") == SUBJECT_PLACEHOLDERS[kind]


def test_both_languages_have_the_same_phrases() -> None:
    portuguese, english = (_phrases(locale) for locale in LOCALES)

    assert {name: _names_in(text) for name, text in portuguese.items()} == {
        name: _names_in(text) for name, text in english.items()
    }


@in_every_language
def test_no_template_is_left_over(locale: str) -> None:
    files = {path.name for path in (TEMPLATES / locale).iterdir()}

    assert files == {f"{kind}.{form}" for kind in Kind for form in ("subject", "txt", "html")} | {
        "words.json"
    }


@in_every_language
@for_every_kind
def test_every_notice_is_rendered(kind: Kind, locale: str, notices: dict[Kind, Notice]) -> None:
    message = _rendered(notices[kind], locale)

    assert "W-1001" in message.subject
    assert "\n" not in message.subject
    assert "Loja Azul" in message.text
    for body in (message.text, Page(message.html).text):
        assert "W-1001" in body
        assert "Maria Souza" in body
        assert "Camiseta <azul>" in body


@in_every_language
@for_every_kind
def test_the_html_says_what_the_text_says(
    kind: Kind, locale: str, notices: dict[Kind, Notice]
) -> None:
    message = _rendered(notices[kind], locale)
    shown = Page(message.html).text.casefold()

    paragraphs = [line for line in message.text.splitlines() if line and ": " not in line]
    for paragraph in (line for line in paragraphs if " x " not in line):
        # A <strong> around a value leaves a space before the mark that follows it.
        assert _unspaced(paragraph) in _unspaced(shown), paragraph


@in_every_language
@for_every_kind
def test_the_html_can_be_read_aloud(kind: Kind, locale: str, notices: dict[Kind, Notice]) -> None:
    message = _rendered(notices[kind], locale)
    page = Page(message.html)

    assert page.attributes["html"] == [{"lang": locale}]
    assert len(page.attributes["h1"]) == 1
    assert all("scope" in attributes for attributes in page.attributes["th"])
    assert all("aria-labelledby" in attributes for attributes in page.attributes["table"])
    assert message.subject in page.text


def test_money_reads_as_in_its_language(notices: dict[Kind, Notice]) -> None:
    portuguese = _rendered(notices[Kind.CONFIRMATION], "pt-BR")
    english = _rendered(notices[Kind.CONFIRMATION], "en")

    assert "2 x Camiseta <azul>: R$ 1.200,00" in portuguese.text
    assert "1,25 x Café em grãos: R$ 100,00" in portuguese.text
    assert "Desconto: -R$ 10,00" in portuguese.text
    assert "Total: R$ 1.314,90" in portuguese.text
    assert "Total: R$1,314.90" in english.text


def test_what_costs_nothing_has_no_row(notices: dict[Kind, Notice]) -> None:
    message = _rendered(notices[Kind.CONFIRMATION], "en")

    assert "Tax" not in message.text
    assert "Tax" not in Page(message.html).text


@in_every_language
def test_shipped_carries_the_tracking_number(locale: str, notices: dict[Kind, Notice]) -> None:
    message = _rendered(notices[Kind.SHIPPED], locale)

    assert "(Correios): BR123456789" in message.text
    assert "(Correios): BR123456789" in Page(message.html).text
    assert "Café" not in message.text


def test_a_parcel_without_a_number_says_so(notices: dict[Kind, Notice]) -> None:
    untracked = replace(notices[Kind.SHIPPED], tracking_number="")

    assert "does not give a tracking number" in _rendered(untracked, "en").text


@in_every_language
def test_refunded_carries_the_amount(locale: str, notices: dict[Kind, Notice]) -> None:
    message = _rendered(notices[Kind.REFUNDED], locale)
    amount = "R$ 129,90" if locale == "pt-BR" else "R$129.90"

    assert amount in message.subject
    assert amount in message.text
    assert amount in Page(message.html).text


def test_a_refund_in_several_ways_says_how_much_went_which(notices: dict[Kind, Notice]) -> None:
    ways = (Way("gift_card", Money(2990, "BRL")), Way("tap", Money(10000, "BRL")))

    message = _rendered(replace(notices[Kind.REFUNDED], ways=ways), "en")

    told = "R$29.90: your gift card, R$100.00: the payment method you used."
    assert told in message.text
    assert told in Page(message.html).text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("payment_declined", "The payment was not approved."),
        ("payment_expired", "The time to pay for it has run out."),
        ("out_of_stock", "sold out"),
        ("stock_expired", "did not come back into stock"),
        ("customer called, angry", "nothing else you need to do"),
    ],
)
def test_cancelled_says_why_in_our_words_only(after: After, reason: str, said: str) -> None:
    notice = notice_of(*after(happened.OrderCancelled(reason)))

    assert notice is not None
    message = _rendered(notice, "en")
    assert said in message.text
    assert "angry" not in message.text


@pytest.mark.parametrize(
    ("locale", "expected", "said"),
    [
        ("pt-BR", date(2026, 5, 12), "A nova previsão de entrega é 12/05/2026. A data prometida"),
        ("pt-BR", date(2026, 5, 8), "no prazo: a previsão é 08/05/2026, e a data prometida era"),
        ("pt-BR", None, "em 08/05/2026, como prometido, e ainda não temos uma nova data"),
        ("en", date(2026, 5, 12), "We now expect it on May 12, 2026. We had promised it for May 8"),
        ("en", date(2026, 5, 8), "in time after all: we expect it on May 8, 2026"),
        ("en", None, "we do not know the new date yet"),
    ],
)
def test_a_promise_that_changed_says_the_new_day(
    locale: str, expected: date | None, said: str, notices: dict[Kind, Notice]
) -> None:
    message = _rendered(replace(notices[Kind.PROMISE_CHANGED], expected=expected), locale)

    assert said in message.text
    assert said in Page(message.html).text
    assert "Camiseta <azul>" in message.text
    assert "Café" not in message.text


@pytest.mark.parametrize(
    ("locale", "said"),
    [("pt-BR", "A previsão de entrega é 08/05/2026."), ("en", "deliver it by May 8, 2026")],
)
def test_a_confirmation_says_the_promised_day(
    locale: str, said: str, after: After, endangered: Told
) -> None:
    notice = notice_of(*after(content=endangered[1].content))

    assert notice is not None
    assert said in _rendered(notice, locale).text


@pytest.mark.parametrize(
    ("kind", "locale", "said", "unsaid"),
    [
        (Kind.CONFIRMATION, "en", "there is nothing to pay", "payment is approved"),
        (Kind.CONFIRMATION, "pt-BR", "não há nada a pagar", "pagamento estiver aprovado"),
        (Kind.CANCELLED, "en", "refund the items that it was to replace", "your bank"),
        (Kind.CANCELLED, "pt-BR", "itens que ele substituiria", "seu banco"),
    ],
)
def test_what_an_exchange_pays_for_waits_for_no_payment(
    kind: Kind, locale: str, said: str, unsaid: str, notices: dict[Kind, Notice]
) -> None:
    notice = replace(notices[kind], paid_by_exchange=True, refund_due=None)

    text = _rendered(notice, locale).text

    assert said in text
    assert unsaid not in text


def test_a_customer_without_a_name_is_greeted_all_the_same(notices: dict[Kind, Notice]) -> None:
    nameless = replace(notices[Kind.DELIVERED], customer_name="")

    assert _rendered(nameless, "pt-BR").text.startswith("Olá!\n")


def test_values_cannot_become_markup_placeholders_or_headers(notices: dict[Kind, Notice]) -> None:
    hostile = replace(
        notices[Kind.SHIPPED],
        customer_name='<script>alert("1")</script> $order & ${x}\n\nClick here',
        order_number="1\r\nBcc: all@customer.example",
        tracking_number="<b>1</b>",
    )

    message = _rendered(hostile, "en")

    assert message.subject == "Your order 1 Bcc: all@customer.example is on its way"
    assert "<script" not in message.html
    assert "<b>" not in message.html
    assert 'Hello <script>alert("1")</script> $order & ${x} Click here,' in message.text
    assert '<script>alert("1")</script> $order & ${x} Click here' in Page(message.html).text


def _rendered(notice: Notice, locale: str) -> Message:
    return render(replace(notice, locale=locale), "Loja Azul")


def _named(path: str) -> set[str]:
    return _names_in((TEMPLATES / path).read_text(encoding="utf-8"))


def _names_in(text: str) -> set[str]:
    template = Template(text)
    assert template.is_valid()
    return set(template.get_identifiers())


def _phrases(locale: str) -> dict[str, str]:
    phrases: dict[str, str] = json.loads(
        (TEMPLATES / locale / "words.json").read_text(encoding="utf-8")
    )
    return phrases


def _unspaced(text: str) -> str:
    return "".join(text.casefold().split())


@pytest.mark.parametrize(
    ("locale", "until", "due"),
    [
        ("pt-BR", "até 09/05/2026 às 18:30.", "A pagar na retirada: R$ 59,90"),
        ("en", "until May 9, 2026 at 18:30.", "To pay when you collect it: R$59.90"),
    ],
)
def test_who_collects_is_told_where_until_when_with_which_code_and_what_to_pay(
    notices: dict[Kind, Notice], locale: str, until: str, due: str
) -> None:
    text = _rendered(notices[Kind.READY], locale).text

    assert "Loja Ipanema, Rio de Janeiro, RJ, 22410-000" in text
    assert "042137" in text
    assert until in text and due in text


@in_every_language
def test_who_has_paid_is_told_that_nothing_is_left_to_pay(
    notices: dict[Kind, Notice], locale: str
) -> None:
    notice = notices[Kind.READY]
    assert notice.collection is not None
    paid = replace(notice.collection, due=Money(0, "BRL"))

    text = _rendered(replace(notice, collection=paid), locale).text

    assert ("nothing left to pay" in text) or ("nada a pagar" in text)
