"""One engine and one deployment for all end-to-end tests, driven through HTTP."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local import deploy, engine
from tests.e2e.stack import Api, Stack

# What differs from `make run`: nothing that a test waits for may take a human's time.
CONTEXT: dict[str, str] = {}
LOG_LINES = 40

_log = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The stack, deployed once. Its engine dies with the session, however that ends."""
    state_dir = tmp_path_factory.mktemp("stack")
    running = engine.start(state_dir, lifetime="with this process")
    pytestconfig.stash[_log] = running.log
    try:
        deployment = deploy.deploy(running, state_dir, CONTEXT)
        with closing(Api(deployment)) as api:
            yield Stack(running, deployment, api)
    finally:
        engine.stop(running)


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    return stack.api


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the end of what the functions printed."""
    report = yield
    log = item.config.stash.get(_log, None)
    if report.failed and log is not None and log.exists():
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        report.sections.append((f"end of {log}", "\n".join(tail)))
    return report
