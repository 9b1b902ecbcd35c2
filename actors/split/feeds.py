"""The events of jobs, for those who watch: from before a job starts until a while after it ended.

A subscriber always gets the whole story of its job, whenever it comes. The number of jobs remembered is bounded; the
oldest is forgotten first, and its watchers' streams end.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from actors.split.messages import JobEvent
from runtime import Stream, Topic

REMEMBERED = 256
LONGEST_STORY = 1000


@dataclass
class _Feed:
    topic: Topic[JobEvent] = field(default_factory=lambda: Topic(capacity=LONGEST_STORY))
    story: list[JobEvent] = field(default_factory=list)
    ended: bool = False


class Feeds:
    """One feed a job; `done` and `failed` end it."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._feeds: OrderedDict[str, _Feed] = OrderedDict()
        self._remembered = remembered

    def publish(self, event: JobEvent) -> None:
        """Hand the event to the job's watchers, present and future; never waits. An ended job's name begins anew."""
        feed = self._feed(event.job)
        if feed.ended:
            del self._feeds[event.job]
            feed = self._feed(event.job)
        if len(feed.story) < LONGEST_STORY:
            feed.story.append(event)
        feed.topic.publish(event)
        if event.kind in ("done", "failed"):
            feed.ended = True
            feed.topic.close()

    def subscribe(self, job: str) -> Stream[JobEvent]:
        """All events of the job, those already past first; ends after `done` or `failed`."""
        feed = self._feed(job)
        stream = feed.topic.subscribe()
        for event in feed.story:
            stream.put(event)
        if feed.ended:
            stream.end()
        return stream

    def close(self) -> None:
        """End every stream."""
        for feed in self._feeds.values():
            feed.topic.close()
        self._feeds.clear()

    def _feed(self, job: str) -> _Feed:
        if job not in self._feeds:
            while len(self._feeds) >= self._remembered:
                _, oldest = self._feeds.popitem(last=False)
                oldest.topic.close()
            self._feeds[job] = _Feed()
        return self._feeds[job]
