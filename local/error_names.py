"""A function that raises is treated as on AWS: its caller is told which error it was, and its
process lives on.

Lambda's Python runtime reports the class name of an error as its ``errorType``, and a state machine
catches and retries by that name. The engine's warm workers report ``Runtime.HandlerError`` for
each and are ended for it, so that the next call starts cold. Here a worker answers with its error
as with any result, and what the engine makes of that answer is put right.
"""

from typing import Any

_RAISED = "__raised__"
_ENDS_THE_WORKER = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_LETS_IT_LIVE = (
    f'{{"status": "ok", "result": {{"{_RAISED}": traceback.format_exc(),'
    ' "errorType": type(e).__name__, "errorMessage": str(e)}}'
)
_DIED = ("Worker process died", "Worker returned no response")


def keep_error_names() -> None:
    """To be called once, in the engine's process, before it serves."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_ENDS_THE_WORKER) != 1:
        raise RuntimeError("the engine's workers answer in another way than they used to")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_ENDS_THE_WORKER, _LETS_IT_LIVE)
    run = lambda_svc._execute_function_warm

    def run_as_aws_does(func: Any, event: Any, request_id: str) -> dict[str, Any]:
        return as_on_aws(run(func, event, request_id))

    lambda_svc._execute_function_warm = run_as_aws_does


def as_on_aws(answer: dict[str, Any]) -> dict[str, Any]:
    """The engine's ``answer`` of one call, with the error that was raised or the death it died."""
    body = answer.get("body")
    if not isinstance(body, dict):
        return answer
    if _RAISED in body:
        error = {name: body[name] for name in ("errorType", "errorMessage")}
        log = f"{answer.get('log', '')}\n{body[_RAISED]}"
        return {**answer, "error": True, "body": error, "log": log}
    if answer.get("error") and body.get("errorMessage") in _DIED:
        return {**answer, "body": {**body, "errorType": "Runtime.ExitError"}}
    return answer
