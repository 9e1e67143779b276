"""Labels and packing slips in ZPL II, for label printers of 203 dots per inch and 4 × 6 inches.

``^CI28`` says that text is UTF-8, ``^FH`` that ``_`` and two hexadecimal digits stand for a byte:
so are written ``^`` and ``~``, which begin commands, ``_`` itself, and all that is not ASCII.
"""

from collections.abc import Iterable, Iterator, Sequence

from oms.fulfillment.documents import PrintedLabel, PrintedSlip, Rows, SlipLine

WIDTH, HEIGHT = 812, 1218

_LEFT = 40
_CAPTION, _TEXT, _LARGE = 24, 32, 44
# How wide a letter of the printer's font is, in hundredths of its height.
_LETTER = 55
_SKU_LETTERS = 17
# Lines of a slip that fit below its head.
_LINES_ON_A_PAGE = 18
# A barcode of narrow bars 3 dots wide has 11 of them for each character, and some 57 besides.
_NARROW_BELOW = 18


def labels(printed: Iterable[PrintedLabel]) -> str:
    return "".join(_format(_label(label)) for label in printed)


def slips(printed: Iterable[PrintedSlip]) -> str:
    return "".join(_format(page) for slip in printed for page in _slip(slip))


def field(text: str) -> str:
    """``text`` as field data, of which no character is a command."""
    return "".join(_escaped(byte) for byte in text.encode())


def _escaped(byte: int) -> str:
    character = chr(byte)
    plain = " " <= character <= "}" and character not in "^~_"
    return character if plain else f"_{byte:02X}"


def _format(fields: Iterable[str]) -> str:
    return "\n".join(("^XA", "^CI28", f"^PW{WIDTH}", f"^LL{HEIGHT}", *fields, "^XZ")) + "\n"


def _label(label: PrintedLabel) -> Iterator[str]:
    yield _text(40, label.service, _LARGE)
    yield _rule(100)
    y = 120
    for caption, lines, size in (
        (label.sender_caption, label.sender, _CAPTION),
        (label.recipient_caption, label.recipient, _TEXT),
    ):
        yield _text(y, caption.upper(), _CAPTION)
        y += _CAPTION + 8
        for line in lines:
            yield _text(y, line, size)
            y += size + 8
        y += 16
    yield _rule(y)
    yield from _facts(y + 20, label.facts)
    yield _text(HEIGHT - 400, label.tracking_caption.upper(), _CAPTION)
    yield _barcode(HEIGHT - 360, label.tracking_number)


def _slip(slip: PrintedSlip) -> Iterator[list[str]]:
    """A page for as many lines as fit on one; the head is on each."""
    for first in range(0, max(1, len(slip.lines)), _LINES_ON_A_PAGE):
        yield _slip_page(slip, slip.lines[first : first + _LINES_ON_A_PAGE])


def _slip_page(slip: PrintedSlip, lines: Sequence[SlipLine]) -> list[str]:
    fields = [_text(40, slip.title, _LARGE), _rule(100)]
    y = 120
    fields.append(_text(y, slip.recipient_caption.upper(), _CAPTION))
    for line in slip.recipient:
        y += _CAPTION + 8
        fields.append(_text(y, line, _CAPTION))
    y += 48
    fields += _facts(y, slip.facts)
    y += (_CAPTION + 12) * len(slip.facts) + 12
    fields.append(_rule(y))
    y += 20
    for quantity, sku, name in (slip.captions, *((e.quantity, e.sku, e.name) for e in lines)):
        fields += [
            _text(y, quantity, _CAPTION),
            _text(y, sku[:_SKU_LETTERS], _CAPTION, 140),
            _text(y, name, _CAPTION, 370),
        ]
        y += _CAPTION + 12
    return fields


def _facts(y: int, facts: Rows) -> Iterator[str]:
    for number, (caption, text) in enumerate(facts):
        yield _text(y + number * (_CAPTION + 12), f"{caption}: {text}", _CAPTION)


def _text(y: int, text: str, size: int, x: int = _LEFT) -> str:
    """One line; what is too long for the width is cut off, for the printer would go on printing."""
    said = text[: (WIDTH - x - 20) * 100 // (size * _LETTER)]
    return f"^FO{x},{y}^A0N,{size},{size}^FH^FD{field(said)}^FS"


def _rule(y: int) -> str:
    return f"^FO{_LEFT},{y}^GB{WIDTH - 2 * _LEFT},3,3^FS"


def _barcode(y: int, text: str) -> str:
    """Code 128 with the text below it; ``>`` would change the character set, ``>0`` is one."""
    module = 3 if len(text) < _NARROW_BELOW else 2
    data = field(text.replace(">", ">0"))
    return f"^FO{_LEFT},{y}^BY{module}^BCN,220,Y,N,N^FH^FD{data}^FS"
