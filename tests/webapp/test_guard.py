"""Who may call, and the headers of every answer."""

import pytest

from webapp.guard import is_loopback


def get(client, path="/livez", **headers):
    return client.get(
        path, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]"]
)
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "shop.example", "localhost.evil.com"])
def test_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_loopback_hosts_are_answered(client, host):
    assert get(client, Host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "10.0.0.1",
        "localhost@evil.example",
        "[::1",
        "a:b:c",
        "",
    ],
)
def test_other_hosts_are_refused(client, host):
    answer = client.get("/livez", environ_overrides={"HTTP_HOST": host})

    assert (answer.status_code, answer.json["type"]) == (403, "forbidden-origin")


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:8000"])
def test_its_own_pages_may_call(client, origin):
    assert get(client, Host="127.0.0.1:8000", Origin=origin).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:8000",
        "null",
        "http://127.0.0.1:9000",
        "http://[",
    ],
)
def test_pages_of_other_sites_may_not(client, origin):
    answer = get(client, Host="127.0.0.1:8000", Origin=origin)

    assert (answer.status_code, answer.json["type"]) == (403, "forbidden-origin")


def test_a_request_from_another_sites_page_is_refused(client):
    answer = get(client, "/v1/items", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")

    assert (answer.status_code, answer.json["type"]) == (403, "forbidden-origin")


def test_a_link_from_another_site_leads_to_the_page_but_not_to_the_api(client):
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}

    assert get(client, "/", **link).status_code == 200
    assert get(client, "/v1/items", **link).status_code == 403


def test_a_request_id_is_echoed_if_it_is_one(client):
    assert get(client, X_Request_Id="a-1.B_2~").headers["X-Request-Id"] == "a-1.B_2~"


@pytest.mark.parametrize("given", ["", "a b", "ä", "<script>", "x" * 129])
def test_otherwise_the_server_makes_one(client, given):
    made = get(client, X_Request_Id=given).headers["X-Request-Id"]

    assert made != given
    assert len(made) == 24


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/livez", 200),
        ("/v1/recommendations", 200),
        ("/v1/recommendations?x=1", 400),
        ("/", 200),
        ("/nothing", 404),
        ("/widget/v1.js", 200),
        ("/shop/static/shop.css", 200),
        ("/pictures/1.svg", 200),
    ],
)
def test_every_answer_is_dressed(client, path, status):
    with client.get(path) as answer:
        assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert answer.headers["X-Request-Id"]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "script-src 'unsafe" not in policy


def test_a_refused_request_is_dressed_too(client):
    answer = get(client, Host="evil.example", X_Request_Id="r1")

    assert answer.headers["X-Request-Id"] == "r1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
