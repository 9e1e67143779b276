"""Do the roles allow what the functions do? Run the end-to-end tests with this plugin to know:

    .venv/bin/python -m pytest -p tests.infra.grants tests/e2e

The local engine allows everybody everything, so that a missing permission shows on AWS only. With
this it has IAM decide on every request of a function, and the run fails when one would be refused.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local import deploy, engine

HERE = Path(__file__).parent
# What the engine asks IAM about in another way than AWS does: a secret's Ref is its name there and
# its ARN on AWS; mails and task tokens have no resource there, and the sender's identity and the
# state machine on AWS; a batch of messages is an action of its own there, and SendMessage on AWS.
ASKED_OTHERWISE = (
    "secretsmanager:GetSecretValue",
    "ses:SendEmail",
    "sqs:SendMessageBatch",
    "states:SendTaskFailure",
    "states:SendTaskSuccess",
)

_record = pytest.StashKey[Path]()


@pytest.fixture(scope="session", autouse=True)
def recorded(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    record = tmp_path_factory.mktemp("grants") / "requests.jsonl"
    pytestconfig.stash[_record] = record
    settings = {"PYTHONPATH": str(HERE / "in_engine"), "GRANTS_RECORD": str(record)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "start", with_settings(engine.start, settings))
        patch.setattr(deploy, "deploy", followed_by(deploy.deploy, lambda: turn_on(record)))
        yield


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    requests = list(asked(config))
    terminalreporter.section("grants")
    terminalreporter.line(f"{len(requests)} requests of functions were checked")
    for line in sorted({described(each) for each in requests if is_missing(each)}):
        terminalreporter.line(f"refused: {line}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    requests = list(asked(session.config))
    if not requests or any(is_missing(each) for each in requests):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def asked(config: pytest.Config) -> Iterator[Mapping[str, Any]]:
    """Every request that a function's role made."""
    record = config.stash.get(_record, None)
    if record is None or not record.exists():
        return
    for line in record.read_text().splitlines():
        request: Mapping[str, Any] = json.loads(line)
        if ":assumed-role/" in request["caller"]:
            yield request


def is_missing(request: Mapping[str, Any]) -> bool:
    return request["refused"] and request["action"] not in ASKED_OTHERWISE


def described(request: Mapping[str, Any]) -> str:
    function = request["caller"].rpartition("/")[2]
    return f"{function} {request['action']} {request['resource']}"


def turn_on(record: Path) -> None:
    record.touch()
    # The engine looks for it twenty times a second.
    time.sleep(0.5)


def with_settings(start: Callable[..., Any], added: Mapping[str, str]) -> Callable[..., Any]:
    def start_with(state_dir: Path, **options: Any) -> Any:
        settings = {**(options.pop("settings", None) or {}), **added}
        return start(state_dir, settings=settings, **options)

    return start_with


def followed_by(act: Callable[..., Any], then: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any, **options: Any) -> Any:
        result = act(*arguments, **options)
        then()
        return result

    return both
