"""Runs when the engine starts, for tests/infra/grants.py: IAM decides, and is written down.

The engine checks IAM when it is told to, but then refuses the CDK's uploads. So that is turned on
when the stack is deployed, and what would be refused is written down and let through: the engine's
requests carry no TLS, and some of its resources no ARN, for which a policy refuses what AWS would
allow.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

RECORD = os.environ.get("GRANTS_RECORD")


def check_once_deployed(record: Path) -> None:
    while not record.exists():
        time.sleep(0.05)
    from ministack import app
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id

    decide, pin_origin = iam_evaluator.enforce, iam_evaluator.pin_request_origin
    lines = record.open("a", buffering=1)

    def write_down(access_key: str, action: str, *about: Any, **more: Any) -> None:
        refusal = decide(access_key, action, *about, **more)
        caller = iam_evaluator.resolve_principal(access_key or "", get_account_id())
        entry = {
            "caller": getattr(caller, "arn", ""),
            "action": action,
            "resource": more.get("resource_arn", "*"),
            "refused": refusal is not None,
        }
        lines.write(json.dumps(entry) + "\n")

    def pin_as_tls(source_ip: str, _: bool) -> None:
        pin_origin(source_ip, True)

    iam_evaluator.enforce = write_down
    iam_evaluator.check_credentials = lambda *_, **__: None
    app.pin_request_origin = pin_as_tls
    app.AUTH = True


# The engine's functions are Python processes too, and inherit what makes Python read this file.
if RECORD and "local.engine" in sys.orig_argv:
    threading.Thread(target=check_once_deployed, args=(Path(RECORD),), daemon=True).start()
