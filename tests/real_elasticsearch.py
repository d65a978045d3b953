"""A real Elasticsearch for tests, without Docker: the zip that its makers publish for their own.

The zip comes from the local Maven repository, Java from the machine. As root the server runs as a
user of its own, because it refuses to run as root.
"""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from tests.server_guard import guard

VERSION = "9.2.4"
FETCH = (
    "mvn -q dependency:get -Dtransitive=false "
    f"-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
)
_USER = "elastictest"
_READY_WITHIN_S = 180.0
_SETTINGS = """
discovery.type: single-node
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport_port}
xpack.security.enabled: {secured}
"""
_SECURED = """
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
"""

_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept to the end: another process of the test run may still use a server of ours."""


class ServerMissingError(Exception):
    """What a real server needs is not on this machine; the message says what."""


def archive() -> Path:
    """The zip of the server.

    Raises:
        ServerMissingError: If it was not fetched.
    """
    repository = Path(os.environ.get("MAVEN_REPOSITORY", Path.home() / ".m2" / "repository"))
    folder = repository / "org/elasticsearch/distribution/integ-test-zip/elasticsearch" / VERSION
    path = folder / f"elasticsearch-{VERSION}.zip"
    if not path.is_file():
        raise ServerMissingError(f"{path} is missing; fetch it once: {FETCH}")
    return path


def java_home() -> Path:
    """A Java of version 21 or newer, the newest of this machine.

    Raises:
        ServerMissingError: If there is none.
    """
    named = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if name in os.environ]
    places = [*named, *Path("/usr/lib/jvm").glob("*"), *Path("/opt").glob("*jdk*")]
    found = max(((_java_version(place), place) for place in places), default=(0, None))
    if found[1] is None or found[0] < 21:
        raise ServerMissingError(
            "Elasticsearch needs Java 21 or newer and there is none in ES_JAVA_HOME, JAVA_HOME or "
            "/usr/lib/jvm; install one (Debian: a Temurin or OpenJDK package)"
        )
    return found[1]


def _java_version(home: Path) -> int:
    try:
        release = (home / "release").read_text()
    except OSError:
        return 0
    version = re.search(r'JAVA_VERSION="(\d+)', release)
    return int(version[1]) if version and (home / "bin" / "java").exists() else 0


@contextmanager
def running_server(password: str | None = None) -> Iterator["RealServer"]:
    """A server of one's own, gone afterwards.

    Args:
        password: Of user `elastic`; without it the server asks nobody who he is.
    """
    server = RealServer(password)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class RealServer:
    """A server in a folder of its own.

    Attributes:
        url: Where it answers.
        folder: Where it lies.
        pid: Of the process group, None while it does not run.
    """

    def __init__(self, password: str | None = None) -> None:
        self._java, self._password = java_home(), password
        self.folder = Path(tempfile.mkdtemp(prefix="elasticsearch-"))
        self._home = self.folder / f"elasticsearch-{VERSION}"
        port, transport_port = _free_ports()
        self.url = f"http://127.0.0.1:{port}"
        self.pid: int | None = None
        with zipfile.ZipFile(archive()) as content:
            content.extractall(self.folder)
        for tool in (*(self._home / "bin").iterdir(), *self._home.glob("lib/**/*.so")):
            tool.chmod(0o755)
        settings = _SETTINGS.format(
            port=port, transport_port=transport_port, secured=str(password is not None).lower()
        )
        config = self._home / "config" / "elasticsearch.yml"
        config.write_text(settings + (_SECURED if password is not None else ""))
        (self.folder / "tmp").mkdir()
        if os.geteuid() == 0:
            _give_to_user(self.folder)
        if password is not None:
            self._tool("elasticsearch-keystore", "create")
            self._tool("elasticsearch-keystore", "add", "-x", "bootstrap.password", text=password)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self.folder / "out.log").open("ab")
        command = self._as_user([str(self._home / "bin" / "elasticsearch")])
        with log:
            process = subprocess.Popen(
                command, env=self._environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        _STARTED.append(process)
        self.pid = process.pid
        if hasattr(os, "pidfd_open"):
            guard(self.pid, self.folder)
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                end = (self.folder / "out.log").read_text(errors="replace")[-3000:]
                self.kill()
                raise RuntimeError(f"Elasticsearch did not start:\n{end}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End it at once, as a crash does; `start` brings it back with its data."""
        if self.pid is not None:
            kill_server(self.pid)
            self.pid = None

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        request = urllib.request.Request(f"{self.url}/_cluster/health?wait_for_status=yellow")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(json.load(answer)["status"] != "red")
        except urllib.error.HTTPError as err:
            # With passwords it answers as soon as it knows its users.
            return err.code == 401 and self._password is not None
        except (OSError, ValueError):
            return False

    def _tool(self, name: str, *arguments: str, text: str | None = None) -> None:
        command = self._as_user([str(self._home / "bin" / name), *arguments])
        subprocess.run(
            command, env=self._environment(), cwd=self.folder, input=text, text=True, check=True,
            capture_output=True,
        )  # fmt: skip

    def _as_user(self, command: list[str]) -> list[str]:
        return ["runuser", "-u", _USER, "--", *command] if os.geteuid() == 0 else command

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "ES_JAVA_HOME": str(self._java),
            "ES_TMPDIR": str(self.folder / "tmp"),
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        }


def _give_to_user(folder: Path) -> None:
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        subprocess.run(["useradd", "-r", "-M", "-s", "/usr/sbin/nologin", _USER], check=True)
    subprocess.run(["chown", "-R", _USER, str(folder)], check=True)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def kill_server(pid: int) -> None:
    """End a server and all its processes, and wait until those of our own are gone."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for process in _STARTED:
        if process.pid == pid:
            process.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


@contextmanager
def shared_server(folder: Path) -> Iterator[str]:
    """One server for all processes of a test run: the first starts it, the last ends it.

    Args:
        folder: One that these processes share.
    """
    state, lock = folder / "elasticsearch.json", FileLock(folder / "elasticsearch.lock")
    with lock:
        known = json.loads(state.read_text()) if state.exists() else None
        if known is None:
            server = RealServer()
            server.start()
            known = {"url": server.url, "pid": server.pid, "users": 0,
                     "folder": str(server.folder)}  # fmt: skip
        known["users"] += 1
        state.write_text(json.dumps(known))
    try:
        yield known["url"]
    finally:
        with lock:
            known = json.loads(state.read_text())
            known["users"] -= 1
            state.write_text(json.dumps(known))
            if known["users"] == 0:
                state.unlink()
                kill_server(known["pid"])
                shutil.rmtree(known["folder"], ignore_errors=True)
