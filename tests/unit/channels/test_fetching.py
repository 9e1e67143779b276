"""A GET is bounded, follows nobody, and says which failures are worth another try."""

import socket
import traceback

import pytest

from oms.channels.fetching import fetch
from oms.kernel.errors import NotFound, ProviderUnavailable, Refused
from tests.payment_providers import stand_in


def test_the_body_of_a_200_is_fetched_with_our_headers() -> None:
    with stand_in() as provider:
        provider.serve("/v1/payments/1?a=b", {"id": 1})

        body = fetch(f"{provider.address}/v1/payments/1?a=b", {"authorization": "Bearer t"}, 100)

    assert body == b'{"id": 1}'
    ((path, headers),) = provider.asked
    assert (path, headers["authorization"]) == ("/v1/payments/1?a=b", "Bearer t")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (410, NotFound),
        (401, Refused),
        (403, Refused),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (302, ProviderUnavailable),
        (204, ProviderUnavailable),
    ],
)
def test_any_other_answer_is_an_error_of_its_kind(status: int, error: type[Exception]) -> None:
    with stand_in() as provider:
        provider.statuses.append(status)

        with pytest.raises(error):
            fetch(f"{provider.address}/x", {}, 100)

    assert len(provider.asked) == 1


def test_an_answer_that_is_too_long_is_none() -> None:
    with stand_in() as provider:
        provider.files["/x"] = b"x" * 101

        with pytest.raises(ProviderUnavailable):
            fetch(f"{provider.address}/x", {}, 100)


def test_nobody_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ProviderUnavailable):
        fetch(f"http://127.0.0.1:{port}/x", {}, 100)


@pytest.mark.parametrize("token", ["secret\n", "secret\r\nhost: x", "sécret…"])
def test_a_token_that_is_no_header_is_refused_without_repeating_it(token: str) -> None:
    with stand_in() as provider, pytest.raises(Refused) as refused:
        fetch(f"{provider.address}/x", {"authorization": f"Bearer {token}"}, 100)

    assert refused.value.problem_code == "payment_provider_refused"
    assert "cret" not in "".join(traceback.format_exception(refused.value))
    assert provider.asked == []
