"""The events of a job reach whoever watches, before, during and after it."""

from actors.split.feeds import Feeds
from actors.split.messages import EventKind, JobEvent
from runtime import Stream


def event(kind: EventKind, job: str = "j") -> JobEvent:
    return JobEvent(job=job, kind=kind)


async def kinds(stream: Stream[JobEvent]) -> list[str]:
    return [each.kind async for each in stream]


async def test_a_watcher_may_come_before_the_job() -> None:
    feeds = Feeds()
    stream = feeds.subscribe("j")
    for kind in ("started", "tile", "done"):
        feeds.publish(event(kind))
    assert await kinds(stream) == ["started", "tile", "done"]


async def test_a_watcher_who_comes_late_hears_the_whole_story() -> None:
    feeds = Feeds()
    feeds.publish(event("started"))
    feeds.publish(event("tile"))
    late = feeds.subscribe("j")
    feeds.publish(event("done"))
    assert await kinds(late) == ["started", "tile", "done"]
    assert await kinds(feeds.subscribe("j")) == ["started", "tile", "done"]


async def test_a_job_that_starts_again_under_its_name_has_a_new_story() -> None:
    feeds = Feeds()
    feeds.publish(event("failed"))
    feeds.publish(event("started"))
    feeds.publish(event("done"))
    assert await kinds(feeds.subscribe("j")) == ["started", "done"]


async def test_only_so_many_jobs_are_remembered_and_the_oldest_ends() -> None:
    feeds = Feeds(remembered=2)
    oldest = feeds.subscribe("a")
    feeds.subscribe("b")
    feeds.subscribe("c")
    assert await kinds(oldest) == []


async def test_a_watcher_hears_of_its_own_job_only() -> None:
    feeds = Feeds()
    stream = feeds.subscribe("a")
    feeds.publish(event("started", "b"))
    feeds.publish(event("done", "a"))
    assert await kinds(stream) == ["done"]
