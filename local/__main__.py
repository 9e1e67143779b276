"""What `make` asks of the running stack: `python -m local stop|url|token|redrive`.

Prints the answer alone; a failure is one line on standard error and exit code 1.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import deploy, engine
from local.aws import local_session
from local.deploy import Deployment
from local.failure import LocalFailure
from local.redrive import redrive, start_redrive

STATE_DIR = engine.ROOT / ".local"


def main() -> int:
    """Run one command; the result is the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=STATE_DIR)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stop", help="stop the engine")
    commands.add_parser("url", help="print the API's base address")
    command = commands.add_parser("token", help="print a bearer token")
    command.add_argument("scopes", nargs="*", help="e.g. orders.read; all when none is given")
    command = commands.add_parser("redrive", help="send dead letters back to their queue")
    command.add_argument("queue", help="name of the dead-letter queue")
    command.add_argument("--aws", action="store_true", help="in the AWS account, not locally")
    words = parser.parse_args()

    try:
        match words.command:
            case "stop":
                _stop(words.state_dir)
            case "url":
                print(_running(words.state_dir).base_url)
            case "token":
                print(deploy.token(_running(words.state_dir), words.scopes or deploy.SCOPES))
            case "redrive" if words.aws:
                print(_redrive_on_aws(words.queue))
            case "redrive":
                print(_redrive_locally(words.queue, _running(words.state_dir)))
    except LocalFailure as failure:
        print(f"{words.command}: {failure}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as failure:
        print(f"{words.command}: AWS says: {failure}", file=sys.stderr)
        return 1
    return 0


def _running(state_dir: Path) -> Deployment:
    found = engine.find(state_dir)
    deployment = deploy.load(state_dir)
    if found is None or deployment is None or deployment.endpoint != found.endpoint:
        raise LocalFailure("no local stack is running: 'make run' starts one")
    return deployment


def _stop(state_dir: Path) -> None:
    found = engine.find(state_dir)
    if found is None:
        print("nothing was running")
        return
    engine.stop(found)
    print("stopped")


def _redrive_locally(queue: str, deployment: Deployment) -> str:
    sqs = local_session().client("sqs", endpoint_url=deployment.endpoint)
    moved = redrive(sqs, _queue_url(queue, deployment.dead_letter_queues))
    return f"{queue}: {moved} sent back"


def _redrive_on_aws(queue: str) -> str:
    session = boto3.Session()
    moving = start_redrive(session.client("sqs"), _queue_url(queue, _queues_on_aws(session)))
    return f"{queue}: SQS is sending back about {moving}"


def _queues_on_aws(session: boto3.Session) -> Mapping[str, str]:
    for page in session.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            for output in stack.get("Outputs", []):
                if output.get("OutputKey") == "DeadLetterQueues":
                    queues: dict[str, str] = json.loads(output["OutputValue"])
                    return queues
    raise LocalFailure("no stack in this account and region has the output DeadLetterQueues")


def _queue_url(name: str, queues: Mapping[str, str]) -> str:
    if name not in queues:
        raise LocalFailure(f"no dead-letter queue {name!r}; there are {', '.join(sorted(queues))}")
    return queues[name]


if __name__ == "__main__":
    sys.exit(main())
