"""The state machine of docs/returns.md, printed from the table that the code decides by.

``python -m tests.unit.docs.returns_table`` writes it anew.
"""

from pathlib import Path

from oms.returns.model import ReturnState
from oms.returns.transitions import TRANSITIONS

DOCUMENT = Path(__file__).parents[3] / "docs" / "returns.md"
BEGIN = "<!-- The table below is printed from the code. -->\n"
END = "<!-- So far the printed table. -->\n"


def printed() -> str:
    steps = list(dict.fromkeys(step for leads in TRANSITIONS.values() for step in leads))
    rows = [["from", *(f"`{step}`" for step in steps)], ["---"] * (len(steps) + 1)]
    for state, leads in TRANSITIONS.items():
        cells = [" or ".join(f"`{to}`" for to in leads.get(step, ())) for step in steps]
        rows.append([f"`{state}`", *cells])
    final = ", ".join(f"`{state}`" for state in ReturnState if not TRANSITIONS.get(state))
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"\n{table}\nNo step leads on from {final}.\n\n"


def with_table(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{printed()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
