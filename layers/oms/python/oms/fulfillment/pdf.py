"""Labels and packing slips in PDF: labels of 4 × 6 inches, slips on A4.

The fonts are those that every reader has; they know the letters of Western Europe and the Americas.
Whatever they do not know is printed without its marks, or as a question mark.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from oms.fulfillment.documents import PrintedLabel, PrintedSlip, Rows, SlipLine

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

POINTS_PER_INCH = 72
LABEL = (4 * POINTS_PER_INCH, 6 * POINTS_PER_INCH)
A4 = (595, 842)

_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_MARGIN = 18
_SLIP_MARGIN = 48
# What fits below the head of a slip, and on a page of its own.
_LINES_ON_A_PAGE = 30

T = TypeVar("T")


def labels(printed: Iterable[PrintedLabel]) -> bytes:
    return _document(LABEL, printed, _draw_label)


def slips(printed: Iterable[PrintedSlip]) -> bytes:
    return _document(A4, printed, _draw_slip)


def printable(text: str) -> str:
    """As much of ``text`` as the fonts know: the characters of Windows-1252."""
    return "".join(map(_printable, unicodedata.normalize("NFC", text)))


def _printable(character: str) -> str:
    if _is_known(character):
        return character
    plain = [part for part in unicodedata.normalize("NFKD", character) if _is_known(part)]
    return "".join(plain) or "?"


def _is_known(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return character.isprintable()


def _document(
    size: tuple[float, float], printed: Iterable[T], draw: Callable[[Canvas, T], None]
) -> bytes:
    """The library takes a quarter of a second to import: only who prints waits for it. Without a
    date in it the same document is the same bytes."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size, invariant=1)
    for each in printed:
        draw(canvas, each)
    canvas.save()
    return file.getvalue()


def _draw_label(canvas: Canvas, label: PrintedLabel) -> None:
    width, height = LABEL
    y: float = height - _MARGIN - 14
    _text(canvas, _MARGIN, y, label.service, 14, _BOLD, width)
    y -= 10
    canvas.line(_MARGIN, y, width - _MARGIN, y)
    y = _block(canvas, y - 12, label.sender_caption, label.sender, 8, width)
    y = _block(canvas, y - 10, label.recipient_caption, label.recipient, 11, width)
    canvas.line(_MARGIN, y, width - _MARGIN, y)
    _facts(canvas, _MARGIN, y - 12, label.facts, width)
    _text(canvas, _MARGIN, 116, label.tracking_caption.upper(), 7, _PLAIN, width)
    _barcode(canvas, label.tracking_number, width)
    canvas.showPage()


def _barcode(canvas: Canvas, text: str, width: float) -> None:
    """As wide as the label allows; its number can be read below it."""
    from reportlab.graphics.barcode.code128 import Code128

    thin = Code128(text, barWidth=1, barHeight=70, quiet=False)
    room = width - 2 * _MARGIN
    barcode = Code128(text, barWidth=min(1.4, room / thin.width), barHeight=70, quiet=False)
    barcode.drawOn(canvas, _MARGIN, 38)
    _text(canvas, _MARGIN, 24, text, 11, _BOLD, width)


def _draw_slip(canvas: Canvas, slip: PrintedSlip) -> None:
    for first in range(0, max(1, len(slip.lines)), _LINES_ON_A_PAGE):
        _draw_slip_page(canvas, slip, slip.lines[first : first + _LINES_ON_A_PAGE])


def _draw_slip_page(canvas: Canvas, slip: PrintedSlip, lines: Sequence[SlipLine]) -> None:
    width, height = A4
    left, y = _SLIP_MARGIN, float(height - _SLIP_MARGIN - 18)
    _text(canvas, left, y, slip.title, 18, _BOLD, width)
    y = _block(canvas, y - 24, slip.recipient_caption, slip.recipient, 11, width, left)
    y = _facts(canvas, left, y - 6, slip.facts, width) - 8
    canvas.line(left, y, width - left, y)
    y -= 16
    rows = [slip.captions, *((each.quantity, each.sku, each.name) for each in lines)]
    for number, (quantity, sku, name) in enumerate(rows):
        font = _PLAIN if number else _BOLD
        _text(canvas, left, y, quantity, 10, font, left + 60)
        _text(canvas, left + 60, y, sku, 10, font, left + 190)
        _text(canvas, left + 190, y, name, 10, font, width)
        y -= 16
    canvas.showPage()


def _block(
    canvas: Canvas,
    y: float,
    caption: str,
    lines: Sequence[str],
    size: float,
    width: float,
    left: float = _MARGIN,
) -> float:
    """Where the next line goes."""
    _text(canvas, left, y, caption.upper(), 7, _PLAIN, width)
    for line in lines:
        y -= size + 3
        _text(canvas, left, y, line, size, _PLAIN, width)
    return y - 10


def _facts(canvas: Canvas, left: float, y: float, facts: Rows, width: float) -> float:
    for caption, text in facts:
        _text(canvas, left, y, f"{caption}: {text}", 9, _PLAIN, width)
        y -= 12
    return y


def _text(
    canvas: Canvas, x: float, y: float, text: str, size: float, font: str, right: float
) -> None:
    """In one line up to the margin before ``right``: small letters rather than half a line, and
    what is too long even then is cut off."""
    said, room = printable(text), right - x - 6
    wide = canvas.stringWidth(said, font, size)
    size = max(6.0, size * min(1.0, room / wide)) if wide else size
    while said and canvas.stringWidth(said, font, size) > room:
        said = said[:-1]
    canvas.setFont(font, size)
    canvas.drawString(x, y, said)
