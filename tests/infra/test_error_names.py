"""The engine's functions fail with the names that the state machine catches."""

from local.error_names import error_name


def test_an_error_keeps_its_class_name_without_its_module() -> None:
    log = "printed before\n" + traceback_of("oms.kernel.errors.OutOfStock: no node has it")

    assert error_name("no node has it", log) == "OutOfStock"


def test_an_error_without_a_message_keeps_its_name() -> None:
    assert error_name("", traceback_of("KeyError")) == "KeyError"


def test_of_chained_errors_the_last_one_counts() -> None:
    log = (
        traceback_of("botocore.errorfactory.TransactionCanceledException: refused: (1)")
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + traceback_of("oms.kernel.errors.VersionConflict: The order was changed\nsecond line")
    )

    assert error_name("The order was changed\nsecond line", log) == "VersionConflict"


def test_a_function_that_was_killed_fails_as_on_aws() -> None:
    assert error_name("Worker process died", "Worker process died") == "Runtime.ExitError"


def traceback_of(raised: str) -> str:
    frame = '  File "/task/functions/sourcing/handler.py", line 9, in handler\n    reserve(order)\n'
    return f"Traceback (most recent call last):\n{frame}{raised}\n"
