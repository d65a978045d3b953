"""`recommender index`, and a feed into Elasticsearch, as a user calls them."""

import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("elasticsearch")

from pipelines.commands.import_ import import_
from pipelines.commands.index import index
from pipelines.commands.recommend import recommend
from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import INDEX
from recommender.catalog.elasticsearch_index import new_index_name
from recommender.cli import CommandGroup
from recommender.configuration import load_settings

FEED = "id\ttitle\tprice\n" + "".join(f"{n:02}\tProduct {n}\t{n}.00 EUR\n" for n in range(30))
TOOLS = {"index": index, "import": import_, "recommend": recommend}


@pytest.fixture
def run(tmp_path: Path):
    def invoke(*arguments: str):
        group = CommandGroup("recommender", commands=TOOLS)
        result = CliRunner().invoke(group, [*arguments, "-w", str(tmp_path)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke


@pytest.fixture
def catalog(tmp_path: Path, elasticsearch_url: str):
    (tmp_path / "recommender.toml").write_text(
        "[catalog]\nadapter = 'elasticsearch'\n[catalog.elasticsearch]\ntimeout_s = 30\n"
        f"hosts = ['{elasticsearch_url}']\nindex = 'test-{uuid.uuid4().hex}'\n"
    )
    known = load_settings(tmp_path / "recommender.toml").catalog.elasticsearch
    catalog = ElasticsearchCatalog(known, create=False)
    yield catalog
    client = catalog.connection.writer()
    for name in client.indices.get(index=f"{catalog.alias}-*"):
        client.indices.delete(index=name)
    catalog.close()


def test_the_embedded_catalog_has_no_index_of_its_own(run):
    for option in ("--rebuild", "--verify", "--roll-back"):
        result = run("index", option)
        assert result.exit_code == 2
        assert "catalog.adapter is embedded" in result.stderr


def test_what_is_done_one_by_one_is_not_asked_for_together(run):
    for options in (("--rebuild", "--verify"), ("--verify", "--roll-back", "--rebuild")):
        result = run("index", *options)
        assert result.exit_code == 2
        assert "give one of them" in result.stderr


@pytest.fixture
def away(tmp_path: Path) -> Path:
    path = tmp_path / "recommender.toml"
    path.write_text(
        "[catalog]\nadapter = 'elasticsearch'\n[catalog.elasticsearch]\n"
        "hosts = ['http://127.0.0.1:9']\n"
    )
    return path


def test_a_server_that_is_away(run, away):
    result = run("index", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == "unavailable"
    assert "cannot be reached" in result.stderr
    assert run("index").stdout == "Elasticsearch at http://127.0.0.1:9: unavailable\n"


def test_a_secret_that_is_not_set(run, away, monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    with away.open("a") as file:
        file.write("api_key_env = 'SHOP_KEY'\n")
    for option in ("", "--rebuild", "--verify"):
        result = run("index", *option.split())
        assert result.exit_code == 2
        assert "SHOP_KEY, which is not set" in result.stderr


@pytest.mark.elastic
def test_an_index_that_is_not_there(run, catalog):
    result = run("index")
    assert (result.exit_code, result.stdout.split(": ")[-1][:11]) == (1, "unavailable")
    assert "recommender import items FILE" in result.stderr


@pytest.mark.elastic
def test_a_feed_and_its_index(run, catalog, tmp_path):
    assert "recommender import items FILE" in run("index", "--rebuild").stderr
    feed = tmp_path / "feed.tsv"
    feed.write_text(FEED)
    assert "30 products added" in run("import", "items", str(feed)).stderr
    assert not (tmp_path / "catalog.sqlite").exists()
    assert run("index").stdout.count("30 products in") == 1

    rebuilt = json.loads(run("index", "--rebuild", "--json").stdout)
    assert rebuilt["products"] == 30
    verified = run("index", "--verify")
    assert (verified.exit_code, verified.stdout) == (0, "30 products as they should be\n")
    client = catalog.connection.client()
    doc = {"search_text": "of an earlier version"}
    client.update(index=catalog.alias, id="07", doc=doc, refresh=True)
    verified = run("index", "--verify", "--json")
    assert verified.exit_code == 4
    assert json.loads(verified.stdout)["differences"] == {"outdated": {"count": 1, "first": ["07"]}}
    assert "recommender index --rebuild" in verified.stderr
    assert run("index", "--rebuild").exit_code == 0
    assert run("index", "--verify").exit_code == 0
    catalog.delete(["08"])
    known = json.loads(run("index", "--json").stdout)
    assert (known["kept"], known["written_since"]) == ([rebuilt["index"]], 1)
    assert "; 1 product was written or taken out since that one answered" in run("index").stdout
    rolled = json.loads(run("index", "--roll-back", "--json").stdout)
    assert rolled == {"index": rebuilt["index"], "kept": known["index"], "written_since": 1}
    assert json.loads(run("index", "--json").stdout)["index"] == rebuilt["index"]
    back = run("index", "--roll-back").stdout
    assert (
        back
        == f"{known['index']} answers now; nothing was written while {rebuilt['index']} answered\n"
    )
    assert json.loads(run("index", "--json").stdout)["index"] == known["index"]


@pytest.mark.elastic
def test_what_a_rebuild_left_that_was_cut_off_is_not_called_kept(run, catalog, tmp_path):
    feed = tmp_path / "feed.tsv"
    feed.write_text(FEED)
    run("import", "items", str(feed))
    left = new_index_name(catalog.alias)
    catalog.connection.client().indices.create(index=left, **INDEX)
    known = json.loads(run("index", "--json").stdout)
    assert (known["kept"], known["unfinished"]) == ([], [left])
    assert f"{left} is unfinished: a rebuild is filling it or was cut off" in run("index").stdout
    run("index", "--rebuild")
    known = json.loads(run("index", "--json").stdout)
    assert (len(known["kept"]), known["unfinished"]) == (1, [])


@pytest.mark.parametrize("before", [(), ("--rebuild",), ("--rebuild", "--roll-back")])
def test_an_index_that_lost_its_alias(run, catalog, tmp_path, before):
    """Each command says the next one, up to that which puts it back on the index that answered."""
    feed = tmp_path / "feed.tsv"
    feed.write_text(FEED)
    run("import", "items", str(feed))
    for option in before:
        run("index", option)
    catalog.delete(["07"])
    answering, _ = catalog.indices()
    client = catalog.connection.client()
    client.indices.create(index=new_index_name(catalog.alias))
    client.indices.delete_alias(index=answering, name=catalog.alias)

    for option in ("", "--verify", "--roll-back"):
        assert "run: recommender import items FILE" in run("index", *option.split()).stderr
    refused = run("import", "items", str(feed))
    assert refused.exit_code == 1
    assert answering in refused.stderr
    assert "run: recommender index --rebuild" in refused.stderr
    rebuilt = json.loads(run("index", "--rebuild", "--json").stdout)
    assert (rebuilt["kept"], rebuilt["products"]) == (answering, 29)
    assert catalog.indices() == (rebuilt["index"], [answering])
    assert catalog.count() == 29


@pytest.mark.elastic
def test_a_feed_is_read_to_its_end_before_anything_is_written(run, catalog, tmp_path):
    feed = tmp_path / "feed.tsv"
    feed.write_text(FEED)
    assert run("import", "items", str(feed), "--dry-run").exit_code == 0
    assert "there is no catalog" in str(catalog.health().problem)

    run("import", "items", str(feed))
    cursor = catalog.change_cursor()
    feed.write_text(FEED.replace("7.00 EUR", "cheap").replace("Product 1\t", "Other\t"))
    result = run("import", "items", str(feed))
    assert result.exit_code == 4
    assert catalog.changes_since(cursor).products == []

    changed = "\n".join(line for line in FEED.splitlines() if not line.startswith("2"))
    feed.write_text(changed.replace("Product 1\t", "Other\t"))
    dry = json.loads(run("import", "items", str(feed), "--dry-run", "--json").stdout)
    counts = json.loads(run("import", "items", str(feed), "--json").stdout)
    assert (counts["changed"], counts["unchanged"], counts["withdrawn"]) == (1, 19, 10)
    assert {**dry, "dry_run": False} == counts
    assert catalog.get(["01"])[0].title == "Other"
    assert {found.availability for found in catalog.get(["20", "29"])} == {"out_of_stock"}

    feed.write_text("id\tprice\n01\t5 EUR\nunknown\t1 EUR\n")
    counts = json.loads(run("import", "items", "--partial", str(feed), "--json").stdout)
    assert (counts["changed"], counts["unknown_ids"]) == (1, ["unknown"])


@pytest.mark.elastic
def test_what_the_server_refuses_is_told(run, catalog, tmp_path):
    feed = tmp_path / "feed.jsonl"
    rows = [{"id": f"{n:03}", "title": "T", "attributes": {"a": "b"}} for n in range(40)]
    # Such a name is no text for the feed's reader to refuse, and one that the server refuses.
    rows[5]["attributes"] = {"x" * 40_000: "y"}
    feed.write_text("\n".join(map(json.dumps, rows)))
    counts = json.loads(run("import", "items", str(feed), "--json").stdout)
    assert counts["added"] == 39
    assert [error["id"] for error in counts["errors"]] == ["005"]
    result = run("import", "items", str(feed), "--set", "import.max_refused=0.01")
    assert result.exit_code == 4
    assert "the catalog refused 1 of 40 products" in result.stderr
