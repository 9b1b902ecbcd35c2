"""The interactive client on a real terminal, before a real service, over a queue in a file."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.kit.queues.base import Depth, Draft, Settlement
from actors.kit.queues.sqlite import SqliteBroker
from actors.stats.reply import answer
from tests.support.leaks import eventually
from tests.support.processes import PATIENCE, ROOT
from tests.support.terminal import CTRL_C, CTRL_D, on_terminal

MAIN = str(ROOT / "main.py")
FIRST, SECOND, THIRD = (f"Number {place} of 10" for place in (1, 2, 3))
ANOTHER = "Another message?"


def client(data: Path, *argv: str) -> tuple[str, ...]:
    """The arguments that start a client."""
    return (MAIN, "--role", "stats-client", "--data", str(data), *argv)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a service that runs while this module's tests do."""
    data = tmp_path_factory.mktemp("served")
    log = data / "log"
    with log.open("w") as lines:
        argv = [sys.executable, MAIN, "--role", "stats", "--data", str(data)]
        service = subprocess.Popen(argv, cwd=ROOT, stdout=lines, stderr=lines)
        yield data
        service.send_signal(signal.SIGTERM)
        assert service.wait(PATIENCE) == 0, log.read_text()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[SqliteBroker]:
    """The queues of a data folder without a service."""
    broker = SqliteBroker.of(f"sqlite:{tmp_path / 'queue.db'}")
    yield broker
    await broker.close()


async def depth(broker: SqliteBroker, name: str) -> Depth:
    return await (await broker.queue(name)).depth()


async def test_numbers_are_asked_one_by_one_and_their_statistics_shown(served: Path) -> None:
    async with on_terminal(*client(served)) as terminal:
        await terminal.answers((FIRST, "1\n"), (SECOND, "2.5\n"), (THIRD, "\n"), (ANOTHER, "n\n"))
        await terminal.sees("1, 2.5 → mean 1.75, median 1.75, max 2.5, min 1\n")
        assert await terminal.ended() == 0


async def test_a_wrong_entry_is_reported_left_out_and_counts_towards_the_ten(served: Path) -> None:
    async with on_terminal(*client(served)) as terminal:
        await terminal.answers((FIRST, "abc\n"))
        await terminal.sees('"abc" is not a number')
        await terminal.answers((SECOND, "-4\n"))
        await terminal.sees('"-4" is negative')
        await terminal.answers(*((f"Number {place} of 10", f"{place}\n") for place in range(3, 11)))
        await terminal.answers((ANOTHER, "\n"))
        await terminal.sees("3, 4, 5, 6, 7, 8, 9, 10 → mean 6.5")
        assert await terminal.ended() == 0


async def test_an_empty_message_is_not_sent_and_said_so(broker: SqliteBroker, tmp_path: Path) -> None:
    async with on_terminal(*client(tmp_path)) as terminal:
        await terminal.answers((FIRST, "\n"))
        await terminal.sees("The message is empty and is not sent.")
        await terminal.answers((ANOTHER, "no\n"))
        assert await terminal.ended() == 0
    assert (await depth(broker, "lab2")).waiting == 0


async def test_y_in_either_case_starts_another_message_and_anything_else_ends_the_entry(served: Path) -> None:
    async with on_terminal(*client(served)) as terminal:
        await terminal.answers((FIRST, "1\n"), (SECOND, "\n"), (ANOTHER, "Y\n"))
        await terminal.answers((FIRST, "2\n"), (SECOND, "\n"), (ANOTHER, "y\n"))
        await terminal.answers((FIRST, "3\n"), (SECOND, "\n"), (ANOTHER, "yes\n"))
        assert await terminal.ended() == 0
    assert [f"{number} → mean {number}" in terminal.text for number in (1, 2, 3)] == [True] * 3


async def test_the_end_of_input_says_what_was_not_sent_and_what_was_sent_is_still_answered(served: Path) -> None:
    async with on_terminal(*client(served)) as terminal:
        await terminal.answers((FIRST, "7\n"), (SECOND, "\n"), (ANOTHER, "Y\n"), (FIRST, "8\n"), (SECOND, CTRL_D))
        await terminal.sees("Not sent, as the message was not ended: 8")
        await terminal.sees("7 → mean 7")
        assert await terminal.ended() == 0


async def test_ctrl_c_in_an_entry_says_what_was_not_sent(broker: SqliteBroker, tmp_path: Path) -> None:
    async with on_terminal(*client(tmp_path)) as terminal:
        await terminal.answers((FIRST, "1\n"), (SECOND, "2\n"), (THIRD, CTRL_C))
        await terminal.sees("Not sent, as the message was not ended: 1, 2\n")
        assert await terminal.ended() == 130
    assert "Traceback" not in terminal.text
    assert (await depth(broker, "lab2")).waiting == 0


async def test_ctrl_c_while_listening_says_how_many_have_no_reply_and_leaves_nothing_hidden(
    broker: SqliteBroker, tmp_path: Path
) -> None:
    await (await broker.queue("lab2_1")).send([Draft("{}", {"client": "somebody else"})])
    async with on_terminal(*client(tmp_path)) as terminal:
        await terminal.answers((FIRST, "1\n"), (SECOND, "\n"), (ANOTHER, "\n"))
        assert await eventually(lambda: _met(broker), PATIENCE)
        terminal.types(CTRL_C)
        await terminal.sees("no reply yet to 1 of 1 messages")
        assert await terminal.ended() == 130
    assert await eventually(lambda: _waits(broker))
    assert "Traceback" not in terminal.text


async def test_replies_are_left_alone_while_somebody_enters_numbers(broker: SqliteBroker, tmp_path: Path) -> None:
    replies = await broker.queue("lab2_1")
    async with on_terminal(*client(tmp_path)) as terminal:
        await terminal.answers((FIRST, "x\n"))
        await replies.send([Draft("words to nobody")])
        await terminal.answers((SECOND, "x\n"), (THIRD, "\n"))
        await terminal.sees(ANOTHER)
        assert "words" not in terminal.text
        assert (await replies.depth()).waiting == 1
        terminal.types("\n")
        await terminal.sees("to nobody: no reply of this service: words to nobody")
        assert await terminal.ended() == 0
    assert (await replies.depth()).waiting == 0


async def test_several_clients_at_once_get_each_their_own(served: Path) -> None:
    async with on_terminal(*client(served)) as one, on_terminal(*client(served)) as other:
        for terminal, number in ((one, 11), (other, 22)):
            await terminal.answers((FIRST, f"{number}\n"), (SECOND, "\n"), (ANOTHER, "y\n"))
            await terminal.answers((FIRST, f"{number + 1}\n"), (SECOND, "\n"))
        for terminal in (one, other):
            await terminal.answers((ANOTHER, "\n"))
        for terminal, numbers in ((one, (11, 12)), (other, (22, 23))):
            assert await terminal.ended() == 0
            shown = {number for number in (11, 12, 22, 23) if f"{number} → mean {number}" in terminal.text}
            assert shown == set(numbers)


async def test_a_repeated_reply_is_shown_once(broker: SqliteBroker, tmp_path: Path) -> None:
    requests = await broker.queue("lab2")
    async with on_terminal(*client(tmp_path)) as terminal:
        await terminal.answers((FIRST, "5\n"), (SECOND, "\n"))
        [request] = await requests.receive(wait=20)
        await requests.settle([Settlement(request, (answer(request, "lab2_1"),) * 2)])
        await terminal.answers((ANOTHER, "\n"))
        assert await terminal.ended() == 0
    assert terminal.text.count("5 → mean 5") == 1
    assert (await depth(broker, "lab2_1")).waiting == 0


async def _met(broker: SqliteBroker) -> bool:
    """Whether somebody has looked at the one reply, and hides it."""
    return (await depth(broker, "lab2_1")).hidden == 1


async def _waits(broker: SqliteBroker) -> bool:
    return (await depth(broker, "lab2_1")).waiting == 1
