"""What `make url`, `make token`, `make stop`, `make redrive` and `make republish` run."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.engine import ROOT


def run(state_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", "--state-dir", str(state_dir), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("url",),
        ("token", "orders.read"),
        ("redrive", "inbox"),
        ("redrive", "relay"),
        ("republish", "ord_1"),
    ],
)
def test_without_a_stack_a_command_fails_with_one_line(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    answer = run(tmp_path, *words)

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr == f"{words[0]}: no local stack is running: 'make run' starts one\n"


def test_stopping_nothing_is_no_failure(tmp_path: Path) -> None:
    answer = run(tmp_path, "stop")

    assert answer.returncode == 0
    assert answer.stdout == "nothing was running\n"
