"""Documents lead where they say, and alarms lead to them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "events").rglob("*.md")),
]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def headings(document: Path) -> set[str]:
    """Anchors as GitHub makes them: small letters, hyphens for spaces, nothing else."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def sources() -> Iterator[Path]:
    for room in ("infra", "functions", "layers/oms", "local"):
        for kind in ("*.py", "*.json"):
            yield from (ROOT / room).rglob(kind)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())

    for link in links:
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_every_heading_of_the_runbook_that_the_code_names_is_there() -> None:
    pattern = r"(?:docs/runbook\.md#|\brunbook=\")([\w-]+)"
    named = {anchor for file in sources() for anchor in re.findall(pattern, file.read_text())}

    assert {"dead-letters", "failed-executions", "rotate-a-secret"} <= named
    assert named <= headings(ROOT / "docs" / "runbook.md")


def test_every_decision_named_in_a_document_is_there() -> None:
    texts = [document.read_text() for document in DOCUMENTS]
    named = {anchor for text in texts for anchor in re.findall(r"docs/runbook\.md#([\w-]+)", text)}

    assert named <= headings(ROOT / "docs" / "runbook.md")


@pytest.mark.parametrize("number", range(1, len(DECISIONS) + 1))
def test_decisions_have_one_form(number: int) -> None:
    text = DECISIONS[number - 1].read_text()

    assert text.startswith(f"# {number:04d}. ")
    assert re.search(
        r"^Status: (accepted|replaced by \d{4}), 20\d\d-\d\d-\d\d$", text, re.MULTILINE
    )
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    lines = [
        f"| [{file.name[:4]}]({file.name}) | {file.read_text().splitlines()[0][8:]} |"
        for file in DECISIONS
    ]

    assert [line for line in index.splitlines() if line.startswith("| [")] == lines
