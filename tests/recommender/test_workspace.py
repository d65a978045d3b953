"""The locks of a workspace."""

import json
import threading
import time

import pytest

from recommender.errors import BusyError, DataError
from recommender.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "shop")


def test_who_holds_it_and_how_long_is_told(workspace):
    with workspace.lock("recommender train"):
        note = workspace.root / ".lock-holder"
        note.write_text(json.dumps({**json.loads(note.read_text()), "since": 0}))
        since_1970 = r"shop: recommender train, process \d+, for \d{4,} min; wait for it to end"
        with pytest.raises(BusyError, match=f"another run holds .*{since_1970}"), workspace.lock():
            pass
    with workspace.lock():
        pass
    assert [path.name for path in workspace.root.iterdir()] == [".lock"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"since": "now"}', "\ud800"])
def test_a_broken_note_hides_nothing_but_the_holder(workspace, text):
    with workspace.lock():
        note = workspace.root / ".lock-holder"
        note.write_bytes(text.encode(errors="surrogatepass"))
        with pytest.raises(BusyError, match=r"shop; wait for it to end"), workspace.lock():
            pass


def test_the_catalog_is_free_while_the_workspace_is_held(workspace):
    with (
        workspace.lock("recommender train"),
        workspace.catalog_lock("recommender import items"),
        pytest.raises(BusyError, match=r"the catalog of .*: recommender import items"),
        workspace.catalog_lock(wait_s=0),
    ):
        pass


def test_the_next_import_waits_for_the_one_before(workspace):
    holds, over = threading.Event(), []

    def hold() -> None:
        with workspace.catalog_lock("recommender import items"):
            holds.set()
            time.sleep(0.3)
            over.append(True)

    before = threading.Thread(target=hold)
    before.start()
    assert holds.wait(10)
    with workspace.catalog_lock("recommender import items", wait_s=30):
        assert over == [True]
    before.join()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"), Workspace(tmp_path / "file").lock():
        pass
