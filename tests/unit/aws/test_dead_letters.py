"""Which errors put a message aside, and what is said of them."""

import pytest

from oms.aws.dead_letters import can_heal, detail_of, do_each, reason_of
from oms.kernel.errors import (
    Conflict,
    Fault,
    Invalid,
    MalformedRequest,
    NotFound,
    OutOfStock,
    ProviderUnavailable,
    TooLarge,
    VersionConflict,
)


@pytest.mark.parametrize(
    "error", [VersionConflict(), ProviderUnavailable(), NotFound(), Conflict(), KeyError("x")]
)
def test_what_may_succeed_later_is_tried_again(error: Exception) -> None:
    assert can_heal(error)


@pytest.mark.parametrize("error", [Invalid(), MalformedRequest(), TooLarge(), OutOfStock()])
def test_what_no_retry_can_heal_is_put_aside(error: Exception) -> None:
    assert not can_heal(error)


def test_the_reason_is_the_errors_code_and_the_detail_names_its_faults() -> None:
    faults = (Fault("lines.0.sku", "unknown_sku", "…"), Fault("total", "total_mismatch", "…"))
    error = Invalid("the order breaks a rule", code="unknown_sku", faults=faults)

    assert reason_of(error) == "unknown_sku"
    assert detail_of(error) == (
        "the order breaks a rule (lines.0.sku unknown_sku, total total_mismatch)"
    )


def test_the_text_of_an_unforeseen_error_is_not_repeated() -> None:
    error = KeyError("someone@example.com")

    assert (reason_of(error), detail_of(error)) == ("KeyError", "KeyError")


def test_a_detail_is_short_and_printable() -> None:
    detail = detail_of(Invalid("a\x00b\n" + "x" * 1000))

    assert detail.startswith("a?b?x")
    assert len(detail) == 500


def test_the_failure_of_one_item_holds_back_none_and_what_can_heal_decides() -> None:
    done = list[str]()

    def do(code: str) -> str:
        if code == "never":
            raise Invalid(code=code)
        if code == "later":
            raise NotFound(code=code)
        done.append(code)
        return code

    assert do_each("ab", do) == ["a", "b"]
    with pytest.raises(NotFound):
        do_each(["never", "c", "later", "d"], do)
    with pytest.raises(Invalid):
        do_each(["never", "e"], do)
    assert done == ["a", "b", "c", "d", "e"]
