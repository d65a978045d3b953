"""A killed test run leaves no server behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_shop import HOUSE, wait_for

_RUN = """
import subprocess, sys, time
from pathlib import Path
from tests.server_guard import guard
server = subprocess.Popen(["sleep", "600"], start_new_session=True)
guard(server.pid, Path(sys.argv[1]))
print(server.pid, flush=True)
sys.stdin.read()
if sys.argv[2] == "ends it":
    server.kill()
    server.wait()
"""


def start(folder: Path, manner: str) -> tuple[subprocess.Popen[str], int]:
    """A run that starts a server; its process and the server's."""
    folder.mkdir()
    known = {name: text for name, text in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(folder), manner], env=known | {"PYTHONPATH": str(HOUSE)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return run, int(run.stdout.readline())


def is_there(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the guard needs Linux")
@pytest.mark.parametrize("manner", ["is killed", "forgets it"])
def test_the_server_goes_with_the_run(tmp_path, manner):
    folder = tmp_path / "server"
    run, server = start(folder, manner)
    assert is_there(server)
    if manner == "is killed":
        run.kill()
    run.communicate(timeout=30)
    wait_for(lambda: not is_there(server) and not folder.exists())


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the guard needs Linux")
def test_a_server_that_its_run_ends_keeps_its_folder(tmp_path):
    folder = tmp_path / "server"
    run, server = start(folder, "ends it")
    run.communicate(timeout=30)
    wait_for(lambda: not is_there(server))
    assert folder.exists()
