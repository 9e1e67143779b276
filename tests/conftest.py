"""Settings that hold for every test, wherever it is run from."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent

# Before any test module is imported: clients and loggers read these when they are made. No test
# may reach a real account, whatever the caller is signed in to.
os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(HERE.parent / "build" / "jsii"),
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
)
for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# Each test with services in memory has a session of its own, and each session would read megabytes
# of descriptions of the services again, at every client that it makes.
_loader = JSONFileLoader()
_read = cache(_loader.load_file)


def _read_once(self: JSONFileLoader, file_path: str) -> Any:
    return _read(file_path)


JSONFileLoader.load_file = _read_once  # type: ignore[method-assign]

# The same examples each time for everyday runs, many new ones for the slow run.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "slow",
    max_examples=1000,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares something dear, a deployed stack or a synthesised template, shares a process.

    First, because pytest-xdist reads the groups in the same hook.
    """
    for item in items:
        room = item.path.relative_to(HERE).parts[0]
        if room in {"e2e", "infra"}:
            item.add_marker(pytest.mark.xdist_group(room))
        if room == "e2e":
            item.add_marker(pytest.mark.e2e)
