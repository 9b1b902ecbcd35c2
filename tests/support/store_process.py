"""A process at a store, some of them to be killed: `python -m tests.support.store_process WHAT URL NAME`.

`count` adds to one counter, by compare-and-swap, and says `counted` for each one it was told is written; `count_on`
does so without end. `write` replaces objects without end and says `wrote KEY NUMBER`. `come` puts and deletes in a
folder others empty as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys

from actors.kit.stores import open_store
from actors.kit.stores.base import Conflict, Store

COUNTER = "shared/count"
TIMES = 40  # one process counts, or comes and goes
KEYS = 5  # one process writes to


def content(number: int) -> bytes:
    """Bytes that only a whole object has; some take several writes."""
    return b"%d %s" % (number, hashlib.sha256(b"%d" % number).hexdigest().encode() * (1 + number % 7 * 5000))


def number(data: bytes) -> int:
    """The number of a whole object; AssertionError for half a one."""
    found = int(data.partition(b" ")[0])
    assert data == content(found), "half an object"
    return found


def say(*words: object) -> None:
    """One line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def count(store: Store, name: str) -> None:
    """Add one, as often as TIMES; beginning at nothing."""
    for _ in range(TIMES):
        await _count_one(store)


async def count_on(store: Store, name: str) -> None:
    """Add one, again and again until killed."""
    while True:
        await _count_one(store)


async def _count_one(store: Store) -> None:
    while not await _added(store):
        pass
    say("counted")


async def _added(store: Store) -> bool:
    try:
        if not [entry async for entry in store.list(COUNTER)]:
            await store.put_if_absent(COUNTER, b"1 ")
            return True
        blob = await store.get(COUNTER)
        # The writer's own name in the object: two writers must not write equal bytes.
        await store.put_if_match(COUNTER, b"%d %s" % (int(blob.data.split()[0]) + 1, sys.argv[3].encode()), blob.etag)
    except Conflict:
        return False
    return True


async def write(store: Store, name: str) -> None:
    """Replace objects without end."""
    n = 0
    while True:
        key = f"{name}/{n % KEYS}"
        await store.put(key, content(n))
        say("wrote", key, n)
        n += 1


async def come(store: Store, name: str) -> None:
    """Put and delete; the folder is empty in between."""
    for _ in range(TIMES):
        await store.put(f"a/b/{name}", b"here")
        assert (await store.get(f"a/b/{name}")).data == b"here"
        await store.delete([f"a/b/{name}"])


async def main(what: str, url: str, name: str) -> None:
    """Do one of these, and say `done`."""
    store = open_store(url)
    await {"count": count, "count_on": count_on, "write": write, "come": come}[what](store, name)
    await store.close()
    say("done")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
