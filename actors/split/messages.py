"""The messages of the split: what requesters, master and workers say to each other.

Frozen structs only: no I/O, no cv2, no decisions. Arrays are numpy arrays in row-major order; a picture is (height,
width) for grey and (height, width, 3) in BGR for colour, exactly as it is stored in the file.
"""

from typing import Any, Literal

import msgspec
from numpy.typing import NDArray

Mode = Literal["auto", "always", "never"]
EventKind = Literal["started", "tile", "retry", "done", "failed"]
WorkerState = Literal["working", "waiting", "quarantined"]


class SplitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to work.

    `operator` is the pipeline that may be split, `then` the one the master applies to the merged picture. An empty
    `job` asks the master to choose one; a client that wants the events chooses it and subscribes first. `image`
    only names the picture in events, results and file names.
    """

    operator: str
    then: str = ""
    mode: Mode = "auto"
    job: str = ""
    image: str = ""


class SplitResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture and how it came about.

    `workers` counts those whose tiles are in the picture (0: worked by the master alone), `retries` the tiles sent
    again after a failure, `duplicates` the copies of straggling tiles, `lost` names the workers that went away
    meanwhile, and `why` says in one sentence what was chosen and for which reason. `ms` is the time from decoding
    to the last stage.
    """

    job: str
    image: str
    operator: str
    then: str
    mode: Literal["split", "local"]
    why: str
    workers: int
    tiles: int
    retries: int
    duplicates: int
    lost: tuple[str, ...]
    ms: float
    picture: NDArray[Any]


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a job: `tile` names its finished rows (first, one past the last) and the worker whose reply is in
    the picture, `retry` the tile that goes to another worker and why; `width` and `height` are those of the
    result."""

    job: str
    kind: EventKind
    tiles: int = 0
    width: int = 0
    height: int = 0
    tile: int | None = None
    rows: tuple[int, int] | None = None
    worker: str | None = None
    message: str = ""


class WorkerCard(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker introduces itself.

    `speed` is in megapixels a second of the calibration pipeline on one thread, `parallel` how many tiles it
    computes at once; workers on one `host` share its `host_cores`. Workers with the same `cv2` and `digest` agree
    on every operator bit for bit. `results` asks for every finished picture.
    """

    name: str
    host: str
    host_cores: int
    parallel: int
    speed: float
    cv2: str
    digest: str
    results: bool = False


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """The master's answer to a card: `state` waiting comes with the `reason` why the worker gets no tiles now."""

    state: WorkerState
    reason: str = ""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A registered worker as the master sees it: tiles in flight and done, round trip in seconds, bytes a second."""

    name: str
    state: WorkerState
    reason: str
    speed: float
    in_flight: int
    done: int
    rtt: float
    bandwidth: float


class MasterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The master at one moment; `jobs` are the running ones, at most `capacity`."""

    workers: tuple[WorkerStatus, ...]
    jobs: tuple[str, ...]
    capacity: int
    finished: int
    failed: int
