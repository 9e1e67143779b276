"""How `make run` ends: with what to do next, or with one line that says why not."""

from pathlib import Path

import pytest

from local import run
from local.failure import LocalFailure


def test_a_failure_is_one_line_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise LocalFailure("cdk deploy failed: no", Path("deploy.log"))

    monkeypatch.setattr(run, "run", fail)
    monkeypatch.setattr("sys.argv", ["run"])

    assert run.main() == 1
    assert capsys.readouterr().err == "run: cdk deploy failed: no (log: deploy.log)\n"
