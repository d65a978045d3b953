import json
import os
import subprocess
import sys
import time

import pytest

from recommender.errors import ArtifactError, BusyError
from recommender.serving import staging
from recommender.serving.artifact import load
from recommender.serving.check import check_artifact
from recommender.serving.staging import models_lock
from recommender.serving.versions import current, list_versions, promote, publish, rollback


def names(models_dir):
    return [version.version for version in list_versions(models_dir)]


def history(models_dir):
    return [json.loads(line) for line in (models_dir / "history.ndjson").read_text().splitlines()]


@pytest.mark.parametrize("written", ["", '{"schema_version": 1, "at": "2026-'])
def test_a_history_without_a_whole_line_is_none(written, models_dir, write_version):
    write_version()
    (models_dir / "history.ndjson").write_text(written)

    with pytest.raises(ArtifactError, match="no earlier version"):
        rollback(models_dir)


@pytest.mark.parametrize("foreign", [b"[1]", b'"text"', b"{}", b"\xff\xfe"])
def test_lines_of_the_history_that_are_none_of_ours_are_passed_over(
    foreign, models_dir, write_version
):
    first, second = write_version(day=0), write_version(day=1)
    publish(models_dir, first, keep=5)
    with (models_dir / "history.ndjson").open("ab") as file:
        file.write(foreign + b"\n")
    publish(models_dir, second, keep=5)
    assert rollback(models_dir) == first.name


def test_nothing_published_yet(models_dir, write_version):
    assert current(models_dir) is None
    assert list_versions(models_dir) == []
    write_version()
    assert current(models_dir) is None
    with pytest.raises(ArtifactError, match="no earlier version"):
        rollback(models_dir)


def test_publish(models_dir, write_version):
    folder = write_version()
    assert publish(models_dir, folder, keep=3) == folder.name
    link = models_dir / "current"
    assert str(link.readlink()) == folder.name
    assert current(models_dir) == folder
    assert load(link).version == folder.name
    [version] = list_versions(models_dir)
    assert version.live
    assert version.problem is None
    assert version.manifest.model.name == "popularity"
    assert version.metrics == {"recall@20": 0.25, "mrr@20": 0.125}
    [line] = history(models_dir)
    assert line["version"] == folder.name
    assert line["was"] is None
    assert line["action"] == "publish"


def test_publish_refuses_a_damaged_version_and_keeps_the_live_one(models_dir, write_version):
    good, bad = write_version(day=0), write_version(day=1)
    publish(models_dir, good, keep=3)
    counts = bad / "popularity" / "counts.npy"
    counts.write_bytes(counts.read_bytes()[::-1])
    with pytest.raises(ArtifactError, match="failed its check"):
        publish(models_dir, bad, keep=3)
    assert current(models_dir) == good
    assert len(history(models_dir)) == 1


def test_the_last_k_stay(models_dir, write_version):
    folders = [write_version(day) for day in range(4)]
    for folder in folders:
        publish(models_dir, folder, keep=2)
    assert names(models_dir) == [folders[3].name, folders[2].name]


def test_one_is_kept_for_rollback_even_with_keep_1(models_dir, write_version):
    folders = [write_version(day) for day in range(3)]
    for folder in folders:
        publish(models_dir, folder, keep=1)
    assert names(models_dir) == [folders[2].name, folders[1].name]
    assert rollback(models_dir) == folders[1].name


def test_the_live_version_stays_however_old(models_dir, write_version):
    folders = [write_version(day) for day in range(4)]
    publish(models_dir, folders[0], keep=9)
    publish(models_dir, folders[1], keep=9)
    promote(models_dir, folders[0].name)
    publish(models_dir, folders[2], keep=1)
    # 0 was live before 2; 1 was published once and is not needed; 3 is nobody's yet.
    assert names(models_dir) == [folders[i].name for i in (3, 2, 0)]


def test_versions_never_published_are_removed_when_old(models_dir, write_version):
    forgotten, fresh = write_version(day=0), write_version(day=1)
    hours_ago = time.time() - 7200
    os.utime(forgotten, (hours_ago, hours_ago))
    publish(models_dir, write_version(day=2), keep=1)
    assert not forgotten.exists()
    assert fresh.exists()


def test_rollback_goes_back_step_by_step(models_dir, write_version):
    first, second, third = (write_version(day) for day in range(3))
    for folder in (first, second, third):
        publish(models_dir, folder, keep=5)
    assert rollback(models_dir) == second.name
    assert rollback(models_dir) == first.name
    with pytest.raises(ArtifactError, match="no earlier version"):
        rollback(models_dir)
    promote(models_dir, third.name)
    assert rollback(models_dir) == first.name
    assert [line["action"] for line in history(models_dir)] == [
        "publish", "publish", "publish", "rollback", "rollback", "promote", "rollback",
    ]  # fmt: skip


def test_promoting_the_live_version_changes_nothing(models_dir, write_version):
    first, second = write_version(day=0), write_version(day=1)
    publish(models_dir, first, keep=5)
    publish(models_dir, second, keep=5)
    promote(models_dir, second.name)
    assert rollback(models_dir) == first.name


def test_a_crash_between_history_and_pointer(models_dir, write_version):
    first, second = write_version(day=0), write_version(day=1)
    publish(models_dir, first, keep=5)
    publish(models_dir, second, keep=5)
    with (models_dir / "history.ndjson").open("a") as file:
        line = {"action": "rollback", "version": first.name, "was": second.name}
        file.write(json.dumps(line) + '\n{"action": "publ')
    third = write_version(day=2)
    publish(models_dir, third, keep=5)
    assert rollback(models_dir) == second.name
    assert rollback(models_dir) == first.name


PUBLISH_FOR_EVER = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving import versions
from recommender.serving.artifact import write_artifact
from recommender.settings import Settings

# The check has its own tests; without its half second the kill hits the writing more often.
versions.check_in_clean_process = lambda folder: None
models_dir = Path(sys.argv[1])
for seed in itertools.count(int(sys.argv[2])):
    settings = Settings.model_validate({"model": {"name": "popularity", "seed": seed}})
    folder = write_artifact(
        models_dir,
        parts={"popularity": Popularity(3, settings).fit(sessions_from_lists([[0, 1, 2]]))},
        vocabulary=Vocabulary(["a", "b", "c"]), settings=settings, report={}, data={},
        created_at=datetime.now(UTC), main="popularity",
    )
    versions.publish(models_dir, folder, keep=2)
    print(folder.name, flush=True)
"""


def test_killed_at_any_instant_a_whole_version_is_live(models_dir, write_version):
    for number in range(5):
        arguments = [sys.executable, "-c", PUBLISH_FOR_EVER, str(models_dir), str(number * 10**6)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            done = [process.stdout.readline().strip()]
            time.sleep(0.013 * number)
            process.kill()
            done += process.stdout.read().split()
        live = check_artifact(models_dir / "current").version
        # The last one that was reported, or the one after it: nothing reported is lost.
        assert live == done[-1] or live not in done
        assert len(list_versions(models_dir)) <= 4
    publish(models_dir, write_version(day=60), keep=2)
    assert rollback(models_dir) == live
    assert not list(models_dir.glob(".staging-*"))


def test_a_crash_leaves_a_link_that_is_swept(models_dir, write_version):
    folder = write_version()
    (models_dir / ".staging-link").symlink_to("nowhere")
    publish(models_dir, folder, keep=1)
    assert not (models_dir / ".staging-link").is_symlink()


@pytest.mark.parametrize("name", ["../x", "", ".", "current", "/etc", "20261101T0210Z-zzzzzzzz"])
def test_odd_names_are_refused(models_dir, write_version, name):
    publish(models_dir, write_version(), keep=1)
    with pytest.raises(ArtifactError, match=r"is no version in .*models list"):
        promote(models_dir, name)


def test_a_renamed_folder_is_refused(models_dir, write_version):
    folder = write_version()
    renamed = folder.rename(models_dir / "20261101T0210Z-00000000")
    with pytest.raises(ArtifactError, match=f"holds version {folder.name}"):
        publish(models_dir, renamed, keep=1)


def test_a_callers_mistake_is_a_value_error(models_dir, write_version, tmp_path):
    folder = write_version()
    with pytest.raises(ValueError, match="keep is at least 1, got 0"):
        publish(models_dir, folder, keep=0)
    with pytest.raises(ValueError, match="does not lie in"):
        publish(tmp_path / "elsewhere", folder, keep=1)


def test_damaged_versions_are_listed_with_their_problem(models_dir, write_version):
    good, no_manifest, no_report = (write_version(day) for day in range(3))
    (no_manifest / "manifest.json").unlink()
    (no_report / "report.json").write_text("{")
    found = {version.folder: version for version in list_versions(models_dir)}
    assert found[good].problem is None
    assert "manifest.json is missing" in found[no_manifest].problem
    assert "report.json has 1 bytes instead of" in found[no_report].problem


def test_another_writer_is_waited_for_and_named(models_dir, write_version, monkeypatch):
    folder = write_version()
    monkeypatch.setattr(staging, "LOCK_WAIT_S", 0)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from recommender.serving.staging import models_lock\n"
        f"with models_lock(Path({str(models_dir)!r})):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match="another run is writing"):
            publish(models_dir, folder, keep=1)
        other.kill()
    # The system frees the lock of a dead process.
    with models_lock(models_dir):
        pass


def test_two_processes_publish_at_once(models_dir, write_version):
    folders = [write_version(day) for day in range(4)]
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from recommender.serving.versions import publish\n"
        "for name in sys.argv[1:]:\n    folder = Path(name)\n"
        "    publish(folder.parent, folder, keep=9)\n"
    )
    halves = [folders[:2], folders[2:]]
    running = [
        subprocess.Popen([sys.executable, "-c", code, *map(str, half)], stderr=subprocess.PIPE)
        for half in halves
    ]
    for process in running:
        assert process.communicate(timeout=120)[1] == b""
        assert process.returncode == 0
    lines = history(models_dir)
    assert {line["version"] for line in lines} == {folder.name for folder in folders}
    # Each change starts from what the one before it left: nothing was lost in between.
    assert [line["was"] for line in lines] == [None, *(line["version"] for line in lines[:-1])]
    assert current(models_dir).name == lines[-1]["version"]
    assert not list(models_dir.glob(".staging-*"))


def test_versions_of_one_minute_are_in_the_order_they_were_written(models_dir, write_version):
    folders = [write_version(n_items=n_items) for n_items in range(20, 28)]
    assert len({folder.name[:14] for folder in folders}) == 1
    assert names(models_dir) == [folder.name for folder in reversed(folders)]


def test_a_file_in_the_place_of_the_folder_is_a_sentence(tmp_path):
    path = tmp_path / "models"
    path.write_text("")
    with pytest.raises(ArtifactError, match="models cannot be read"):
        list_versions(path)
    with pytest.raises(ArtifactError, match="models cannot be written"):
        promote(path, "20261101T0210Z-00000000")
