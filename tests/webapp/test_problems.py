"""One shape for every error."""

import logging
import shutil

import pytest
from flask import Flask

from recommender.catalog import sqlite_readers
from webapp.problems import ProblemError, register_problems


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/items", 405, "method-not-allowed"),
        ("GET", "/v1/events", 405, "method-not-allowed"),
        ("GET", "/v1/items?x=1", 400, "invalid-request"),
    ],
)
def test_the_members_of_a_problem(client, method, path, status, kind):
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body = answer.json
    assert (body["type"], body["status"]) == (kind, status)
    assert body["instance"] == path.partition("?")[0]
    assert body["title"]
    assert body["detail"]


def test_405_names_what_is_allowed(client):
    assert "POST" in client.get("/v1/events").headers["Allow"]


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(app, caplog):
    """A route that fails stands for a bug: none is known to ask for."""

    def fail() -> str:
        raise RuntimeError("secret")

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail?visitor_id=v1")

    assert (answer.status_code, answer.json["type"]) == (500, "internal-error")
    assert "secret" not in answer.text
    assert "secret" in caplog.text
    assert "visitor_id" not in caplog.text


def test_without_a_model(workspace, open_app):
    shutil.rmtree(workspace.models_dir)
    client = open_app(workspace).test_client()

    answer = client.get("/v1/recommendations")
    assert (answer.status_code, answer.json["type"]) == (503, "model-not-ready")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/").status_code == 200
    assert client.get("/v1/items").status_code == 200


def test_with_a_catalog_that_was_never_readable(workspace, open_app):
    workspace.catalog_path.write_bytes(b"this is no database" * 100)
    client = open_app(workspace).test_client()

    for path in ("/v1/recommendations", "/v1/items", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable"), path
    assert client.get("/").status_code == 503
    assert client.get("/livez").status_code == 200


def test_a_search_that_takes_too_long(client, monkeypatch):
    monkeypatch.setattr(sqlite_readers, "SEARCH_WITHIN_S", 0.0)
    answer = client.get("/v1/items", query_string={"q": "oak"})
    assert (answer.status_code, answer.json["type"]) == (503, "search-too-slow")
    assert "name fewer words or conditions" in answer.json["detail"]
    assert "Retry-After" not in answer.headers
    monkeypatch.undo()
    assert client.get("/v1/items", query_string={"q": "oak"}).json["total"] > 0


def test_every_kind_has_its_status(caplog):
    app = Flask("kinds")
    register_problems(app)
    with app.test_request_context("/x"), caplog.at_level(logging.ERROR):
        assert ProblemError("forbidden-origin", "No.").response().status_code == 403
        assert ProblemError("log-unavailable", "No.").response().status_code == 503
