"""The split tool's arguments, outputs and exit codes, without a master."""

from pathlib import Path

import pytest

from actors.split.cli import find_pictures, parser
from actors.split.errors import Busy, NoWorkers
from actors.split.outcome import Outcome
from runtime.errors import DeadlineExceeded, OpFailed, PeerLost, Problem
from runtime.exits import exit_code


class Malformed(Problem):
    code = "test_malformed"
    status = 415


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("album/a.jpg", "album/inner/a.png", "album/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "album"


def test_a_folder_keeps_its_inner_paths_and_leaves_out_what_is_no_picture(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert find_pictures([album], out) == [
        (album / "a.jpg", out / "a.png"),
        (album / "inner" / "a.png", out / "inner" / "a.png"),
    ]


def test_one_picture_goes_to_the_file_named_or_into_an_existing_folder(album: Path, tmp_path: Path) -> None:
    picture = album / "a.jpg"
    assert find_pictures([picture], tmp_path / "edges.jpg") == [(picture, tmp_path / "edges.jpg")]
    assert find_pictures([picture], tmp_path / "edges") == [(picture, tmp_path / "edges.png")]
    assert find_pictures([picture], tmp_path) == [(picture, tmp_path / "a.png")]


def test_what_cannot_be_is_said_in_words(album: Path, tmp_path: Path) -> None:
    picture, other = album / "a.jpg", album / "inner" / "a.png"
    assert find_pictures([album / "b.jpg"], tmp_path) == f"{album / 'b.jpg'}: no such file or folder"
    assert find_pictures([picture, other], tmp_path) == f"two pictures would both become {tmp_path / 'a.png'}"
    assert find_pictures([album], picture) == f"{picture} is a file; 2 pictures need a folder"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Malformed("not a picture"), 65),
        (FileNotFoundError("gone"), 65),
        (Busy("full"), 75),
        (NoWorkers("none"), 75),
        (PeerLost("lost"), 75),
        (DeadlineExceeded("late"), 75),
        (OpFailed("bug"), 70),
    ],
)
def test_each_failure_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_the_json_object_has_the_promised_fields() -> None:
    outcome = Outcome(image="a.jpg", out="a.png", code=0, workers=3, tiles=6, retries=1, ms=12.34, differing=0)
    assert outcome.fields() == {
        "image": "a.jpg", "out": "a.png", "workers": 3, "tiles": 6, "retries": 1, "ms": 12.3, "differing": 0,
    }  # fmt: skip
    failed = Outcome(image="a.jpg", out="a.png", code=65, error=Malformed("not a picture", hint="send one"))
    assert failed.fields() == {
        "image": "a.jpg",
        "error": {"code": "test_malformed", "message": "not a picture", "hint": "send one"},
    }


def test_the_line_for_people_counts_the_differing_pixels() -> None:
    outcome = Outcome(
        image="a.jpg", out="a.png", code=0, workers=3, tiles=6, retries=2, ms=412.0, differing=0,
        pixels=12_000_000, why="split over 3 workers, as asked",
    )  # fmt: skip
    assert outcome.sentence() == (
        "a.jpg → a.png · split over 3 workers, as asked · 6 tiles, 2 sent again · 412 ms"
        " · 0 of 12,000,000 pixels differ"
    )


def test_the_default_operator_is_canny_as_on_the_site() -> None:
    assert parser().parse_args(["a.jpg", "-o", "out"]).operator == "canny"
