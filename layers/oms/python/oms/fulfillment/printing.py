"""Printing labels and packing slips."""

from collections.abc import Sequence
from enum import StrEnum

from oms.catalog.store import Catalog
from oms.fulfillment import pdf, zpl
from oms.fulfillment.documents import PrintedLabel, labels_of, slips_of
from oms.fulfillment.labels import destination, origin
from oms.fulfillment.parcels import Packing
from oms.fulfillment.worklist import Work
from oms.kernel.errors import Conflict

# The media type that label printers' software registers for ZPL.
ZPL_TYPE = "x-application/zpl"
PDF_TYPE = "application/pdf"


class Format(StrEnum):
    PDF = "pdf"
    ZPL = "zpl"


def print_labels(
    work: Work, packing: Packing, catalog: Catalog, form: Format
) -> tuple[str, str | bytes]:
    """The media type, and what is printed. Raises ``Conflict`` (``not_labelled``)."""
    if not packing.is_labelled:
        raise Conflict("its labels are not bought yet", code="not_labelled")
    node = origin(packing.node, catalog)
    return print_label(labels_of(work.order, packing, node, destination(work, catalog)), form)


def print_label(printed: Sequence[PrintedLabel], form: Format) -> tuple[str, str | bytes]:
    if form is Format.ZPL:
        return ZPL_TYPE, zpl.labels(printed)
    return PDF_TYPE, pdf.labels(printed)


def print_slips(
    work: Work, packing: Packing, catalog: Catalog, form: Format
) -> tuple[str, str | bytes]:
    printed = slips_of(work.order, packing, destination(work, catalog))
    if form is Format.ZPL:
        return ZPL_TYPE, zpl.slips(printed)
    return PDF_TYPE, pdf.slips(printed)
