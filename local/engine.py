"""The local engine: one process that speaks AWS's protocols on a free loopback port.

An engine lives in a state directory of its own, so that several can run side by side:

    STATE_DIR/engine.json   which process it is and where it answers
    STATE_DIR/engine.log    what it and the functions printed
    STATE_DIR/scratch/      unpacked functions, keys; gone when the engine is

`start` and `stop` are all there is. `python -m local.engine STATE_DIR` is the process itself.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx

from local.failure import LocalFailure

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "000000000000"
REGION = "us-east-1"

START_SECONDS = 60.0
STOP_SECONDS = 5.0
WITH_STARTER = "--with-starter"

Lifetime = Literal["until stopped", "with this process"]


# Kept so that they can be reaped, and so that the pipe which holds an engine alive stays open.
_started_here: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine. `pid` leads a process group of its own; `started` is RFC 3339 in UTC."""

    pid: int
    port: int
    started: str
    state_dir: Path

    @property
    def endpoint(self) -> str:
        """The address to use as `AWS_ENDPOINT_URL`: an IP, so that S3 is addressed by path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Where the engine and the functions in it print."""
        return self.state_dir / "engine.log"


def start(
    state_dir: Path,
    *,
    settings: Mapping[str, str] | None = None,
    lifetime: Lifetime = "until stopped",
) -> Engine:
    """Start a fresh engine in `state_dir`, in place of the one that runs there.

    `settings` are further environment variables for the engine (`SFN_WAIT_SCALE`, …). With the
    lifetime "with this process" the engine dies when the caller does, however it dies.
    Raises `LocalFailure` when the engine does not answer in time.
    """
    state_dir = state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    previous = find(state_dir)
    if previous:
        stop(previous)
    scratch = _scratch(state_dir)
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "tmp").mkdir(parents=True)

    port = _free_port()
    process = _spawn(state_dir, port, settings or {}, lifetime)
    _started_here[process.pid] = process
    engine = Engine(
        pid=process.pid,
        port=port,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        state_dir=state_dir,
    )
    _record(engine)
    try:
        _wait_until_healthy(engine, process)
    except BaseException:
        stop(engine)
        raise
    return engine


def stop(engine: Engine) -> None:
    """Stop that engine and the functions it runs, and forget it. Stopping twice is harmless."""
    if _is_ours(engine):
        os.killpg(engine.pid, signal.SIGTERM)
        _wait_until_gone(engine)
        _kill_what_is_left(engine)
    shutil.rmtree(_scratch(engine.state_dir), ignore_errors=True)
    _state_file(engine.state_dir).unlink(missing_ok=True)


def find(state_dir: Path) -> Engine | None:
    """The engine that runs in `state_dir`, or None."""
    state_dir = state_dir.resolve()
    try:
        state = json.loads(_state_file(state_dir).read_text())
    except FileNotFoundError:
        return None
    engine = Engine(
        pid=state["pid"], port=state["port"], started=state["started"], state_dir=state_dir
    )
    return engine if _is_ours(engine) else None


def environment(engine: Engine) -> dict[str, str]:
    """The variables with which the CDK CLI and the AWS SDKs talk to `engine` and to nothing else.

    Nothing of the caller's is passed on but where programs are found: no profile, no credentials,
    no proxy, no home directory.
    """
    return {**_aws_environment(engine.state_dir), "AWS_ENDPOINT_URL": engine.endpoint}


def _aws_environment(state_dir: Path) -> dict[str, str]:
    home = state_dir / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _spawn(
    state_dir: Path, port: int, settings: Mapping[str, str], lifetime: Lifetime
) -> subprocess.Popen[bytes]:
    scratch = _scratch(state_dir)
    with_starter = lifetime == "with this process"
    with (state_dir / "engine.log").open("wb") as log:
        return subprocess.Popen(
            _command(state_dir) + ([WITH_STARTER] if with_starter else []),
            cwd=ROOT,
            env={
                **_aws_environment(state_dir),
                "GATEWAY_PORT": str(port),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_REGION": REGION,
                "IOT_MTLS_ENABLED": "0",  # it would listen on every interface
                "LAMBDA_EXECUTOR": "local",
                "LOG_LEVEL": "WARNING",
                "MINISTACK_WORKER_THREADS": "256",  # a running function holds one, and calls back
                "STATE_DIR": str(scratch / "state"),
                "TMPDIR": str(scratch / "tmp"),
                **settings,
            },
            # The pipe's other end closes when this process ends: that is what the engine watches.
            stdin=subprocess.PIPE if with_starter else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _command(state_dir: Path) -> list[str]:
    return [sys.executable, "-m", "local.engine", str(state_dir)]


def _wait_until_healthy(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalFailure(f"the engine ended with {process.returncode}", engine.log)
        if _answers(engine):
            return
        time.sleep(0.05)
    raise LocalFailure(f"the engine did not answer within {START_SECONDS:.0f} s", engine.log)


def _answers(engine: Engine) -> bool:
    try:
        health = httpx.get(f"{engine.endpoint}/_ministack/health", trust_env=False, timeout=5)
    except httpx.TransportError:
        return False
    return health.is_success


def _is_ours(engine: Engine) -> bool:
    """Whether the process with that id still is that engine: ids are used again by the system."""
    ours = " ".join(_command(engine.state_dir)[1:])
    return f" {ours} " in f"{_command_line(engine.pid)} "


def _command_line(pid: int) -> str:
    """The command of a process, its words separated by spaces; empty for one that is gone."""
    if sys.platform != "linux":
        shown = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return shown.stdout.strip()
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wait_until_gone(engine: Engine) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while _is_ours(engine) and time.monotonic() < deadline:
        _reap(engine)
        time.sleep(0.02)


def _kill_what_is_left(engine: Engine) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(engine.pid, signal.SIGKILL)
    process = _started_here.pop(engine.pid, None)
    if process is None:
        return
    process.wait()
    if process.stdin:
        process.stdin.close()


def _reap(engine: Engine) -> None:
    if engine.pid in _started_here:
        _started_here[engine.pid].poll()


def _record(engine: Engine) -> None:
    state = {**asdict(engine), "endpoint": engine.endpoint, "state_dir": str(engine.state_dir)}
    _state_file(engine.state_dir).write_text(json.dumps(state, indent=2) + "\n")


def _state_file(state_dir: Path) -> Path:
    return state_dir / "engine.json"


def _scratch(state_dir: Path) -> Path:
    return state_dir / "scratch"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _serve() -> None:
    from ministack.app import main

    from local.environments import let_calls_wait
    from local.error_names import keep_error_names
    from local.quiet_functions import answer_without_waiting_for_logs

    keep_error_names()
    let_calls_wait()
    answer_without_waiting_for_logs()
    if WITH_STARTER in sys.argv:
        threading.Thread(target=_end_with_the_starter, daemon=True).start()
    # The engine reads the command line too, and knows none of these words.
    sys.argv[1:] = []
    main()


def _end_with_the_starter() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
