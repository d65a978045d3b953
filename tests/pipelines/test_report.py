"""What a report takes from the workspace beside the figures."""

import json
from pathlib import Path

import pytest

from pipelines.report import product_lookup, refused_rows, write_files
from recommender.errors import CatalogError, DataError
from recommender.settings import Settings
from recommender.workspace import Workspace
from tests.small_shop import make_shop


def test_refused_rows_of_all_imports_by_reason(tmp_path: Path) -> None:
    assert refused_rows(tmp_path / "rejected") == {}
    (tmp_path / "a.ndjson").write_text(
        "".join(json.dumps({"reason": reason, "text": "é"}) + "\n"
                for reason in ("missing_item_id", "bad_event_time", "missing_item_id")),
        "utf-8",
    )  # fmt: skip
    (tmp_path / "b.ndjson").write_text('{"reason": "bad_event_time"}\nno json\n[]\n{"reason": 3}\n')
    (tmp_path / ".c.unfinished").write_text('{"reason": "bad_event_time"}\n')
    assert refused_rows(tmp_path) == {
        "unreadable": {"rows": 3, "meaning": "the reason cannot be read"},
        "missing_item_id": {"rows": 2, "meaning": "an item has no id"},
        "bad_event_time": {"rows": 2, "meaning": "the time cannot be read"},
    }
    (tmp_path / "d.ndjson").mkdir()
    with pytest.raises(DataError, match=r"d\.ndjson cannot be read"):
        refused_rows(tmp_path)


def test_products_come_from_the_catalog_if_there_is_one(tmp_path: Path) -> None:
    assert product_lookup(Workspace(tmp_path / "none"), Settings())("SKU 01/a") is None
    assert not (tmp_path / "none").exists(), "looking makes no catalog"
    workspace = make_shop(tmp_path / "shop")
    found = product_lookup(workspace, Settings())("SKU 01/a")
    assert found is not None
    assert found.title == "Ash table no. 1"
    workspace.catalog_path.write_bytes(b"no catalog" * 999)
    with pytest.raises(CatalogError, match="no sound catalog"):
        product_lookup(workspace, Settings())


def test_files_are_written_whole_or_not(tmp_path: Path) -> None:
    write_files(tmp_path / "new" / "deep", {"a.txt": "one", "b.txt": "日本"})
    assert (tmp_path / "new" / "deep" / "b.txt").read_text("utf-8") == "日本"
    assert len(list((tmp_path / "new" / "deep").iterdir())) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file cannot be written"):
        write_files(tmp_path / "file", {"a.txt": "one"})
