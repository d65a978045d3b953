"""The append side of the event log."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recommender.data import eventlog
from recommender.data.eventlog import EventLog
from recommender.errors import DataError


def event(number: int, day: str = "2026-11-21") -> dict[str, str]:
    return {"event_id": f"e{number}", "event_time": f"{day}T10:00:00.000Z"}


def lines(folder: Path) -> list[dict[str, str]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*/*.ndjson"))
        for line in path.read_bytes().decode().splitlines()
    ]


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path / "events")
    yield log
    log.close()


def test_a_line_is_in_the_file_when_append_returns(log, tmp_path):
    log.append([event(1) | {"search_term": "café ☕"}])

    (path,) = (tmp_path / "events" / "2026-11-21").iterdir()
    assert path.name.endswith(f"-{os.getpid()}.ndjson")
    assert path.read_bytes().endswith(b"\n")
    assert json.loads(path.read_text("utf-8"))["search_term"] == "café ☕"


def test_the_folder_is_the_day_of_the_event(log, tmp_path):
    log.append([event(1, "2026-11-20"), event(2), event(3, "2026-11-20")])

    assert sorted(path.name for path in (tmp_path / "events").iterdir()) == [
        "2026-11-20",
        "2026-11-21",
    ]
    assert [line["event_id"] for line in lines(tmp_path / "events")] == ["e1", "e3", "e2"]


def test_one_process_appends_to_one_file_a_day(log, tmp_path):
    for number in range(3):
        log.append([event(number)])

    assert len(list((tmp_path / "events" / "2026-11-21").iterdir())) == 1
    assert len(lines(tmp_path / "events")) == 3


def test_lines_of_many_threads_do_not_mix(log, tmp_path):
    def write(thread: int) -> None:
        for number in range(50):
            log.append([event(thread * 1000 + number) | {"search_term": "x" * 5000}])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({line["event_id"] for line in lines(tmp_path / "events")}) == 200


def test_a_file_that_was_deleted_is_replaced_by_a_new_one(log, tmp_path):
    log.append([event(1)])
    next((tmp_path / "events" / "2026-11-21").iterdir()).unlink()

    log.append([event(2)])

    assert [line["event_id"] for line in lines(tmp_path / "events")] == ["e2"]


def test_a_long_life_does_not_keep_every_day_open(log, tmp_path):
    for day in range(1, 29):
        log.append([event(day, f"2026-11-{day:02}")])

    assert len(log._files) == eventlog._MAX_OPEN_FILES
    assert len(lines(tmp_path / "events")) == 28


def test_every_written_line_is_synced_within_a_second(log, monkeypatch):
    synced = threading.Event()
    fsync = os.fsync
    log.append([event(1)])

    def noticed(descriptor: int) -> None:
        fsync(descriptor)
        synced.set()

    monkeypatch.setattr(os, "fsync", noticed)

    assert synced.wait(1.0)
    assert not any(file.dirty for file in log._files.values())


def test_an_unwritable_folder_is_a_sentence(tmp_path):
    (tmp_path / "events").write_text("a file where the folder should be")

    with pytest.raises(DataError, match="events cannot be written: "):
        EventLog(tmp_path / "events").append([event(1)])


def test_a_full_disk_leaves_no_part_of_the_request(log, tmp_path):
    """A real short write: the kernel's limit on file size stands in for the full disk."""
    log.append([event(1), event(2, "2026-11-20")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(DataError, match="File too large"):
            log.append([event(3, "2026-11-20"), event(4) | {"search_term": "x" * 5000}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    log.append([event(5)])

    assert [line["event_id"] for line in lines(tmp_path / "events")] == ["e2", "e1", "e5"]


def test_a_forked_process_writes_its_own_file(tmp_path):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from recommender.data.eventlog import EventLog\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "line = {'event_id': 'a', 'event_time': '2026-11-21T00:00:00Z'}\n"
        "log.append([line])\n"
        "child = os.fork()\n"
        "log.append([line | {'event_id': 'child' if child == 0 else 'parent'}])\n"
        "log.close()\n"
        "os._exit(0) if child == 0 else os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=30)

    assert len(list((tmp_path / "2026-11-21").iterdir())) == 2
    assert {line["event_id"] for line in lines(tmp_path)} == {"a", "child", "parent"}


def test_an_exit_waits_for_the_sync(tmp_path):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from recommender.data.eventlog import EventLog\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "log.append([{'event_time': '2026-11-21T00:00:00Z'}])\n"
        "fsync = os.fsync\n"
        "os.fsync = lambda descriptor: (fsync(descriptor), print('synced'))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, check=True, timeout=30, capture_output=True, text=True)

    assert done.stdout == "synced\n"
