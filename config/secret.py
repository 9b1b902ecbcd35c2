"""The token a node makes for this machine: DIR/token, readable by its user alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import structlog
from pydantic import SecretStr

from config.mistakes import ConfigError, Mistake

NAME = "token"
TOKEN_BYTES = 32


def own_token(data: Path) -> SecretStr:
    """The token in `data`, made on first use (mode 0600); processes that start together agree on one.

    Raises ConfigError when it cannot be read or written, or is too short.
    """
    path = data / NAME
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            log = structlog.get_logger("brume")
            log.warning("token could be read by others, taking that right away", path=str(path))
            path.chmod(0o600)
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Mistake(str(path), (), f"the node's token cannot be kept here: {error}")]) from error
    if len(token) < TOKEN_BYTES:
        words = f"holds {len(token)} bytes, a token needs {TOKEN_BYTES}; delete the file to have one made"
        raise ConfigError([Mistake(str(path), (), words)])
    return SecretStr(token)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(TOKEN_BYTES) + "\n")
        os.link(draft, path)  # whole or not at all, and never over one that is there
    except FileExistsError:
        pass  # another process was first; its token counts
    finally:
        draft.unlink()
