"""Callbacks against a real HTTP server, plain and with TLS."""

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from oms.kernel.errors import Invalid, ProviderUnavailable
from oms.notifications import post
from oms.notifications.post import HttpsPoster

from .conftest import Receiver, status

Serve = Callable[..., Receiver]


@pytest.fixture
def plain() -> HttpsPoster:
    return HttpsPoster(allow_plain=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for ``channel.example`` that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "channel.example")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("channel.example"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.2")),
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "channel.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secured(serve: Serve, certificate: Path) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve(status(204), wrap=lambda raw: context.wrap_socket(raw, server_side=True))


def trusting(certificate: Path) -> HttpsPoster:
    """Finds every name on this machine and trusts the certificate."""
    return HttpsPoster(
        allow_plain=True,
        resolve=lambda name, port: ["127.0.0.1"],
        trust=lambda: ssl.create_default_context(cafile=str(certificate)),
    )


def test_the_body_and_headers_arrive(serve: Serve, plain: HttpsPoster) -> None:
    receiver = serve(status(204))

    answer = plain.post(f"{receiver.url}?key=1", '{"é": 1}', {"webhook-id": "e-1"})

    call = receiver.calls[0]
    assert answer == 204
    assert call.path == "/hook?key=1"
    assert call.body == '{"é": 1}'
    assert call.headers["webhook-id"] == "e-1"
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(serve: Serve, plain: HttpsPoster, code: int) -> None:
    elsewhere = serve(status(204))
    receiver = serve(status(code, location=elsewhere.url))

    assert plain.post(receiver.url, "{}", {}) == code
    assert not elsewhere.calls


@pytest.mark.parametrize("code", [200, 400, 410, 429, 500])
def test_the_status_is_told_as_it_is(serve: Serve, plain: HttpsPoster, code: int) -> None:
    assert plain.post(serve(status(code)).url, "{}", {}) == code


def test_plain_http_is_refused_unless_allowed(serve: Serve) -> None:
    receiver = serve(status(204))

    with pytest.raises(Invalid):
        HttpsPoster().post(receiver.url, "{}", {})
    assert not receiver.calls


def test_a_private_address_is_refused_unless_allowed(secured: Receiver, certificate: Path) -> None:
    poster = HttpsPoster(
        resolve=lambda name, port: ["127.0.0.1"],
        trust=lambda: ssl.create_default_context(cafile=str(certificate)),
    )

    with pytest.raises(Invalid):
        poster.post(f"https://channel.example:{secured.port}/", "{}", {})
    assert not secured.calls


def test_tls_is_spoken_to_the_name_at_the_checked_address(
    secured: Receiver, certificate: Path
) -> None:
    url = f"https://channel.example:{secured.port}/hook"

    assert trusting(certificate).post(url, "{}", {}) == 204
    assert secured.calls[0].headers["host"] == f"channel.example:{secured.port}"


def test_the_certificate_of_another_name_is_refused(secured: Receiver, certificate: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="SSLCertVerificationError"):
        trusting(certificate).post(f"https://other.example:{secured.port}/hook", "{}", {})
    assert not secured.calls


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Receiver) -> None:
    poster = HttpsPoster(allow_plain=True, resolve=lambda name, port: ["127.0.0.1"])

    with pytest.raises(ProviderUnavailable, match="SSLCertVerificationError"):
        poster.post(f"https://channel.example:{secured.port}/hook", "{}", {})
    assert not secured.calls


def test_tls_is_not_given_up_for_a_server_that_has_none(serve: Serve) -> None:
    receiver = serve(status(204))

    with pytest.raises(ProviderUnavailable, match="SSLError"):
        HttpsPoster(allow_plain=True).post(f"https://127.0.0.1:{receiver.port}/", "{}", {})
    assert not receiver.calls


def test_a_closed_port_is_tried_again_later(plain: HttpsPoster) -> None:
    with pytest.raises(ProviderUnavailable, match="ConnectionRefusedError"):
        plain.post("http://127.0.0.1:9/hook", "{}", {})


def test_the_second_address_is_tried_when_the_first_is_dead(serve: Serve) -> None:
    receiver = serve(status(204))
    poster = HttpsPoster(
        allow_plain=True, resolve=lambda name, port: ["127.0.0.2", "127.0.0.1", "127.0.0.3"]
    )

    assert poster.post(f"http://channel.example:{receiver.port}/hook", "{}", {}) == 204


def test_a_receiver_that_hangs_up_is_tried_again_later(serve: Serve, plain: HttpsPoster) -> None:
    receiver = serve(lambda request: request.connection.close())

    with pytest.raises(ProviderUnavailable):
        plain.post(receiver.url, "{}", {})


def test_a_receiver_that_talks_nonsense_is_tried_again_later(
    serve: Serve, plain: HttpsPoster
) -> None:
    receiver = serve(lambda request: _write(request, b"SMTP ready\r\n"))

    with pytest.raises(ProviderUnavailable, match="BadStatusLine"):
        plain.post(receiver.url, "{}", {})


def test_a_receiver_that_never_answers_is_left_after_the_time_to_read(
    serve: Serve, plain: HttpsPoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "READ_SECONDS", 0.1)
    receiver = serve(_until_closed)

    with pytest.raises(ProviderUnavailable, match="TimeoutError"):
        plain.post(receiver.url, "{}", {})


def test_a_receiver_that_drips_is_left_after_the_whole_time(
    serve: Serve, plain: HttpsPoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "WHOLE_SECONDS", 0.3)
    receiver = serve(_drip)

    with pytest.raises(ProviderUnavailable):
        plain.post(receiver.url, "{}", {})


def _write(request: Any, content: bytes) -> None:
    request.wfile.write(content)


def _until_closed(request: Any) -> None:
    request.connection.recv(1)


def _drip(request: BaseHTTPRequestHandler) -> None:
    """A header that grows by a byte now and then and never ends."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
    request.connection.settimeout(0.02)
    try:
        while True:
            request.wfile.write(b"x")
            try:
                if not request.connection.recv(1):
                    return
            except TimeoutError:
                continue
    except OSError:
        return
