import pytest

from oms.kernel.errors import Invalid, ProviderUnavailable
from oms.notifications.post import HttpsPoster, check_callback_url, is_public


@pytest.mark.parametrize(
    "url",
    [
        "http://channel.example/hook",
        "ftp://channel.example/hook",
        "file:///etc/passwd",
        "channel.example/hook",
        "",
        "https://",
        "https://user:secret@channel.example/",
        "https://user@channel.example/",
        "https://channel.example:0/",
        "https://channel.example:99999/",
        "https://[::1/",
        "https://channel.example/a b",
        "https://channel.example/\r\nX-Injected: 1",
        "https://çanal.example/",
    ],
)
def test_a_url_that_must_not_be_called_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_callback_url(url)

    assert refused.value.problem_code == "callback_url_forbidden"


def test_plain_http_is_called_only_when_allowed() -> None:
    assert check_callback_url("http://127.0.0.1:8000/hook", plain=True).port == 8000


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2001:0:a00:1::",
    ],
)
def test_an_address_on_the_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"]]
)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(addresses: list[str]) -> None:
    poster = HttpsPoster(resolve=lambda name, port: addresses)

    with pytest.raises(Invalid, match="not public"):
        poster.post("https://channel.example/hook", "{}", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost"])
def test_ways_to_write_this_machine_are_refused(host: str) -> None:
    with pytest.raises(Invalid, match="not public"):
        HttpsPoster().post(f"https://{host}/", "{}", {})


def test_a_label_that_is_too_long_is_refused() -> None:
    with pytest.raises(Invalid):
        HttpsPoster().post(f"https://{'a' * 64}.example/", "{}", {})


def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    def unknown(name: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(ProviderUnavailable):
        HttpsPoster(resolve=unknown).post("https://channel.example/", "{}", {})
