"""A new model and changed products are picked up while the service answers."""

import logging

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.serving import shelf
from recommender.serving.versions import publish
from tests.small_shop import id_of, make_product, wait_for, write_model


def best(client) -> str:
    return client.get("/v1/recommendations?limit=1").json["items"][0]["id"]


def version(client) -> str:
    return client.get("/readyz").json["model"]["version"]


def test_a_published_model_answers_within_a_second(client, workspace):
    assert best(client) == id_of(0)
    folder = write_model(workspace, day=1, best=10)
    publish(workspace.models_dir, folder, keep=5)

    wait_for(lambda: version(client) == folder.name, seconds=1.0)

    assert best(client) == id_of(10)


def test_a_new_model_is_visible_only_when_nothing_is_left_to_prepare(
    client, workspace, monkeypatch
):
    folder = write_model(workspace, day=1, best=10)
    publish(workspace.models_dir, folder, keep=5)
    wait_for(lambda: version(client) == folder.name)

    monkeypatch.delattr(shelf, "Shelf")

    assert best(client) == id_of(10)


def test_a_broken_model_leaves_the_old_one_answering(client, workspace, caplog):
    folder = write_model(workspace, day=1, best=10)
    (folder / "vocabulary.json").write_text("[]")
    (workspace.models_dir / "next").symlink_to(folder.name)
    (workspace.models_dir / "next").rename(workspace.models_dir / "current")

    with caplog.at_level(logging.ERROR):
        wait_for(lambda: client.get("/readyz").json["model"]["status"] == "stale")

    assert best(client) == id_of(0)
    assert folder.name in client.get("/readyz").json["model"]["problem"]
    assert caplog.text.count("is not used") == 1

    publish(workspace.models_dir, write_model(workspace, day=2, best=20), keep=5)
    wait_for(lambda: best(client) == id_of(20))
    assert client.get("/readyz").json["model"]["problem"] is None


def test_the_first_model_needs_no_restart(workspace, open_app):
    (workspace.models_dir / "current").unlink()
    client = open_app(workspace).test_client()
    assert client.get("/v1/recommendations").status_code == 503

    publish(workspace.models_dir, write_model(workspace, day=1), keep=5)

    wait_for(lambda: client.get("/v1/recommendations").status_code == 200)


def test_a_catalog_that_goes_away_leaves_the_last_products(client, workspace):
    workspace.catalog_path.unlink()

    wait_for(lambda: client.get("/readyz").json["catalog"]["status"] == "stale")

    assert not workspace.catalog_path.exists()
    items = client.get("/v1/recommendations?limit=30").json["items"]
    assert id_of(3) not in [item["id"] for item in items]
    assert items[0]["title"] == "Oak chair no. 0"

    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.upsert([make_product(1), make_product(2)])
    catalog.close()
    wait_for(lambda: best(client) == id_of(1))


def test_a_product_that_sells_out_is_no_longer_recommended(client, workspace):
    assert best(client) == id_of(0)
    catalog = EmbeddedCatalog(workspace.catalog_path)
    (product,) = catalog.get([id_of(0)])

    catalog.upsert([product.model_copy(update={"availability": "out_of_stock"})])
    catalog.close()

    wait_for(lambda: best(client) == id_of(1))
