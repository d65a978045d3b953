"""`recommender serve` as a user starts it: a real process on a real port."""

import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from recommender.serving.versions import publish
from tests.small_shop import environment, id_of, logged, serve_command, wait_for, write_model

VIEW = {"event_name": "view_item", "items": [{"item_id": "A"}], "visitor_id": "v"}


def test_it_says_where_it_answers_and_ends_by_ctrl_c(start, workspace):
    server = start(workspace.root)
    assert server.call("/readyz")[1]["catalog"]["products"] == 36

    code, said = server.end(signal.SIGINT)

    assert code == 130
    assert f"at {server.url} (Ctrl-C ends it)" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("workers", [1, 2])
def test_it_says_so_when_it_answers_and_not_before(workspace, workers):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = serve_command("-w", workspace.root, "--port", port, "--workers", workers)
    with subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        said = [process.stderr.readline() for _ in range(2)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/livez")
        status = connection.getresponse().status
        connection.close()
        process.send_signal(signal.SIGTERM)
        said.append(process.stderr.read())

    assert status == 200
    url = f"http://127.0.0.1:{port}"
    told = f"Serving {workspace.root.resolve()} at {url} (Ctrl-C ends it).\n"
    assert said[:2] == ["Starting…\n", told]
    assert "threads" not in said[2], "the server under it has no advice to give"


def test_every_process_writes_its_own_log_and_a_service_manager_can_end_it(start, workspace):
    server = start(workspace.root, "--workers", 2)
    for _ in range(40):
        assert server.call("/v1/events", VIEW)[1]["accepted"] == 1

    code, said = server.end(signal.SIGTERM)

    files = list(workspace.events_dir.glob("*/*.ndjson"))
    assert (code, "Traceback" in said) == (0, False)
    assert len(logged(workspace)) == 40
    assert len({path.stem.rpartition("-")[2] for path in files}) == len(files) <= 2


def test_a_worker_that_is_killed_gets_a_successor(start, workspace):
    server = start(workspace.root)
    server.call("/v1/events", VIEW)
    os.kill(_writer(workspace), signal.SIGKILL)

    wait_for(lambda: _answers(server))
    assert server.call("/v1/events", VIEW)[1]["accepted"] == 1

    assert server.end(signal.SIGTERM)[0] == 0
    assert len(logged(workspace)) == 2


def _writer(workspace) -> int:
    """The process whose file is in the event log."""
    (path,) = workspace.events_dir.glob("*/*.ndjson")
    return int(path.stem.rpartition("-")[2])


def _answers(server) -> bool:
    try:
        return server.call("/livez")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@pytest.mark.slow
def test_no_call_fails_while_models_change(start, workspace):
    """At least 200 calls over two changes; an answer is one model's, never a mixture."""
    server = start(workspace.root)
    folders = [write_model(workspace, day, best=10 * day) for day in (1, 2)]
    answers: list[tuple[int, dict]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set() or len(answers) < 200:
            answers.append(server.call("/v1/recommendations?limit=1"))

    def is_live(version: str) -> bool:
        return bool(answers) and answers[-1][1]["model"]["version"] == version

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        for folder in folders:
            publish(workspace.models_dir, folder, keep=5)
            wait_for(functools.partial(is_live, folder.name))
    finally:
        ended.set()
        for caller in callers:
            caller.join()

    assert len(answers) >= 200
    assert {status for status, _ in answers} == {200}
    seen = {(body["model"]["version"], body["items"][0]["id"]) for _, body in answers}
    assert len(seen) == 3
    assert seen >= {(folders[0].name, id_of(10)), (folders[1].name, id_of(20))}


def run(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        serve_command(*arguments),
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_taken_port_is_a_sentence(workspace):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        code, said = run("--workspace", workspace.root, "--port", port)

    assert code == 1
    assert f"port {port} of 127.0.0.1 is taken" in said
    assert "--port" in said


def test_a_second_service_does_not_share_the_port_of_the_first(start, workspace):
    server = start(workspace.root)

    assert run("--workspace", workspace.root, "--port", server.port)[0] == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "shop.example", "::"])
def test_other_addresses_than_loopback_are_refused(workspace, host):
    code, said = run("--workspace", workspace.root, "--host", host)

    assert code == 2
    assert f"serve.host is {host}" in said


def test_a_folder_that_is_no_workspace_is_left_alone(tmp_path):
    code, said = run("--workspace", tmp_path)

    assert code == 1
    assert "recommender init" in said
    assert not list(tmp_path.iterdir())


def test_serving_loads_no_heavy_library(workspace):
    """What a process has loaded once it answered."""
    script = (
        "import sys, webapp\n"
        "from webapp.commands import serve\n"
        "assert not {'flask', 'numpy'} & set(sys.modules)\n"
        "app = webapp.create_app(sys.argv[1])\n"
        "assert app.test_client().get('/v1/recommendations').status_code == 200\n"
        "heavy = {'tensorflow', 'keras', 'gensim', 'pandas', 'duckdb', 'pyarrow', 'narwhals',\n"
        "         'scipy', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(workspace.root)],
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
