"""`make run`: the whole stack on this machine, and sample orders on their way through it.

Ends with 0 when every order came where it should, and leaves the stack up. Otherwise one line on
standard error says what failed and where the log is.
"""

import argparse
import sys
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from local import deploy, engine
from local.__main__ import STATE_DIR
from local.demo import journey
from local.demo.progress import Progress
from local.deploy import Deployment
from local.engine import Engine
from local.failure import LocalFailure

INTERRUPTED = 130
FAILURES = (LocalFailure, httpx.HTTPError, BotoCoreError, ClientError, OSError)


def main() -> int:
    """Run it all; the result is the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=STATE_DIR)
    try:
        run(parser.parse_args().state_dir, Progress(Console()))
    except FAILURES as failure:
        print(f"run: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("run: interrupted; 'make stop' ends what is running", file=sys.stderr)
        return INTERRUPTED
    return 0


def run(state_dir: Path, progress: Progress) -> None:
    """Raises `LocalFailure`. An earlier run in `state_dir` is replaced."""
    with progress.step("engine: starting", "engine: started"):
        running = engine.start(state_dir)
    deployment = _deploy(running, progress)
    _travel(running, deployment, progress)
    progress.console.print(what_next(deployment), highlight=False, soft_wrap=True)


def _deploy(running: Engine, progress: Progress) -> Deployment:
    """Without a stack there is nothing to look at: what ends this ends the engine too."""
    try:
        with progress.step("stack: synthesise, bootstrap and deploy", "stack: deployed"):
            return deploy.deploy(running, running.state_dir)
    except BaseException:
        engine.stop(running)
        raise


def _travel(running: Engine, deployment: Deployment, progress: Progress) -> None:
    try:
        journey.travel(deployment, progress)
    except FAILURES as failure:
        is_up = engine.find(running.state_dir) is not None
        left = "the stack is up, 'make stop' ends it" if is_up else "the engine is gone"
        raise LocalFailure(f"{failure}; {left}", running.log) from failure


def what_next(deployment: Deployment) -> str:
    """For a person: each command works when it is pasted, from the project's folder."""
    url = deployment.base_url
    return f"""
  API     {url}
  docs    {url}/docs
  token   make token

  Order something else, and see it wait for its node:

    curl -s {url}/v1/orders \\
      -H "Authorization: Bearer $(make -s token)" \\
      -H "Content-Type: application/json" -d @events/orders/try_next.json

  stop    make stop
"""


if __name__ == "__main__":
    sys.exit(main())
