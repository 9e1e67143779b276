"""The local engine as a process: it starts, is found again, and never outlives its purpose."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local import engine
from local.engine import Engine
from local.failure import LocalFailure

Start = Callable[[Path], Engine]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Engine] = []

    def start_one(state_dir: Path) -> Engine:
        started.append(engine.start(state_dir, lifetime="with this process"))
        return started[-1]

    yield start_one
    for one in started:
        engine.stop(one)


def answers(one: Engine) -> bool:
    try:
        return httpx.get(f"{one.endpoint}/_ministack/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_an_engine_is_found_by_its_state_until_it_is_stopped(tmp_path: Path, start: Start) -> None:
    one = start(tmp_path)
    assert engine.find(tmp_path) == one
    assert answers(one)

    engine.stop(one)

    assert engine.find(tmp_path) is None
    assert not answers(one)


def test_an_engine_replaces_the_one_before_it(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)

    second = start(tmp_path)

    assert not answers(first)
    assert engine.find(tmp_path) == second


def test_engines_of_different_directories_run_side_by_side(tmp_path: Path, start: Start) -> None:
    first, second = start(tmp_path / "a"), start(tmp_path / "b")

    engine.stop(first)

    assert not answers(first)
    assert answers(second)


def test_stopping_twice_is_harmless(tmp_path: Path, start: Start) -> None:
    one = start(tmp_path)

    engine.stop(one)
    engine.stop(one)

    assert engine.find(tmp_path) is None


def test_another_process_that_got_the_engines_id_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        gone = Engine(stranger.pid, 1, "2026-05-01T12:00:00+00:00", tmp_path)
        state = {"pid": gone.pid, "port": gone.port, "started": gone.started}
        (tmp_path / "engine.json").write_text(json.dumps(state))

        found = engine.find(tmp_path)
        engine.stop(gone)

        assert found is None
        assert stranger.poll() is None
        stranger.kill()


def test_an_engine_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from local import engine;"
        "engine.start(pathlib.Path(sys.argv[1]), lifetime='with this process');"
        "print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=engine.ROOT, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        one = engine.find(tmp_path)
        starter.send_signal(signal.SIGKILL)

    assert one is not None
    deadline = time.monotonic() + 10
    while answers(one) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(one)


def test_an_engine_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match=r"the engine ended with .*engine\.log"):
        engine.start(tmp_path, settings={"PATH": os.defpath, "GATEWAY_PORT": "no port"})

    assert engine.find(tmp_path) is None
