import json

import numpy as np
import pytest

from recommender.errors import ArtifactError
from recommender.serving.artifact import load
from recommender.serving.check import check_artifact, check_in_clean_process, main
from recommender.serving.golden import check_golden
from recommender.serving.manifest import FileEntry, checksum


def sign(folder, name):
    """Write the manifest that fits a changed file."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    entry = FileEntry(sha256=checksum(folder / name), bytes=(folder / name).stat().st_size)
    manifest["files"][name] = entry.model_dump()
    path.write_text(json.dumps(manifest))


def test_a_good_artifact_passes(write_version, capsys):
    folder = write_version()
    check_in_clean_process(folder)
    assert main([str(folder)]) == 0
    assert f"{folder.name} answers as it did" in capsys.readouterr().out


def test_usage(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["vocabulary.json", "report.json", "golden.json", "popularity/counts.npy"]
)
def test_one_flipped_bit_is_found(write_version, name):
    folder = write_version()
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError):
        check_artifact(folder)


def test_a_wrong_golden_answer_is_refused_in_a_clean_process(write_version):
    folder = write_version()
    golden = json.loads((folder / "golden.json").read_text())
    golden["queries"][3]["scores"][2] += 1e-3
    (folder / "golden.json").write_text(json.dumps(golden))
    sign(folder, "golden.json")
    with pytest.raises(ArtifactError, match=f"{folder.name} failed its check .*golden query 3"):
        check_in_clean_process(folder)


def test_arrays_of_another_version_are_refused(write_version):
    folder = write_version()
    path = folder / "popularity" / "counts.npy"
    np.save(path, np.load(path)[::-1].copy())
    sign(folder, "popularity/counts.npy")
    with pytest.raises(ArtifactError, match="its arrays and settings are"):
        check_artifact(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query["ids"].reverse(),
        lambda query: query["ids"].pop(),
        lambda query: query["scores"].pop(),
        lambda query: query["ids"].__setitem__(0, "an item that is gone"),
        lambda query: query["scores"].__setitem__(0, float("nan")),
        lambda query: query.pop("items"),
    ],
)
def test_every_way_a_golden_answer_may_differ(write_version, change):
    artifact = load(write_version())
    path = artifact.folder / "golden.json"
    golden = json.loads(path.read_text())
    change(golden["queries"][-1])
    path.write_text(json.dumps(golden))
    with pytest.raises(ArtifactError):
        check_golden(path, artifact.model, artifact.vocabulary)


def test_equal_items_may_change_places(write_version):
    artifact = load(write_version())
    path = artifact.folder / "golden.json"
    golden = json.loads(path.read_text())
    query = golden["queries"][0]
    # A machine that sums in another order may swap two items whose scores differ in the last bit.
    model = artifact.parts["popularity"]
    model.counts_ = np.asarray(model.counts_).copy()
    model.counts_[1] = model.counts_[0]
    golden["queries"] = [query]
    smoothed = np.sort(model.counts_ + 1.0)[::-1][:10]
    query["scores"] = np.log(smoothed / (model.counts_ + 1.0).sum()).tolist()
    query["ids"][:2] = query["ids"][1], query["ids"][0]
    path.write_text(json.dumps(golden))
    assert check_golden(path, model, artifact.vocabulary) == 1


def test_a_process_that_cannot_find_the_folder(tmp_path):
    with pytest.raises(ArtifactError, match="failed its check and is not used: no model at"):
        check_in_clean_process(tmp_path / "gone")
