import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import recommender
from recommender.data.vocabulary import Vocabulary
from recommender.errors import ArtifactError
from recommender.models.popularity import Popularity
from recommender.serving import artifact as artifact_module
from recommender.serving.artifact import load, write_artifact
from recommender.settings import Settings


def test_round_trip(write_version):
    folder = write_version()
    artifact = load(folder)
    assert artifact.version == folder.name
    assert artifact.folder == folder
    assert artifact.model.name == "popularity"
    assert artifact.vocabulary.item_ids == [f"item {i}" for i in range(30)]
    assert artifact.popularity.tolist() == list(range(30, 0, -1))
    assert artifact.manifest.created_at == datetime(2026, 11, 1, 2, 10, tzinfo=UTC)
    assert artifact.manifest.data == {"data_until": "2026-11-01T00:00:00Z"}
    assert artifact.report["models"][0]["name"] == "popularity"
    assert Settings.model_validate(artifact.manifest.settings).model.name == "popularity"


def test_the_folder_holds_what_the_conventions_name(write_version):
    folder = write_version()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "manifest.json", "vocabulary.json", "report.json", "golden.json", "popularity/counts.npy",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["schema_version"] == 1
    assert set(manifest["files"]) == names - {"manifest.json"}
    golden = json.loads((folder / "golden.json").read_text())
    lengths = {len(query["items"]) for query in golden["queries"]}
    assert {0, 1, 2} <= lengths
    assert 15 <= len(golden["queries"]) <= 25
    assert not list(folder.parent.glob(".staging-*"))


def test_arrays_stay_on_disk(write_version):
    counts = load(write_version()).parts["popularity"].counts_
    assert isinstance(counts.base, np.memmap)


def test_a_link_is_resolved_once(write_version, tmp_path):
    folder = write_version()
    link = tmp_path / "current"
    link.symlink_to(folder)
    assert recommender.load(link).folder == folder
    assert recommender.load(str(link)).folder == folder


def test_the_same_content_twice_is_one_version(write_version):
    assert write_version() == write_version()
    assert write_version(n_items=29).name != write_version().name


def test_recommend(write_version):
    artifact = load(write_version(n_items=4))
    found = artifact.recommend(["item 3", "unknown", "item 1", "unknown"], k=2)
    assert [item.id for item in found.items] == ["item 0", "item 1"]
    # Counts 4, 3, 2, 1 with one added to each: 5 of 14.
    assert found.items[0].score == pytest.approx(np.log(5 / 14))
    assert found.missing_ids == ["unknown"]


def test_recommend_more_than_there_are(write_version):
    assert len(load(write_version(n_items=4)).recommend([], k=50).items) == 4


def test_recommend_only_what_is_allowed(write_version):
    artifact = load(write_version(n_items=4))
    found = artifact.recommend(["item 0"], allowed={"item 3", "item 2", "unknown"})
    assert [item.id for item in found.items] == ["item 2", "item 3"]
    mask = np.array([False, True, False, False])
    assert [item.id for item in artifact.recommend(["item 0"], allowed=mask).items] == ["item 1"]
    assert artifact.recommend(["item 0"], allowed=[]).items == []


@pytest.mark.parametrize("items", [[], ["unknown"], ["a/b c", "😀", "x" * 300, ""]])
def test_nothing_known_is_no_error(write_version, items):
    found = load(write_version()).recommend(items, k=3)
    assert [item.id for item in found.items] == ["item 0", "item 1", "item 2"]
    assert found.missing_ids == items


def test_a_callers_mistake_is_a_value_error(write_version):
    artifact = load(write_version())
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        artifact.recommend([], k=0)
    with pytest.raises(ValueError, match="list of ids, got the text 'item 0'"):
        artifact.recommend("item 0")


def test_load_says_what_is_missing(tmp_path, write_version):
    with pytest.raises(ArtifactError, match=r"no model at .*current; publish one with"):
        load(tmp_path / "current")
    with pytest.raises(ArtifactError, match=r"manifest.json is missing"):
        load(tmp_path)
    folder = write_version()
    (folder / "popularity" / "counts.npy").unlink()
    with pytest.raises(ArtifactError, match=r"counts.npy is missing; .*recommender"):
        load(folder)


def test_load_refuses_a_truncated_file(write_version):
    path = write_version() / "popularity" / "counts.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ArtifactError, match=r"counts.npy has 360 bytes instead of 368"):
        load(path.parent.parent)


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_load_refuses_a_later_format(write_version):
    folder = write_version()
    edit_manifest(folder, schema_version=2)
    with pytest.raises(ArtifactError, match="has format 2, this program reads 1; install"):
        load(folder)


def test_load_ignores_what_a_later_program_adds(write_version):
    folder = write_version()
    edit_manifest(folder, invented_later={"a": 1})
    assert load(folder).version == folder.name


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"no_such_section": 1}},
        {"parts": ["popularity", "no_such_model"]},
        {"parts": ["popularity"], "model": {"name": "softmax"}},
        {"parts": []},
        {"files": "none"},
    ],
)
def test_load_refuses_what_it_does_not_understand(write_version, changes):
    folder = write_version()
    edit_manifest(folder, **changes)
    with pytest.raises(ArtifactError, match="recommender nightly"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1}'])
def test_load_refuses_a_damaged_manifest(write_version, text):
    folder = write_version()
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"manifest.json is damaged"):
        load(folder)


def test_load_refuses_parts_of_another_vocabulary(write_version):
    folder, other = write_version(n_items=30), write_version(n_items=31)
    shutil.copy(other / "popularity" / "counts.npy", folder / "popularity")
    edit_manifest(folder, files={})
    with pytest.raises(ArtifactError, match="knows 31 items, the vocabulary 30"):
        load(folder)


def test_load_refuses_an_array_of_the_same_size(write_version):
    path = write_version() / "popularity" / "counts.npy"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"counts\.npy is not what was written; publish a new"):
        load(path.parent.parent)


def test_of_large_versions_only_sizes_are_looked_at(write_version, monkeypatch):
    """Arrays of a million products are not read in full by every command."""
    path = write_version() / "popularity" / "counts.npy"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(artifact_module, "ALWAYS_HASHED_BYTES", 100)
    assert load(path.parent.parent).popularity[-1] == 0
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        load(path.parent.parent)


def test_a_way_back_is_advised_only_where_there_is_one(write_version):
    (write_version(day=0) / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"publish a new model with `recommender nightly`$"):
        load(write_version(day=0))
    write_version(day=1)
    with pytest.raises(ArtifactError, match=r"or go back with `recommender models rollback`$"):
        load(write_version(day=0))


def test_load_names_what_another_version_did_not_write(write_version):
    folder = write_version()
    (folder / "popularity" / "counts.npy").rename(folder / "popularity" / "older.npy")
    edit_manifest(folder, files={})
    with pytest.raises(ArtifactError, match=r"another version .* lacks 'counts'; publish"):
        load(folder)


def test_a_failed_write_leaves_nothing(models_dir):
    class Unwritable(Popularity):
        def save(self, folder):
            folder.mkdir()
            (folder / "counts.npy").write_bytes(b"half")
            raise OSError(28, "No space left on device")

    model = Unwritable(2)
    model.counts_ = np.array([1, 1])
    with pytest.raises(ArtifactError, match="No space left on device"):
        write_artifact(
            models_dir,
            parts={"popularity": model},
            vocabulary=Vocabulary(["a", "b"]),
            settings=Settings(),
            report={},
            data={},
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            main="popularity",
        )
    assert [path.name for path in models_dir.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": {}}, "parts needs 'softmax'"),
        ({"main": "popularity", "vocabulary": Vocabulary(["a"])}, "knows 2 items, the vocabulary"),
        ({"main": "popularity", "created_at": datetime(2026, 1, 1)}, "needs a time zone"),  # noqa: DTZ001
    ],
)
def test_write_refuses_a_callers_mistake(models_dir, changes, message):
    model = Popularity(2)
    model.counts_ = np.array([1, 1])
    arguments = {
        "parts": {"popularity": model},
        "vocabulary": Vocabulary(["a", "b"]),
        "settings": Settings(),
        "report": {},
        "data": {},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    with pytest.raises(ValueError, match=message):
        write_artifact(models_dir, **{**arguments, **changes})


def test_stale_staging_is_swept(models_dir, write_version):
    stale = models_dir / ".staging-dead"
    stale.mkdir(parents=True)
    (stale / "half.npy").write_bytes(b"1")
    write_version()
    assert not stale.exists()


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


TRAINING = {"tensorflow", "keras", "gensim", "pandas", "narwhals", "duckdb", "pyarrow", "scipy"}


def test_answering_loads_nothing_for_training(write_version):
    folder = str(write_version())
    used = modules_after(
        f"import recommender; recommender.load({folder!r}).recommend(['item 1', 'x'], k=10)"
    )
    assert "numpy" in used
    assert not used & TRAINING


@pytest.mark.parametrize("package", ["recommender", "webapp"])
def test_importing_the_packages_loads_nothing_for_training(package):
    assert not modules_after(f"import {package}") & TRAINING
