"""The results as aligned tables of ratios."""

from __future__ import annotations

from bench.calls import REFERENCE as ASYNCIO
from bench.calls.contender import FAULTS, LOCAL, REMOTE
from bench.calls.player import FREEZE_LIMIT
from bench.calls.run import Value
from bench.queues import REFERENCE as SEED
from bench.queues.row import RATES, Row
from bench.splits import REFERENCE as WHOLE
from bench.splits.contender import ROWS
from bench.splits.run import Result

CALL_AIMS = {
    "ask local": "≥ 2", "tell": "≥ 1.3", "ask remote, 1": "≥ 1.1", "64 in flight": "≥ 1.4", "12 MB echo": "≥ 3",
    "kill noticed": "≤ 10 ms", "freeze noticed": "≤ 3 s",
}  # fmt: skip
QUEUE_AIMS = ("≥ 15", "≤ .32", "", "", "p50 ≤ the seed's")
SPLIT_AIMS = {"gauss + sobel": "≤ .65", "bilateral 9": "≤ .57", "Canny": "≤ .70"}


def of_calls(rows: dict[str, dict[str, Value]], names: list[str]) -> str:
    """Rates against bare asyncio (higher is better); the fault columns are times."""
    table = [["calls, bare asyncio = 1", *LOCAL, *REMOTE, *FAULTS]]
    table += [[name, *(_call(rows, row, name) for row in (*LOCAL, *REMOTE, *FAULTS))] for name in names]
    table.append(["aim", *(CALL_AIMS[row] for row in (*LOCAL, *REMOTE, *FAULTS))])
    return _aligned(table)


def _call(rows: dict[str, dict[str, Value]], row: str, name: str) -> str:
    if name not in rows[row]:
        return "–"
    value, reference = rows[row][name], rows[row].get(ASYNCIO)
    if row in FAULTS:
        return f"not in {FREEZE_LIMIT:g} s" if value is None else _time(value)
    return f"{value / reference:.2f}" if value and reference else "–"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def of_splits(result: Result, names: list[str]) -> str:
    """Wall / CPU against the whole picture on one thread (lower is better), wrong pixels, and memory in pictures."""
    table = [["12 MP, cv2 on one thread = 1", *ROWS, "wrong pixels", "memory, pictures"]]
    for name in names:
        cells = []
        for row in ROWS:
            one, whole = result.rows[row][name], result.rows[row][WHOLE]
            cells.append(f"{one.wall / whole.wall:.2f} / {one.cpu / whole.cpu:.2f}")
        wrong = " / ".join(f"{result.rows[row][name].wrong:,}" for row in ROWS)
        table.append([name, *cells, wrong, f"{result.memory[name]:.1f}"])
    table.append(["aim", *(SPLIT_AIMS[row] for row in ROWS), "0", "≤ 1.2"])
    return _aligned(table)


def of_queues(rows: dict[str, Row]) -> str:
    """Rate (higher is better) and CPU (lower is better) against the seed's loop; API requests; p50 / p95 of replies."""
    heads = ["messages/s", "requests a message", "CPU a message", "with a 20 MB log"]
    table = [["queues, the seed's loop = 1", *heads, *(f"reply at {rate}/s, ms" for rate in RATES)]]
    seed = rows[SEED]
    for name, row in rows.items():
        cells = [f"{row.rate / seed.rate:.1f}", f"{row.requests:.2f}" if row.requests else "–"]
        cells += [f"{row.cpu / seed.cpu:.2f}", f"{row.grown / seed.cpu:.2f}"]
        table.append([name, *cells, *(_latency(row, rate) for rate in RATES)])
    table.append(["aim", *QUEUE_AIMS, *[""] * (len(RATES) - 1)])
    return _aligned(table)


def _latency(row: Row, rate: int) -> str:
    if rate not in row.latency:
        return "–"
    half, most = row.latency[rate]
    return f"{half * 1000:.1f} / {most * 1000:.1f}"


def _aligned(table: list[list[str]]) -> str:
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = []
    for name, *cells in table:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *padded]))
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
