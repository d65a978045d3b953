"""`recommender import` on the command line."""

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.commands.import_ import import_, items
from pipelines.ingest.feed import FORMATS
from recommender.cli import CommandGroup
from recommender.configuration import load_settings
from recommender.workspace import Workspace

EVENT = {
    "event_name": "view_item",
    "event_time": "2026-11-20T10:00:00Z",
    "visitor_id": "v1",
    "items": [{"item_id": "A"}],
}
MAP = "visitor_id=customer,item_id=product,event_time=ts,event_name==view"


@pytest.fixture
def shop(tmp_path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def recommender(shop):
    group = CommandGroup("recommender", commands=[import_])

    def call(*arguments: str, stdin: str | bytes | None = None) -> Result:
        texts = ["import", *map(str, arguments), "-w", str(shop)]
        return CliRunner().invoke(group, texts, input=stdin)

    return call


@pytest.fixture
def events_file(tmp_path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(EVENT | {"event_id": f"e{n}"}) + "\n" for n in range(3)))
    return path


def test_events_in_words(recommender, events_file):
    done = recommender("events", events_file)

    assert done.exit_code == 0, done.output
    assert done.stderr == f"{events_file}: 3 rows, 3 imported\n"
    assert done.stdout == ""
    assert recommender("events", events_file).stderr == (
        f"{events_file}: 3 rows, 0 imported, 3 already there\n"
    )
    assert recommender("events", events_file, "-q").output == ""


def test_events_as_json_over_a_glob(recommender, events_file, tmp_path):
    (tmp_path / "more.ndjson").write_text(json.dumps(EVENT | {"event_id": "e9"}))
    done = recommender("events", tmp_path / "*.ndjson", "--json")

    body = json.loads(done.stdout)
    assert done.stderr == ""
    assert body["files"] == [
        {"path": str(events_file), "rows": 3, "imported": 3, "duplicates": 0, "refused": {}},
        {"path": str(tmp_path / "more.ndjson"), "rows": 1, "imported": 1, "duplicates": 0,
         "refused": {}},
    ]  # fmt: skip


def test_events_from_stdin(recommender):
    csv = "customer,product,ts\nc1,A,1795168800\n"

    for text in (csv.encode(), gzip.compress(csv.encode())):
        assert recommender("events", "-", "--map", MAP, stdin=text).exit_code == 0
    assert recommender("events", "-", "--format", "csv", "--map", MAP, stdin=csv).exit_code == 0
    body = json.loads(recommender("events", "-", "--map", MAP, "--json", stdin=csv).stdout)
    assert body["files"][0]["duplicates"] == 1


def test_a_dry_run_shows_events_and_makes_no_folder(recommender, events_file, shop):
    done = recommender("events", events_file, "--dry-run")

    assert done.exit_code == 0
    assert [json.loads(line)["item_ids"] for line in done.stdout.splitlines()] == [["A"]] * 3
    assert "Dry run: nothing was written." in done.stderr
    assert not shop.exists()


def test_names_that_no_model_trains_on_are_pointed_out(recommender, tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(EVENT | {"event_name": "KAUF"}))

    assert "--map event_name.KAUF=" in recommender("events", path).stderr


@pytest.mark.parametrize(
    ("content", "options", "exit_code", "says"),
    [
        ("", [], 0, "empty, nothing to import"),
        ("a,b\n1,2\n", [], 2, "has no column event_name"),
        ("a,b\n1,2\n", ["--map", "item_id=c"], 2, "has no column 'c'"),
        ("a,b\n1,2\n", ["--map", "nonsense"], 2, "OURS=COLUMN"),
        ("a,b\n1,2\n", ["--tz", "Mars"], 2, "no IANA time zone"),
        ("customer,product,ts\nc1,A,2026-11-20\n", ["--map", MAP], 4, "add --tz"),
        ("{}\n", [], 4, "missing_event_name"),
    ],
)
def test_exit_codes(content, options, exit_code, says, recommender, tmp_path):
    path = tmp_path / "file"
    path.write_text(content)
    done = recommender("events", path, *options)

    assert done.exit_code == exit_code, done.output
    assert says in done.stderr


def test_a_file_that_is_not_there(recommender, tmp_path):
    assert recommender("events", tmp_path / "no.csv").exit_code == 1
    done = recommender("events", tmp_path / "no*.csv")
    assert (done.exit_code, "no file matches" in done.stderr) == (1, True)
    assert recommender("events").exit_code == 2


def test_another_run_holds_the_workspace(recommender, events_file, shop):
    with Workspace(shop).lock():
        done = recommender("events", events_file)
        assert recommender("events", events_file, "--dry-run").exit_code == 0

    assert done.exit_code == 1
    assert "another run holds" in done.stderr


def test_a_feed_that_was_cut_off_is_taken_when_told_so(recommender, tmp_path):
    feed, cut = tmp_path / "feed.tsv", tmp_path / "cut.tsv"
    rows = [f"{number}\tChair\n" for number in range(20)]
    feed.write_text("id\ttitle\n" + "".join(rows))
    cut.write_text("id\ttitle\n" + "".join(rows[:9]))
    assert recommender("items", feed).exit_code == 0

    refused = recommender("items", cut)
    assert (refused.exit_code, refused.stdout) == (4, "")
    assert "11 of 20 products that are in stock" in refused.stderr
    assert "--allow-withdrawn" in refused.stderr
    done = recommender("items", cut, "--allow-withdrawn", "--json")
    assert (done.exit_code, json.loads(done.stdout)["withdrawn"]) == (0, 11)


def test_prices_come_in_while_a_model_trains(recommender, tmp_path, shop):
    feed, part = tmp_path / "feed.tsv", tmp_path / "part.tsv"
    feed.write_text("id\ttitle\tprice\nA\tChair\t49.00 EUR\n")
    part.write_text("id\tprice\nA\t45.00 EUR\n")
    with Workspace(shop).lock("recommender train"):
        assert recommender("items", feed).exit_code == 0
        done = recommender("items", part, "--partial", "--json")

    assert (done.exit_code, json.loads(done.stdout)["changed"]) == (0, 1), done.output


def test_items(recommender, tmp_path):
    path = tmp_path / "feed.tsv"
    path.write_text("id\ttitle\tprice\nA\tChair\t49.00 EUR\nB\tTable\t99.00 EUR\n")
    done = recommender("items", path)

    assert done.exit_code == 0, done.output
    assert "2 rows, 2 imported" in done.stderr
    assert "2 products added" in done.stderr
    body = json.loads(recommender("items", path, "--json").stdout)
    assert (body["added"], body["unchanged"], body["withdrawn"]) == (0, 2, 0)


def test_every_format_can_be_named():
    (option,) = (option for option in items.params if option.name == "file_format")

    assert tuple(option.type.choices) == FORMATS


def test_partial_items(recommender, tmp_path):
    full, stock = tmp_path / "feed.tsv", tmp_path / "stock.txt"
    full.write_text("id\ttitle\tprice\nA\tChair\t49.00 EUR\nB\tTable\t99.00 EUR\n")
    stock.write_text("id,availability\nA,out of stock\nX,in stock\n")
    missing = recommender("items", stock, "--partial")
    assert missing.exit_code == 1
    assert "run: recommender import items FILE" in missing.stderr
    recommender("items", full)
    dry = recommender("items", stock, "--partial", "--format", "csv", "--dry-run", "--json")
    done = recommender("items", stock, "--partial", "--format", "csv", "--json")

    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    assert {name: body[name] for name in ("changed", "unknown", "unknown_ids", "withdrawn")} == {
        "changed": 1,
        "unknown": 1,
        "unknown_ids": ["X"],
        "withdrawn": 0,
    }
    assert json.loads(dry.stdout) == body | {"dry_run": True}
    again = recommender("items", stock, "--partial")
    assert "0 products changed, 1 as before, 1 not in the catalog" in again.stderr


def test_a_dry_run_of_a_feed_counts_and_writes_nothing(recommender, shop, tmp_path):
    """The same counts as the import that follows, with what the catalog already holds."""
    first, second = tmp_path / "first.tsv", tmp_path / "second.tsv"
    first.write_text("id\ttitle\nA\tchair\nB\ttable\nC\tlamp\n")
    second.write_text("id\ttitle\nA\tchair\nB\tdesk\nD\tshelf\nD\ttwice\n")
    dry = recommender("items", first, "--dry-run", "--json")
    assert json.loads(dry.stdout)["added"] == 3
    assert not shop.exists()
    recommender("items", first)
    before = {path: path.read_bytes() for path in shop.rglob("*.sqlite")}
    allowed = ("--set", "import.max_refused=0.5")
    dry = recommender("items", second, "--dry-run", "--json", *allowed)
    counts = json.loads(dry.stdout)
    assert counts["dry_run"]
    assert [counts[name] for name in ("added", "changed", "unchanged", "withdrawn")] == [1, 1, 1, 1]
    assert {path: path.read_bytes() for path in shop.rglob("*.sqlite")} == before
    assert not (shop / "rejected").exists()
    assert "Dry run: nothing was written." in recommender("items", first, "--dry-run").stderr
    assert recommender("items", second, "--dry-run").exit_code == 4
    wet = json.loads(recommender("items", second, "--json", *allowed).stdout)
    assert (shop / "rejected").exists()
    assert wet["files"][0].pop("rejected_path") is not None
    assert "rejected_path" not in counts["files"][0]
    assert wet | {"dry_run": True} == counts


@pytest.mark.parametrize(
    ("content", "exit_code", "says"),
    [
        ("", 0, "the catalog stays as it is"),
        ("id\tprice\nA\t1\n", 2, "has no column 'title'"),
        ("id\ttitle\nA\t\n", 4, "missing_title"),
        ("id\ttitle\tprice\nA\tT\tx\n", 4, "first in line 2, column 'price'"),
        ("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss/>", 1, "line 1, column"),
        ("<rss><channel><item>", 1, "line 1, column"),
        ("<rss><channel></channel></rss>", 0, "the catalog stays as it is"),
        ("PAR1", 1, "no readable Parquet"),
        ('[{"id": "A"}]', 1, "one product a line"),
    ],
)
def test_exit_codes_of_items(content, exit_code, says, recommender, tmp_path):
    path = tmp_path / "feed.tsv"
    path.write_text(content)
    done = recommender("items", path)

    assert done.exit_code == exit_code, done.output
    assert says in done.stderr
    assert recommender("items", tmp_path / "no.tsv").exit_code == 1


def test_sessions_come_with_their_split(recommender, tmp_path, shop):
    path = tmp_path / "sessions.jsonl"
    path.write_text('["A", "B"]\n["C", "A"]\n')
    done = recommender("sessions", path)

    assert done.exit_code == 0, done.output
    assert f"{path}: 2 rows, 2 imported\n" in done.stderr
    assert "The last 5 % of the sessions are the test, the 5 % before them" in done.stderr
    assert load_settings(shop / "recommender.toml", environ={}).evaluation.test_share == 0.05
    assert recommender("sessions", path).stderr == (
        f"{path}: 2 rows, 0 imported, 2 already there\n"
    )
    body = json.loads(recommender("sessions", path, "--test-share", "0.1", "--json").stdout)
    assert body["split"] == {"test_share": 0.1, "validation_share": 0.05}
    body = json.loads(recommender("sessions", path, "--json").stdout)
    assert body["split"] == {"test_share": 0.1, "validation_share": 0.05}
    assert body["files"][0]["duplicates"] == 2


@pytest.mark.parametrize(
    ("content", "options", "exit_code", "says"),
    [
        ("", [], 0, "nothing to import"),
        ('["A"]\n[]\n', [], 4, "empty_session (the list is empty)"),
        ('["A"]\n', ["--test-share", "0.6"], 2, "0.6 is not in the range"),
        ('["A"]\n', ["--map", "item_id=x"], 2, "--map items=COLUMN"),
        ("A,B\n", [], 1, "one list of items a line"),
    ],
)
def test_exit_codes_of_sessions(content, options, exit_code, says, recommender, tmp_path, shop):
    path = tmp_path / "sessions"
    path.write_text(content)
    done = recommender("sessions", path, *options)

    assert done.exit_code == exit_code, done.output
    assert says in done.stderr
    assert not (shop / "recommender.toml").exists()


def test_ctrl_c_ends_with_130_and_changes_nothing(shop):
    code = (
        "import signal; from recommender.cli import CommandGroup\n"
        "from pipelines.commands.import_ import import_\n"
        # A shell starts its background jobs with the signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "CommandGroup('recommender', commands=[import_])()"
    )
    command = [sys.executable, "-c", code, "import", "events", "-", "-w", str(shop)]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        # More than a pipe holds: when it has been taken, the import is reading.
        process.stdin.write((json.dumps(EVENT) + "\n").encode() * 20_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"Interrupted" in process.stderr.read()

    assert [path.name for path in shop.iterdir()] == [".lock"]


def test_a_feed_needs_the_base_install_only(tmp_path):
    feed = tmp_path / "feed.tsv"
    feed.write_text("id\ttitle\nA\tChair\n")
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['duckdb', 'pyarrow', 'pandas', 'narwhals']))\n"
        "from pipelines.commands.import_ import import_\n"
        f"import_(['items', {str(feed)!r}, '-w', {str(tmp_path / 'shop')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "1 products added" in done.stderr


def test_the_command_loads_no_heavy_library_before_it_runs():
    code = (
        "import sys, pipelines.commands.import_\n"
        "print({'duckdb', 'pyarrow', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
