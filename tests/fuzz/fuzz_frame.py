"""Coverage-guided fuzzing of what reads a peer's bytes: only ProtocolError may come out, and memory stays bounded.

Run `python -m tests.fuzz.fuzz_frame -max_total_time=600 [CORPUS]`; needs the fuzz group (atheris).
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["runtime.wire", "tests.support.hostile"]):
    from tests.support.hostile import survive, survive_call, survive_handshake


def one_input(data: bytes) -> None:
    """The first byte says who reads the rest, and for frames how it is sliced."""
    if not data:
        return
    reader, rest = data[0], data[1:]
    if reader < 128:
        survive(rest, 1 + reader)
    elif reader < 240:
        survive_call(rest, reader - 128)
    else:
        survive_handshake(rest)


def main() -> None:
    """Fuzz until an error escapes or the time is up."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
