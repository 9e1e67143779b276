"""What `make` asks of a running stack: `python -m local stop|url|token|redrive|republish|audit`.

Prints the answer alone; a failure is told on standard error, with exit code 1.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local import deploy, engine, target
from local.deploy import Deployment
from local.failure import LocalFailure
from local.redrive import redrive, start_redrive
from local.target import Target

STATE_DIR = engine.ROOT / ".local"

# Its failure queue holds places in streams, which no queue could take back.
RELAY = "relay"


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
    command = commands.add_parser("republish", help="publish an order's events again")
    command.add_argument("order", help="its id, ord_…")
    command.add_argument("--aws", action="store_true", help="in the AWS account, not locally")
    command = commands.add_parser("audit", help="hold every balance against its ledger")
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
            case "redrive" if words.queue == RELAY:
                _redrive_relay(_target(words))
            case "redrive":
                print(_redrive(words.queue, _target(words)))
            case "republish":
                print(_republish(words.order, _target(words)))
            case "audit":
                print(_audit(_target(words)))
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


def _target(words: argparse.Namespace) -> Target:
    return target.on_aws() if words.aws else target.here(_running(words.state_dir))


def _redrive(queue: str, stack: Target) -> str:
    sqs = stack.session.client("sqs", endpoint_url=stack.endpoint)
    dead_letters = _queue_url(queue, stack.dead_letter_queues)
    if stack.is_on_aws:
        return f"{queue}: SQS is sending back about {start_redrive(sqs, dead_letters)}"
    return f"{queue}: {redrive(sqs, dead_letters)} sent back"


def _redrive_relay(stack: Target) -> None:
    # What publishes needs the OMS on the path, which stopping and asking do without.
    from local import republish

    done = republish.redrive_relay(
        stack.session.client("sqs", endpoint_url=stack.endpoint),
        _queue_url(RELAY, stack.dead_letter_queues),
        stack.session.client("dynamodbstreams", endpoint_url=stack.endpoint),
        republish.bus_of(stack),
        republish.feed_of(stack),
    )
    print(f"{RELAY}: {done.places} places done, {done.events} events published")
    if done.left:
        raise LocalFailure("\n  ".join([f"{len(done.left)} left in the queue:", *done.left]))


def _republish(order_id: str, stack: Target) -> str:
    from local import republish

    events = republish.republish_order(
        order_id, republish.orders_of(stack), republish.bus_of(stack), datetime.now(UTC)
    )
    return f"{order_id}: {events} events published"


def _audit(stack: Target) -> str:
    from oms.aws import account_audit, capacity_audit
    from oms.aws.stock_audit import audit

    dynamodb = stack.session.client("dynamodb", endpoint_url=stack.endpoint)
    balances, found = audit(dynamodb, stack.inventory_table)
    lines = [
        f"{one.sku} at {one.node}: {one.quantity} is {one.balance}, its ledger says {one.ledger}"
        for one in found
    ]
    lines += capacity_audit.audit(dynamodb, stack.inventory_table, stack.orders_table)
    accounts, misbalanced = account_audit.audit(dynamodb, stack.accounts_table)
    lines += misbalanced
    if not lines:
        return (
            f"{balances} balances and {accounts} accounts, each the sum of its ledger;"
            " all work is held by an order"
        )
    raise LocalFailure("\n  ".join([f"{len(lines)} quantities do not add up:", *lines]))


def _queue_url(name: str, queues: Mapping[str, str]) -> str:
    if name not in queues:
        raise LocalFailure(f"no dead-letter queue {name!r}; there are {', '.join(sorted(queues))}")
    return queues[name]


if __name__ == "__main__":
    sys.exit(main())
