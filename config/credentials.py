"""URLs without the passwords in them, for whatever is shown to people."""

from __future__ import annotations

import re

from runtime.ops.logging import MASK

CREDENTIALS = re.compile(
    r"(?<=://)[^/@\s]+(?=@)|(?<=[?&])([\w-]*(?:secret|password|token|key)[\w-]*)=[^&\s]*", re.IGNORECASE
)


def without_credentials(text: str) -> str:
    """`s3://key:secret@bucket` and `?secret_access_key=…` with the secret masked; other text as it is."""
    return CREDENTIALS.sub(lambda found: f"{found[1]}={MASK}" if found[1] else MASK, text)
