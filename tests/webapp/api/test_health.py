"""`/livez` and `/readyz`."""

import shutil

from tests.small_shop import wait_for


def test_livez_is_the_process_only(workspace, open_app):
    shutil.rmtree(workspace.models_dir)
    workspace.catalog_path.unlink()

    assert open_app(workspace).test_client().get("/livez").json == {"status": "ok"}


def test_ready_with_model_and_catalog(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert body["status"] == "ready"
    assert body["model"]["name"] == "popularity"
    assert body["catalog"] == {"status": "ok", "products": 36, "problem": None}


def test_not_ready_without_a_model(workspace, open_app):
    shutil.rmtree(workspace.models_dir)
    answer = open_app(workspace).test_client().get("/readyz")

    assert (answer.status_code, answer.json["type"]) == (503, "model-not-ready")
    assert answer.json["model"]["status"] == "missing"
    assert answer.json["catalog"]["products"] == 36


def test_ready_with_the_last_known_products(workspace, open_app):
    client = open_app(workspace).test_client()
    for path in workspace.root.glob("catalog.sqlite*"):
        path.unlink()
    workspace.catalog_path.write_bytes(b"this is no database" * 100)

    wait_for(lambda: client.get("/readyz").json["catalog"]["status"] == "stale")

    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["catalog"]["products"] == 36
    assert "no sound catalog" in answer.json["catalog"]["problem"]
    assert client.get("/v1/recommendations").json["items"][0]["title"]
