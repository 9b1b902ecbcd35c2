"""The problems a requester of the split can meet beyond those of the picture itself."""

from typing import ClassVar

from runtime.errors import Problem


class Busy(Problem):
    """As many jobs as the master takes are running; `retry_after` is its guess in seconds."""

    code: ClassVar[str] = "busy"
    status: ClassVar[int] = 503


class NoWorkers(Problem):
    """The request insists on workers, and none came (or none was left) before its deadline."""

    code: ClassVar[str] = "no_workers"
    status: ClassVar[int] = 503


class TilesFailed(Problem):
    """Several workers in a row failed on the same tile of a request that insists on workers."""

    code: ClassVar[str] = "tiles_failed"
    status: ClassVar[int] = 503


class JobTaken(Problem):
    """A job of that id is running already."""

    code: ClassVar[str] = "job_taken"
    status: ClassVar[int] = 409
