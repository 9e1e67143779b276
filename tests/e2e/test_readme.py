"""The README's tour, word for word."""

import json
import os
import subprocess
import sys
from pathlib import Path

from local.demo.samples import read
from local.engine import ROOT
from tests.e2e.shop import STORE
from tests.e2e.stack import Stack, eventually

# Answers for `make` as `make run` leaves it: from this stack and not the one in .local.
MAKE = """\
#!/bin/sh
exec "$PYTHON" -m local --state-dir "$STATE_DIR" "$1" ${2#SCOPE=}
"""


def test_the_tour_of_the_readme_works_as_it_stands(stack: Stack, tmp_path: Path) -> None:
    sell_what_the_tour_buys(stack)

    said = run(tour(), stack, tmp_path)

    for answer in ("content_differs", "total_mismatch", "not_cancellable", "order_captured"):
        assert f'"{answer}"' in said
    assert "Forbidden" in said
    order = json.loads(
        said[said.index('{"id":"ord_') :].partition("\n")[0].partition("}{")[0] + "}"
    )
    eventually(lambda: stack.api.get(f"/v1/orders/{order['id']}").json()["state"] == "completed")


def test_the_tour_of_stock_and_promises_works_as_it_stands(stack: Stack, tmp_path: Path) -> None:
    sell_what_the_tour_buys(stack)
    who_and_where = "".join(tour().splitlines(keepends=True)[:3])

    said = run(who_and_where + tour(2), stack, tmp_path)

    for answer in ("released", "insufficient_stock", "confirmed"):
        assert f'"{answer}"' in said
    assert '"options":[{' in said


def test_the_tour_of_routing_works_as_it_stands(stack: Stack, tmp_path: Path) -> None:
    sell_what_the_tour_buys(stack)
    who_and_where = "".join(tour().splitlines(keepends=True)[:3])

    said = run(who_and_where + tour(3), stack, tmp_path)

    assert '"rule":"stores"' in said
    assert '"path":"rules.0.rankers.0.by"' in said
    assert "units_routed" in said or "routing_failed" in said


def test_the_tour_of_money_and_returns_works_as_it_stands(stack: Stack, tmp_path: Path) -> None:
    sell_what_the_tour_buys(stack)
    who_and_where = "".join(tour().splitlines(keepends=True)[:3])

    counter = read("catalogue.json")["nodes"]["loja-paulista"]
    stack.api.put("/v1/nodes/loja-paulista", counter)

    said = run(who_and_where + tour(4), stack, tmp_path)

    assert '"computed":"56.57"' in said
    assert '"code":"refund_above_captured"' in said
    assert '"restock":1' in said


def tour(part: int = 1) -> str:
    section = (ROOT / "README.md").read_text().split("## A tour with curl")[1]
    return section.split("```sh\n")[part].split("```")[0]


def run(script: str, stack: Stack, folder: Path) -> str:
    make = folder / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "STATE_DIR": str(stack.engine.state_dir),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sell_what_the_tour_buys(stack: Stack) -> None:
    """Of the demo's catalogue no more than that, from a node that this shop has."""
    demo = read("catalogue.json")
    for order in ("orders/try_next.json", "orders/try_returning.json"):
        for line in read(order)["lines"]:
            sku = line["sku"]
            stack.api.put(f"/v1/items/{sku}", demo["items"][sku])
            receipt = {"id": f"tour-{sku}", "kind": "receipt", "sku": sku, "node": STORE}
            answer = stack.api.post("/v1/inventory/movements", {**receipt, "quantity": 5})
            assert answer.is_success
