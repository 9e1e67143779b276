"""docs/returns.md prints the table as it is."""

from tests.unit.docs.returns_table import DOCUMENT, with_table


def test_the_document_prints_the_table_of_returns_as_it_is() -> None:
    text = DOCUMENT.read_text()

    assert text == with_table(text), "python -m tests.unit.docs.returns_table writes it"
