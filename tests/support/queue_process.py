"""A process at a queue, to be killed: `python -m tests.support.queue_process send|settle|wait URL [NAME]`.

`send` says `sent N …` once messages are acknowledged, `settle` says `held N …` and then `settled N …`, `wait` says
`waiting` and then `got BODY` for each message. Bodies carry their own digest: see `body` and `number`.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys

from actors.kit.queues import open_broker
from actors.kit.queues.base import Answer, Draft, Queue, Settlement

REQUESTS, REPLIES = "lab2", "lab2_1"
ENOUGH = 100  # messages that wait before a sender goes on


def body(number: str) -> str:
    """A text that only a whole message has."""
    return f"{number} {hashlib.sha256(number.encode()).hexdigest() * 20}"


def number(text: str) -> str:
    """The number of a whole body; AssertionError for half a one."""
    found = text.partition(" ")[0]
    assert text == body(found), "half a message"
    return found


def say(*words: str) -> None:
    """One line."""
    sys.stdout.write(" ".join(words) + "\n")


async def send(queue: Queue, name: str) -> None:
    """Batches without end, each of a changing size, as fast as they are settled."""
    count = 0
    while True:
        if (await queue.depth()).waiting > ENOUGH:
            await asyncio.sleep(0.005)
            continue
        numbers = [f"{name}.{count + n}" for n in range(1 + count % 17)]
        await queue.send([Draft(body(n)) for n in numbers])
        count += len(numbers)
        say("sent", *numbers)


async def settle(queue: Queue, name: str) -> None:
    """Answer whatever comes, without end."""
    while True:
        messages = await queue.receive(wait=1, visibility=3600)
        say("held", *(number(m.body) for m in messages))
        await queue.settle([Settlement(m, (Answer(REPLIES, Draft(m.body)),)) for m in messages])
        say("settled", *(number(m.body) for m in messages))


async def wait(queue: Queue, name: str) -> None:
    """Receive without ever settling."""
    await queue.receive()
    say("waiting")
    while True:
        for message in await queue.receive(wait=20):
            say("got", message.body)


async def work(mode: str, url: str, name: str = "") -> None:
    """Until killed."""
    queue = await open_broker(url).queue(REQUESTS)
    await {"send": send, "settle": settle, "wait": wait}[mode](queue, name)


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
