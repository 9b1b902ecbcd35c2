"""Who may import whom, and what must not be loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"cv2", "tensorflow", "tensorflow_hub", "pyspark", "ai_edge_litert", "skimage", "sklearn"}
CLOUD = {"boto3", "botocore", "aiobotocore", "obstore"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
CV2_ROOM = ROOT / "actors/kit/imaging/cv.py"  # sets cv2's switches; itself imported where it is used
TOOL_FILES = {"cli.py", "demo.py", "log_cli.py"}


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts)


def imported(path: Path, *, at_top_only: bool = False) -> Iterator[str]:
    """The absolute names a file imports, `module.name` for `from module import name`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set(typing_only(tree))
    nodes = top_level(tree) if at_top_only else ast.walk(tree)
    for node in nodes:
        if at_top_only and node in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def typing_only(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from ast.walk(statement)


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs on import: everything outside functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        inside = ast.iter_child_nodes(node)
        waiting += [child for child in inside if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)]


def first(name: str) -> str:
    return name.partition(".")[0]


def offenders(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imported(path)
        if first(name) in forbidden
    ]


def test_the_runtime_knows_nothing_above_it() -> None:
    assert offenders("runtime", {"config", "actors", "main"} | HEAVY | CLOUD) == []


def test_node_files_know_no_actor() -> None:
    assert offenders("config", {"actors", "main"} | HEAVY | CLOUD) == []


def test_actors_know_node_files_only_as_the_context_of_their_tools() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("actors")
        for name in imported(path)
        if first(name) == "config" and not (name.startswith("config.tool.") and path.name in TOOL_FILES)
    ]
    assert wrong == []


def test_the_kit_knows_no_actor_package_and_holds_no_actor() -> None:
    kit = [(path, name) for path in modules("actors/kit") for name in imported(path)]
    others = [(path, name) for path, name in kit if name.startswith("actors.") and not name.startswith("actors.kit")]
    assert others == []
    assert [(path, name) for path, name in kit if name in ("runtime.Actor", "runtime.actor.Actor")] == []


def test_across_actor_packages_only_messages_and_actor_classes_are_shared() -> None:
    wrong = []
    for path in modules("actors"):
        home = path.relative_to(ROOT).parts[1]
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "actors" or len(parts) < 2 or parts[1] in (home, "kit"):
                continue
            is_messages = parts[2:3] == ["messages"]
            is_class = len(parts) == 4 and parts[3][:1].isupper() and _is_actor("/".join(parts[:3]), parts[3])
            if not (is_messages or is_class):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def _is_actor(module: str, name: str) -> bool:
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return bool(classes) and any("Actor" in ast.unparse(base) for base in classes[0].bases)


@pytest.mark.parametrize("folder", ["runtime", "config", "actors", "main.py"])
def test_nothing_is_pickled(folder: str) -> None:
    paths = [ROOT / folder] if folder.endswith(".py") else modules(folder)
    assert [str(path) for path in paths for name in imported(path) if first(name) in PICKLES] == []


@pytest.mark.parametrize("folder", ["runtime", "config", "actors"])
def test_heavy_libraries_are_imported_where_they_are_used_not_on_import(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imported(path, at_top_only=True)
        if first(name) in HEAVY and path != CV2_ROOM and not path.name.startswith("demo_")
    ]
    assert wrong == []


def loaded_by(*arguments: str) -> set[str]:
    """First names of the modules that `main.py ARGUMENTS` has loaded when it ends."""
    code = (
        "import sys; sys.argv = ['main.py', *sys.argv[1:]]\n"
        "import main\n"
        "try:\n    code = main.main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\n"
        "assert code in (0, None), code\n"
        "print(','.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stderr.strip().splitlines()[-1].split(","))


def test_help_loads_no_library_at_all() -> None:
    ours = {"numpy", "pydantic", "structlog", "ruamel", "msgspec", "aiohttp", "asyncio"}
    assert loaded_by("--help") & (HEAVY | CLOUD | ours) == set()


@pytest.mark.parametrize("role", sorted(path.stem for path in (ROOT / "config/roles").glob("*.yaml")))
def test_a_check_loads_no_image_model_or_spark_library(role: str) -> None:
    assert loaded_by("--role", role, "--check") & (HEAVY | CLOUD) == set()
