"""Who may link to a node: shared tokens, TLS certificates, or nobody beyond the loopback."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

MIN_TOKEN_BYTES = 32
MAX_TOKENS = 2


@dataclass(frozen=True)
class TlsFiles:
    """PEM files for mutual TLS: our certificate and key, and the authority both sides trust."""

    cert: Path
    key: Path
    ca: Path

    def context(self, *, server: bool) -> ssl.SSLContext:
        """The one SSL context of listeners (`server`) or dialled links; both ends must show a certificate."""
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        context = ssl.create_default_context(purpose, cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = False  # the handshake binds the certificate to the node's name instead
        context.load_cert_chain(self.cert, self.key)
        return context

    def certificate(self) -> bytes:
        """Our certificate, DER: part of the handshake's transcript."""
        return ssl.PEM_cert_to_DER_cert(_first_certificate(self.cert.read_text()))


@dataclass(frozen=True)
class Auth:
    """Up to two tokens of at least 32 bytes (two while rotating: the first proves, both are accepted), and TLS.

    `insecure` allows listeners beyond the loopback with neither.
    """

    tokens: Sequence[SecretStr | str] = ()
    tls: TlsFiles | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if len(self.tokens) > MAX_TOKENS:
            raise ValueError(f"at most {MAX_TOKENS} tokens, found {len(self.tokens)}")
        if any(len(secret) < MIN_TOKEN_BYTES for secret in self.secrets()):
            raise ValueError(f"a token needs at least {MIN_TOKEN_BYTES} bytes; make one with `openssl rand -hex 32`")

    def secrets(self) -> list[bytes]:
        """The tokens in the clear, for the handshake alone."""
        return [(t.get_secret_value() if isinstance(t, SecretStr) else t).encode() for t in self.tokens]

    def refuses(self, address: str) -> str | None:
        """Why a listener at `address` would be unsafe; None when it is not."""
        if self.tokens or self.tls or self.insecure or not address.startswith("tcp://"):
            return None
        host = address.removeprefix("tcp://").rpartition(":")[0].strip("[]")
        if is_loopback(host):
            return None
        return (
            f"{address} can be reached from other machines and has neither a token nor TLS: "
            "set auth.token, set auth.tls, listen on 127.0.0.1, or say auth.insecure: true"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _first_certificate(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    return pem[begin : pem.index(end, begin) + len(end)]
