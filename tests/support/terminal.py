"""A program on a terminal of its own: what it shows is awaited, what a person types is typed, Ctrl-C included."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from tests.support.processes import PATIENCE, ROOT

CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """The person's side. `text` is all that was shown so far."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self.text = ""
        self.process = process
        self._master = master
        self._seen = 0
        self._more = asyncio.Event()
        self._hung_up = False
        asyncio.get_running_loop().add_reader(master, self._read)

    async def sees(self, part: str) -> str:
        """Wait until `part` is shown after all that was seen before; gives what was shown up to its end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while part not in self.text[self._seen :] and not self._hung_up:
                    self._more.clear()
                    await self._more.wait()
        assert part in self.text[self._seen :], f"never shown: {part!r}\n{self.text}"
        end = self.text.index(part, self._seen) + len(part)
        shown, self._seen = self.text[self._seen : end], end
        return shown

    def types(self, text: str) -> None:
        """As if typed; `\\n` is the Enter key."""
        os.write(self._master, text.encode())

    async def answers(self, *dialogue: tuple[str, str]) -> None:
        """Each question is awaited, and its answer typed."""
        for question, answer in dialogue:
            await self.sees(question)
            self.types(answer)

    async def ended(self) -> int:
        """Wait for the end and for the last words: the exit code, negative for a signal."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            while not self._hung_up:
                self._more.clear()
                await self._more.wait()
        return code

    def close(self) -> None:
        """Hang up."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # nobody has the other side any more
            data = b""
            asyncio.get_running_loop().remove_reader(self._master)
        self._hung_up = not data
        self.text += data.decode(errors="replace").replace("\r\n", "\n")
        self._more.set()


@asynccontextmanager
async def on_terminal(*argv: str) -> AsyncIterator[Terminal]:
    """Run `argv` (Python's arguments) from the repository's root; killed when the body ends."""
    master, slave = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *argv, cwd=ROOT, env=os.environ | {"TERM": "dumb"},
            preexec_fn=partial(os.login_tty, slave),  # it becomes the controlling one
        )  # fmt: skip
    finally:
        os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        terminal.close()
