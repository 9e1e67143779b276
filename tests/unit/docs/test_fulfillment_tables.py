"""docs/fulfillment.md prints the tables that the code decides by."""

from tests.unit.docs.fulfillment_tables import DOCUMENT, led_to, machines, with_tables


def test_the_document_prints_the_tables_as_they_are() -> None:
    text = DOCUMENT.read_text()
    assert text == with_tables(text), "python -m tests.unit.docs.fulfillment_tables writes them"


def test_a_final_state_of_every_machine_can_be_reached() -> None:
    for title, machine in machines():
        reached = {
            to for steps in machine.values() for each in steps.values() for to in led_to(each)
        }
        assert any(not machine.get(state) for state in reached), title
