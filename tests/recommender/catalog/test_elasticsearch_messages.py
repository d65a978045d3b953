"""What goes wrong with an Elasticsearch is told in one sentence, with the next step."""

import subprocess
import time
from contextlib import closing

import pytest

pytest.importorskip("elasticsearch")

from recommender.catalog import elasticsearch_client
from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_rebuild import rebuild
from recommender.catalog.product import Product, ProductPatch
from recommender.errors import CatalogError, SettingsError
from recommender.settings import ElasticsearchSettings
from tests.small_elasticsearch import ROOT_9, error, server


def catalog_at(*hosts: str, **settings) -> ElasticsearchCatalog:
    known = ElasticsearchSettings(hosts=list(hosts), **settings)
    return ElasticsearchCatalog(known, create=False)


def problem_of(catalog: ElasticsearchCatalog) -> str:
    with closing(catalog), pytest.raises(CatalogError) as caught:
        catalog.count()
    health = catalog.health()
    assert (health.status, health.problem) == ("unavailable", str(caught.value))
    return str(caught.value)


def test_a_server_of_version_8():
    def answer(method, path, headers):
        if "compatible-with=9" in headers.get("accept", ""):
            return error(400, "media_type_header_exception", "Invalid media-type value on header")
        return 200, {"version": {"number": "8.19.1"}}

    with server(answer) as address:
        problem = problem_of(catalog_at(address))
    assert f"{address} is version 8.19.1" in problem
    assert "the installed client 9." in problem
    assert problem.endswith("upgrade the server to 9.x")


def test_a_build_that_does_not_answer_the_root_path():
    def answer(method, path, headers):
        if path == "/":
            return error(405, "x", "Incorrect HTTP method for uri [/] and method [GET]")
        if path == "/_nodes/_local":
            return 200, {"nodes": {"abc": {"version": "9.2.4"}}}
        return 200, {"count": 7}

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        assert catalog.count() == 7


def test_a_wrong_password(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "wrong")

    def answer(method, path, headers):
        assert headers["authorization"].startswith("Basic ")
        return error(401, "security_exception", "unable to authenticate user [me] for REST request")

    with server(answer) as address:
        problem = problem_of(catalog_at(address, user="me", password_env="SHOP_PASSWORD"))
    assert "refuses user me with the password in SHOP_PASSWORD" in problem
    assert "wrong" not in problem


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("api key is expired", "the API key in SHOP_KEY has expired; make a new one"),
        ("invalid credentials for API key [x]", "refuses the API key in SHOP_KEY"),
    ],
)
def test_api_keys(monkeypatch, reason, words):
    monkeypatch.setenv("SHOP_KEY", "c2VjcmV0OmtleQ==")

    def answer(method, path, headers):
        assert headers["authorization"] == "ApiKey c2VjcmV0OmtleQ=="
        return error(401, "security_exception", reason)

    with server(answer) as address:
        problem = problem_of(catalog_at(address, api_key_env="SHOP_KEY"))
    assert words in problem
    assert "c2VjcmV0" not in problem


def test_nobody_said_who_we_are():
    with server(lambda *_: error(401, "security_exception", "missing credentials")) as address:
        assert "set catalog.elasticsearch.user and password_env" in problem_of(catalog_at(address))


def test_a_secret_that_is_not_set(monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    catalog = catalog_at("http://127.0.0.1:9", api_key_env="SHOP_KEY")
    with pytest.raises(SettingsError, match="names the environment variable SHOP_KEY"):
        catalog.count()
    assert "SHOP_KEY" in str(catalog.health().problem)


def test_what_the_user_may_not_do():
    def answer(method, path, headers):
        if path == "/":
            return 200, ROOT_9
        return error(403, "security_exception", "action [indices:data/read/search] is unauthorized")

    with server(answer) as address:
        assert "grant the user or API key" in problem_of(catalog_at(address))


def test_what_the_server_says_stands_inside_our_sentence():
    cause = {"type": "x", "reason": "no node\nleft."}
    said = {"type": "y", "reason": "index [products-1] blocked by: [x];", "caused_by": cause}

    def answer(method, path, headers):
        return (200, ROOT_9) if path == "/" else (503, {"error": said, "status": 503})

    with server(answer) as address:
        problem = problem_of(catalog_at(address))
    assert "(index [products-1] blocked by: [x]: no node left); try again later" in problem


READ_ONLY = (
    "index [products-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage "
    "watermark, index has read-only-allow-delete block];"
)


def test_a_disk_that_is_nearly_full():
    def answer(method, path, headers):
        if path == "/":
            return 200, ROOT_9
        if path.startswith("/products/_mget"):
            return 200, {"docs": [{"_id": "a", "found": False}]}
        if path.startswith("/_bulk"):
            kind = {"type": "cluster_block_exception", "reason": READ_ONLY}
            item = {"index": {"_id": "a", "status": 429, "error": kind}}
            return 200, {"errors": True, "items": [item]}
        return 200, {}

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        begun = time.monotonic()
        with pytest.raises(CatalogError, match=r"disk is nearly full \(flood-stage watermark\)"):
            catalog.upsert([Product(id="a", title="A")])
        # It is not waited for: nothing but a person frees a disk.
        assert time.monotonic() - begun < 5


def test_of_a_bulk_in_parts_only_what_was_put_off_is_sent_again(monkeypatch):
    """Each product is a part of its own; the second is refused as a whole, once."""
    said = iter(["a", "busy", "b", "c"])
    monkeypatch.setattr(elasticsearch_client, "_CHUNK_BYTES", 1)

    def answer(method, path, headers):
        if path.startswith("/products/_mget"):
            return 200, {"docs": [{"_id": item_id, "found": False} for item_id in "abc"]}
        if not path.startswith("/_bulk"):
            return answer_well(method, path, headers)
        if (item_id := next(said)) == "busy":
            return error(429, "es_rejected_execution_exception", "rejected execution")
        return 200, {"errors": False, "items": [{"index": {"_id": item_id, "status": 201}}]}

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        counts = catalog.upsert([Product(id=item_id, title=item_id) for item_id in "abc"])
    assert (counts.added, counts.errors, next(said, None)) == (3, (), None)


def test_what_failed_first_is_told_where_cleaning_up_fails_too():
    """The new index cannot be filled, and neither taken away: the server is full."""
    name, cleaned = "products-00000000t000000000000z", []

    def answer(method, path, headers):
        if path == "/":
            return 200, ROOT_9
        if path.startswith("/_alias"):
            return 200, {name: {"aliases": {"products": {}}}}
        if "_count" in path:
            return 200, {"count": 7}
        if "_stats" in path:
            return error(503, "x", "the first failure")
        if method == "DELETE" or path.endswith("/_settings"):
            cleaned.append(method)
            return error(500, "x", "another failure")
        return 200, {name: {"settings": {"index": {"uuid": "u"}}}}

    with (
        server(answer) as address,
        closing(catalog_at(address)) as catalog,
        pytest.raises(CatalogError, match="the first failure"),
    ):
        rebuild(catalog)
    assert sorted(cleaned) == ["DELETE", "PUT"]


def test_no_server_and_no_elasticsearch_and_no_index():
    with server(lambda *_: (200, ROOT_9)) as address:
        pass
    assert "cannot be reached" in problem_of(catalog_at(address))

    def answer(method, path, headers):
        if path == "/":
            return 200, ROOT_9
        return error(404, "index_not_found_exception", "no such index [products]")

    with server(answer) as address:
        assert "run: recommender import items FILE" in problem_of(catalog_at(address))


@pytest.mark.parametrize("with_alias", [True, False])
def test_an_index_that_another_process_has_just_made(with_alias):
    asked: list[str] = []

    def answer(method, path, headers):
        path = path.partition("?")[0]
        asked.append(f"{method} {path}")
        if method == "HEAD":
            there = with_alias and any(one.startswith("PUT") for one in asked)
            return (200 if there and path.startswith("/_alias") else 404), {}
        if method == "PUT":
            return error(400, "resource_already_exists_exception", "index [x] already exists")
        return answer_well(method, path, headers)

    with server(answer) as address:
        known = ElasticsearchSettings(hosts=[address])
        with closing(ElasticsearchCatalog(known)) as catalog:
            if with_alias:
                assert catalog.count() == 3
            else:
                with pytest.raises(CatalogError, match="run: recommender index --rebuild"):
                    catalog.count()
    # One name for all who are first.
    assert "PUT /products-00000000t000000000000z" in asked


def test_a_rebuild_that_was_cut_off(monkeypatch):
    kind = {
        "type": "cluster_block_exception",
        "reason": "index [products-1] blocked by: [FORBIDDEN/8/index write (api)];",
    }
    shard = {"routing": {"primary": True}, "seq_no": {"global_checkpoint": 3}}
    answers = {
        "/": ROOT_9,
        "/products/_mget": {"docs": [{"_id": "a", "found": False}]},
        "/_bulk": {
            "errors": True,
            "items": [{"index": {"_id": "a", "status": 403, "error": kind}}],
        },
        "/products/_stats/docs": {
            "indices": {"products-1": {"uuid": "u", "shards": {"0": [shard]}}}
        },
        "/_cluster/health/products-1": {"status": "green"},
        "/products-1/_settings": {
            "products-1": {"settings": {"index": {"blocks": {"write": "true"}}}}
        },
    }
    monkeypatch.setattr(elasticsearch_client, "_WAITS_S", (0.01,))
    said = "where none runs, run: recommender index --rebuild"
    with (
        server(lambda _, path, __: (200, answers.get(path.partition("?")[0], {}))) as address,
        closing(catalog_at(address)) as catalog,
    ):
        with pytest.raises(CatalogError, match=said):
            catalog.upsert([Product(id="a", title="A")])
        health = catalog.health()
        assert health.status == "degraded"
        assert said in str(health.problem)
        answers["/products-1/_settings"] = {"products-1": {"settings": {"index": {}}}}
        assert catalog.health().status == "ok"


def test_a_write_is_refreshed_if_there_was_one_and_its_own_failure_is_told():
    refreshed: list[str] = []
    taken = {"index": {"_id": "a", "status": 201}}
    full = {"_id": "a", "status": 429, "error": {"type": "x", "reason": READ_ONLY}}
    there, items = {"_id": "a", "found": False}, [taken]

    def answer(method, path, headers):
        if path.startswith("/products/_mget"):
            return 200, {"docs": [there]}
        if path.startswith("/_bulk"):
            return 200, {"errors": items != [taken], "items": items}
        if "_refresh" in path:
            refreshed.append(path)
            return error(503, "x", "no shard answers") if items != [taken] else (200, {})
        return answer_well(method, path, headers)

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        assert catalog.delete(["a"]).deleted == 0
        assert catalog.patch([ProductPatch(id="a", price=1)]).unknown == 1
        assert refreshed == []
        assert catalog.upsert([Product(id="a", title="A")]).added == 1
        assert refreshed == ["/products/_refresh"]
        items[0] = {"index": full}
        with pytest.raises(CatalogError, match="disk is nearly full"):
            catalog.upsert([Product(id="a", title="A")])
        assert len(refreshed) == 2


def test_an_index_whose_primary_recovers():
    shard = {"routing": {"primary": True, "state": "INITIALIZING"}}

    def answer(method, path, headers):
        if path == "/":
            return 200, ROOT_9
        stats = {"uuid": "u", "shards": {"0": [shard]}}
        return 200, {"indices": {"products-1": stats}}

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        with pytest.raises(CatalogError, match="index products-1 is not started; look at it"):
            catalog.change_cursor()
        assert "is not started" in str(catalog.health().problem)


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([], "the index behind products has not started yet; where that lasts, look at the server"),
        (["products-1", "products-2"], "the alias products stands for 2 indices; leave it on one"),
    ],
)
def test_an_alias_that_stands_for_no_started_index_or_for_two(indices, words):
    def answer(method, path, headers):
        found = {index: {"uuid": index, "shards": {}} for index in indices}
        return 200, ROOT_9 if path == "/" else {"indices": found}

    with server(answer) as address, closing(catalog_at(address)) as catalog:
        with pytest.raises(CatalogError, match=words):
            catalog.change_cursor()
        assert words in str(catalog.health().problem)


def test_a_server_that_does_not_answer_in_time():
    def answer(method, path, headers):
        time.sleep(1)
        return 200, ROOT_9

    with server(answer) as address:
        begun = time.monotonic()
        problem = problem_of(catalog_at(address, timeout_s=0.1))
        assert time.monotonic() - begun < 5
    assert "catalog.elasticsearch.timeout_s (now 0.1)" in problem


def answer_well(method, path, headers):
    return 200, ROOT_9 if path == "/" else {"count": 3}


def test_a_write_has_a_time_limit_of_its_own():
    def answer(method, path, headers):
        if path.startswith("/products/_mget"):
            time.sleep(1)
        return answer_well(method, path, headers)

    known = ElasticsearchSettings(hosts=["http://127.0.0.1:9"])
    with server(answer) as address:
        hosts = known.model_copy(update={"hosts": [address]})
        with closing(ElasticsearchCatalog(hosts, create=False, write_within_s=0.1)) as catalog:
            assert catalog.count() == 3
            begun = time.monotonic()
            with pytest.raises(CatalogError, match="did not answer in time"):
                catalog.upsert([Product(id="a", title="A")])
            assert time.monotonic() - begun < 5


def test_a_server_that_is_none():
    with server(lambda *_: (200, {"hello": "world"})) as address:
        assert "is no Elasticsearch; set catalog.elasticsearch.hosts" in problem_of(
            catalog_at(address)
        )


def test_another_host_answers_when_one_is_down():
    with server(answer_well) as down:
        pass
    with server(answer_well) as address, closing(catalog_at(down, address)) as catalog:
        assert [catalog.count() for _ in range(5)] == [3] * 5


def new_certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    paths = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", str(paths[0]), "-keyout", str(paths[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


@pytest.fixture
def certificate(tmp_path):
    return new_certificate(tmp_path)


def test_a_certificate_of_the_named_authority(certificate):
    with (
        server(answer_well, *certificate) as address,
        closing(catalog_at(address, ca_file=str(certificate[0]))) as catalog,
    ):
        assert catalog.count() == 3


def test_several_hosts_an_api_key_and_an_authority_at_once(certificate, monkeypatch):
    """What a hosted server asks for, in reads and in writes, while one of its hosts is down."""
    monkeypatch.setenv("SHOP_KEY", "c2VjcmV0OmtleQ==")
    asked: list[str] = []

    def answer(method, path, headers):
        asked.append(f"{method} {path.partition('?')[0]}")
        if headers.get("authorization") != "ApiKey c2VjcmV0OmtleQ==":
            return error(401, "security_exception", "missing credentials")
        if path.startswith("/products/_mget"):
            return 200, {"docs": [{"_id": "a", "found": False}]}
        if path.startswith("/_bulk"):
            return 200, {"errors": False, "items": [{"index": {"_id": "a", "status": 201}}]}
        return answer_well(method, path, headers)

    with server(answer_well, *certificate) as down:
        pass
    with (
        server(answer, *certificate) as address,
        closing(
            catalog_at(down, address, api_key_env="SHOP_KEY", ca_file=str(certificate[0]))
        ) as catalog,
    ):
        assert catalog.count() == 3
        assert catalog.upsert([Product(id="a", title="A")]).added == 1
    assert {"GET /", "POST /products/_count", "PUT /_bulk"} <= set(asked)


def test_a_certificate_of_another_authority(certificate, tmp_path):
    (tmp_path / "other").mkdir()
    other, _ = new_certificate(tmp_path / "other")
    with server(answer_well, *certificate) as address:
        problem = problem_of(catalog_at(address))
        told = problem_of(catalog_at(address, ca_file=str(other)))
    assert "shows a certificate that the system's authorities did not sign" in problem
    assert f"shows a certificate that {other} did not sign" in told
    assert "set catalog.elasticsearch.ca_file" in problem
    missing = catalog_at("https://127.0.0.1:9", ca_file=str(tmp_path / "no.pem"))
    with pytest.raises(SettingsError, match=r"no\.pem is no file"):
        missing.count()


def test_http_where_https_is_asked():
    with server(answer_well) as address:
        problem = problem_of(catalog_at(address.replace("http:", "https:")))
    assert "is it http instead of https?" in problem
