"""The problem a sender of numbers can meet."""

from typing import ClassVar

from runtime.errors import Problem


class BadSeries(Problem):
    """What was sent is no series of 1 to 10 finite numbers of at least 0."""

    code: ClassVar[str] = "bad_series"
    status: ClassVar[int] = 400
