"""Sessions from a log of Parquet files: the narwhals definition against duckdb SQL by hand.

Each run is a process of its own, so that its peak memory is its own; the fastest of several counts.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

N_VISITS = 300_000
ROUNDS = 3

GAP_US = 1_800_000_000

BY_HAND = f"""
    WITH kept AS (
        SELECT coalesce(visitor_id, session_id) AS visitor, coalesce(session_id, '') AS shop,
            item_id, epoch_us(event_time) AS time_us, ordinal, event_id, item_position
        FROM read_parquet('{{events}}')
        WHERE event_name IN ('view_item', 'select_item', 'add_to_cart', 'purchase')
            AND consent = 'granted' AND item_id <> ''
            AND coalesce(visitor_id, session_id) IS NOT NULL
    ), placed AS (
        SELECT visitor, shop, item_id, time_us, row_number() OVER stream AS place,
            lag(time_us) OVER stream AS previous_us, lag(item_id) OVER stream AS previous_item
        FROM kept
        WINDOW stream AS (
            PARTITION BY visitor, shop ORDER BY time_us, ordinal, event_id, item_position
        )
    ), started AS (
        SELECT *, previous_us IS NULL OR time_us - previous_us > {GAP_US} AS starts_session
        FROM placed
    ), numbered AS (
        SELECT *, max(CASE WHEN starts_session THEN time_us END) OVER (
            PARTITION BY visitor, shop ORDER BY place ROWS UNBOUNDED PRECEDING
        ) AS start_us
        FROM started
    )
    SELECT item_id, time_us, starts_session
    FROM numbered
    WHERE starts_session OR item_id <> previous_item
    ORDER BY start_us, visitor, shop, place
"""
"""The same sessions without a look for noise, which is why noise is measured on its own."""


def bench_sessions() -> list[dict[str, Any]]:
    """Seconds from the log to the steps in order, and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        # Linux counts the memory of this process to its children's peak: it has to stay small.
        n_events = _run("write_log", folder)["n_events"]
        runs: dict[str, list[dict[str, Any]]] = {"by_hand": [], "ours": [], "ours_with_noise": []}
        for _ in range(ROUNDS):
            for name, results in runs.items():
                results.append(_run(name, folder))
    if runs["by_hand"][0]["n_steps"] != runs["ours"][0]["n_steps"]:
        raise RuntimeError(f"the peer does not do the same: {runs}")
    peer = _least(runs["by_hand"])
    return [
        {
            "name": f"{title} of {n_events:,} events",
            "value": round(ours["seconds"], 2),
            "unit": "s",
            "peer": "duckdb SQL, no noise rule",
            "peer_value": round(peer["seconds"], 2),
            "ratio": ours["seconds"] / peer["seconds"],
            "memory_mib": round(ours["memory_mib"]),
            "peer_memory_mib": round(peer["memory_mib"]),
        }
        for title, ours in (
            ("sessions", _least(runs["ours"])),
            ("sessions and noise", _least(runs["ours_with_noise"])),
        )
    ]


def write_log(events_dir: Path, n_visits: int = N_VISITS) -> int:
    """Made-up visits over 30 days: few visitors come often, most visits are short.

    Returns:
        The number of events.
    """
    import duckdb
    import numpy as np
    import pyarrow as pa

    from recommender.data.events import LOG_COLUMNS

    random = np.random.default_rng(0)
    often = np.cumsum(random.lognormal(0, 1, n_visits // 3))
    visitors = np.searchsorted(often, random.random(n_visits) * often[-1])
    lengths = random.geometric(0.25, n_visits)
    visit = np.repeat(np.arange(n_visits), lengths)
    pauses_s = random.exponential(60, len(visit)).astype(np.int64)
    since_s = np.cumsum(pauses_s) - np.repeat((np.cumsum(pauses_s))[np.cumsum(lengths) - lengths],
                                              lengths)  # fmt: skip
    times_s = 1_700_000_000 + random.integers(0, 30 * 86_400, n_visits)[visit] + since_s
    order = np.argsort(times_s, kind="stable")
    items = (random.pareto(1.1, len(visit)) * 50).astype(np.int64) % 20_000
    made = {"second": times_s[order], "visitor": visitors[visit][order], "item": items[order],
            "ordinal": np.arange(len(visit))}  # fmt: skip
    columns = {name: f"NULL::{kind}" for name, kind in LOG_COLUMNS.items()} | {
        "event_id": "md5(ordinal::VARCHAR)",
        "event_name": "'view_item'",
        "event_time": "make_timestamptz(second * 1000000)",
        "visitor_id": "'visitor-' || visitor",
        "item_id": "'sku-' || item",
        "consent": "'granted'",
        "ordinal": "ordinal",
        "item_position": "0",
    }
    select = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    (events_dir / "2023-11-14").mkdir()
    with duckdb.connect() as connection:
        connection.from_arrow(pa.table(made)).select(select).write_parquet(
            str(events_dir / "2023-11-14" / "events.parquet")
        )
    return len(visit)


def _run(name: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.sessions", name, folder]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(printed)
    return result


def _least(results: list[dict[str, Any]]) -> dict[str, float]:
    return {name: min(result[name] for result in results) for name in results[0]}


def _measured(name: str, events_dir: Path) -> dict[str, Any]:
    """Run one contestant in this process, once what it imports is there."""
    from recommender.data import steps
    from recommender.settings import Settings

    # What a log costs beside its sessions (looking for doubles) is not measured on either side.
    with steps.open_engine() as connection:
        started = time.perf_counter()
        if name == "by_hand":
            query = BY_HAND.format(events=events_dir / "*" / "*.parquet")
            n_steps = connection.sql(query).to_arrow_table().num_rows
        else:
            noise = {"enabled": name == "ours_with_noise"}
            events = connection.read_parquet(str(events_dir / "*" / "*.parquet"))
            log = steps.session_log(events, Settings.model_validate({"noise": noise}))
            n_steps = len(log.sessions.items)
        seconds = time.perf_counter() - started
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "n_steps": n_steps, "memory_mib": peak_kib / 1024}


def _child(name: str, events_dir: Path) -> dict[str, Any]:
    if name == "write_log":
        return {"n_events": write_log(events_dir)}
    return _measured(name, events_dir)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_child(sys.argv[1], Path(sys.argv[2]))))
