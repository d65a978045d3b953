"""`python -m tests.bench [NAME ...]`: ratios against a peer in the same run, never a pass or fail.

A benchmark is a function that returns rows; add yours to `BENCHMARKS`, or to `LONG` if it takes
minutes. A row has `name`, `value`, `unit`, `peer`, `peer_value`, `ratio` (value by peer_value) and,
where it is known, `memory_mib` and `peer_memory_mib`. Ours and the peer take turns, so that a busy
machine is busy for both.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.big_feed import bench_big_feed
from tests.bench.catalog import bench_catalog
from tests.bench.catalog_changes import bench_changes
from tests.bench.catalog_filters import bench_filters, bench_rebuild
from tests.bench.intents import bench_intents
from tests.bench.scoring import bench_scoring
from tests.bench.serving import bench_recommendations
from tests.bench.sessions import bench_sessions
from tests.bench.vector_density import bench_vector_density
from tests.real_elasticsearch import ServerMissingError

BENCHMARKS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "sessions": bench_sessions,
    "scoring": bench_scoring,
    "serving": bench_recommendations,
    "catalog": bench_catalog,
    "changes": bench_changes,
    "intents": bench_intents,
    "vector_density": bench_vector_density,
}
LONG: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "filters": bench_filters,
    "rebuild": bench_rebuild,
    "big_feed": bench_big_feed,
}
"""Take many minutes: run when they are named."""


def main(names: Sequence[str]) -> None:
    known = BENCHMARKS | LONG
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
    rows: list[dict[str, Any]] = []
    for name in names or BENCHMARKS:
        try:
            rows += known[name]()
        except ServerMissingError as err:
            Console(stderr=True).print(f"{name} is left out: {err}")
    Console(width=120).print(as_table(rows))


def as_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for title in ("what", "ours", "peer", "", "ratio", "peak memory"):
        table.add_column(title, justify="right" if title in ("ours", "", "ratio") else "left")
    for row in rows:
        memory = ""
        if "memory_mib" in row:
            memory = f"{row['memory_mib']:,} MiB, peer {row['peer_memory_mib']:,} MiB"
        table.add_row(
            row["name"], f"{row['value']} {row['unit']}", row["peer"],
            f"{row['peer_value']} {row['unit']}", f"{row['ratio']:.2f}", memory,
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
