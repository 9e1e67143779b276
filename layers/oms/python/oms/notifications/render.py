"""Notices into words: a subject, a plain text and an HTML body from the templates beside this file.

``templates/<locale>/<kind>.{subject,txt,html}`` are ``string.Template`` files, ``words.json`` holds
a language's short phrases, and the files above the languages hold structure without words. Every
value is escaped on its way into HTML; only what this module itself composed is not.
"""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from oms.kernel.money import Money
from oms.notifications.formats import format_day, format_moment, format_money, format_quantity
from oms.notifications.lines import NoticeLine
from oms.notifications.model import Collection, Kind, Notice
from oms.notifications.returned import Returned
from oms.orders.model import Address

_TEMPLATES = Path(__file__).parent / "templates"

# The lifecycle's own reasons. Any other was written by a person, and not for the customer.
_REASONS = {
    "payment_declined": "cancelled_for_payment",
    "payment_expired": "cancelled_for_late_payment",
    "out_of_stock": "cancelled_for_stock",
    "stock_expired": "cancelled_for_late_stock",
}

# Our own words for a no, which are those that a request is refused with.
_REJECTIONS = {
    "outside_window": "return_too_late",
    "not_returnable": "return_not_returnable",
    "proof_needed": "return_not_proved",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: one line of subject, and the same content as text and as HTML."""

    subject: str
    text: str
    html: str


def render(notice: Notice, store: str) -> Message:
    """``store`` is the name that signs the e-mail."""
    values = _values(notice, store)
    subject = _fill(f"{notice.locale}/{notice.kind}.subject", values).strip()
    return Message(
        subject=subject,
        text=_fill(f"{notice.locale}/{notice.kind}.txt", values | _text_parts(notice)),
        html=_document(notice, subject, values),
    )


def _values(notice: Notice, store: str) -> dict[str, str]:
    """Everything that a template may name and that is one line of plain text."""
    values = {
        "greeting": _greeting(notice),
        "order": notice.order_number,
        "order_total": format_money(notice.totals.total, notice.locale),
        "store": store,
        "tracking": _tracking(notice),
        "reason": _phrase(notice, _REASONS.get(notice.reason, "cancelled")),
        "money": _money(notice),
        "promise": _promise(notice) if notice.kind is Kind.PROMISE_CHANGED else "",
        "arrival": _arrival(notice),
        "start": _phrase(notice, "exchanged" if notice.paid_by_exchange else "once_paid"),
    }
    if notice.collection is not None:
        values |= _collected(notice, notice.collection)
    if notice.returned is not None:
        values |= _returned(notice, notice.returned)
    if notice.refunded is not None:
        values["refunded"] = format_money(notice.refunded, notice.locale)
        values["ways"] = _ways(notice)
    if notice.less is not None:
        values["less"] = format_money(notice.less, notice.locale)
    return {name: _one_line(value) for name, value in values.items()}


def _collected(notice: Notice, collection: Collection) -> dict[str, str]:
    amount = format_money(collection.due, notice.locale)
    due = _phrase(notice, "due_there" if collection.due else "nothing_due_there", amount=amount)
    return {
        "code": collection.code,
        "until": format_moment(collection.until, notice.locale),
        "place": ", ".join((collection.place, *collection.address)),
        "due": due,
    }


def _returned(notice: Notice, returned: Returned) -> dict[str, str]:
    refused = ", ".join(_fill("line.txt", _line(notice, line)) for line in returned.refused)
    taken = _phrase(notice, "return_refused", refused=refused)
    return {
        "return": returned.return_id,
        "rejection": _phrase(notice, _REJECTIONS.get(notice.reason, "return_rejected")),
        "sending": _sending(notice, returned),
        "taken": taken if refused else _phrase(notice, "return_taken"),
    }


def _sending(notice: Notice, returned: Returned) -> str:
    """What the customer is to do."""
    if returned.keeps_goods:
        return _phrase(notice, "return_kept")
    if not returned.tracking_number:
        return _phrase(notice, "return_sent")
    return _phrase(
        notice,
        "return_labelled",
        carrier=returned.carrier,
        tracking_number=returned.tracking_number,
    )


def _ways(notice: Notice) -> str:
    """Each with its amount, where there are several."""
    known, several = _words(notice.locale), len(notice.ways) > 1
    told = [
        _phrase(
            notice,
            "way_with_amount" if several else "way",
            way=known.get(f"refunded_by_{way.method}", known["refunded_by_other"]),
            amount=format_money(way.amount, notice.locale),
        )
        for way in notice.ways
    ]
    return ", ".join(told) or known["refunded_by_other"]


def _greeting(notice: Notice) -> str:
    if not notice.customer_name:
        return _phrase(notice, "greeting_without_name")
    return _phrase(notice, "greeting", name=notice.customer_name)


def _tracking(notice: Notice) -> str:
    if not notice.tracking_number:
        return _phrase(notice, "no_tracking_number")
    return _phrase(
        notice,
        "tracked_by" if notice.carrier else "tracked",
        carrier=notice.carrier,
        tracking_number=notice.tracking_number,
    )


def _money(notice: Notice) -> str:
    if notice.refund_due is None and notice.paid_by_exchange:
        return _phrase(notice, "exchange_back")
    if notice.refund_due is None:
        return _phrase(notice, "nothing_charged")
    return _phrase(notice, "money_back", amount=format_money(notice.refund_due, notice.locale))


def _arrival(notice: Notice) -> str:
    if notice.promised is None:
        return _phrase(notice, "arrives")
    promised = format_day(notice.promised, notice.locale)
    return _phrase(notice, "arrives_by", promised=promised)


def _promise(notice: Notice) -> str:
    """When it will be there, and when it was to be."""
    assert notice.promised is not None
    promised = format_day(notice.promised, notice.locale)
    if notice.expected is None:
        return _phrase(notice, "day_unknown", promised=promised)
    expected = format_day(notice.expected, notice.locale)
    if notice.expected > notice.promised:
        return _phrase(notice, "day_later", expected=expected, promised=promised)
    return _phrase(notice, "day_kept", expected=expected, promised=promised)


def _text_parts(notice: Notice) -> dict[str, str]:
    rows = [_fill(_line_template(notice, "txt"), _line(notice, line)) for line in notice.lines]
    totals = [_fill("total.txt", row) for row in _total_rows(notice)]
    return {
        "lines": "\n".join(rows),
        "totals": "\n".join(totals),
        "address": "\n".join(_address(notice.address)),
    }


def _document(notice: Notice, subject: str, values: Mapping[str, str]) -> str:
    rows = [
        _fill(_line_template(notice, "html"), _escaped(_line(notice, line)))
        for line in notice.lines
    ]
    totals = [_fill("total.html", _escaped(row)) for row in _total_rows(notice)]
    parts = {
        "lines": "\n".join(rows),
        "totals": "\n".join(totals),
        "address": "<br>\n".join(html.escape(line) for line in _address(notice.address)),
    }
    content = _fill(f"{notice.locale}/{notice.kind}.html", _escaped(values) | parts)
    frame = _escaped({"language": notice.locale, "subject": subject})
    return _fill("layout.html", frame | {"content": content})


def _line_template(notice: Notice, suffix: str) -> str:
    return f"priced_line.{suffix}" if notice.kind is Kind.CONFIRMATION else f"line.{suffix}"


def _line(notice: Notice, line: NoticeLine) -> dict[str, str]:
    return {
        "name": _one_line(line.name),
        "quantity": format_quantity(line.quantity, line.scale, notice.locale),
        "amount": format_money(line.amount, notice.locale),
    }


def _total_rows(notice: Notice) -> list[dict[str, str]]:
    """A discount, shipping or tax of nothing is not worth a row."""
    totals = notice.totals
    extras: tuple[tuple[str, Money], ...] = (
        ("discount", -totals.discount),
        ("shipping", totals.shipping),
        ("fees", totals.fees),
        ("tax", totals.tax),
    )
    rows = (
        ("subtotal", totals.subtotal),
        *((label, amount) for label, amount in extras if amount),
        ("total", totals.total),
    )
    return [
        {"label": _phrase(notice, label), "amount": format_money(amount, notice.locale)}
        for label, amount in rows
    ]


def _address(address: Address) -> list[str]:
    place = ", ".join(filter(None, (address.city, address.region)))
    lines = (
        address.name,
        ", ".join(filter(None, (address.line1, address.line2))),
        address.district,
        f"{place} {address.postal_code}",
        address.country,
    )
    return [_one_line(line) for line in lines if line.strip()]


def _phrase(notice: Notice, phrase: str, /, **values: str) -> str:
    return Template(_words(notice.locale)[phrase]).substitute(values)


def _escaped(values: Mapping[str, str]) -> dict[str, str]:
    return {name: html.escape(value) for name, value in values.items()}


def _one_line(text: str) -> str:
    """A line break in a name must not start a header or a paragraph of its own."""
    return " ".join(text.split())


def _fill(path: str, values: Mapping[str, str]) -> str:
    return _template(path).substitute(values)


@cache
def _template(path: str) -> Template:
    return Template((_TEMPLATES / path).read_text(encoding="utf-8"))


@cache
def _words(locale: str) -> dict[str, str]:
    words = json.loads((_TEMPLATES / locale / "words.json").read_text(encoding="utf-8"))
    assert isinstance(words, dict)
    return words
