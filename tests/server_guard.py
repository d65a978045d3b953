"""Ends a server that a test run started, when that run ends without doing so itself.

Run as a process of its own, it outlives a test run that is killed: the server goes, and its folder.

    python server_guard.py WATCHED_PID SERVER_PID FOLDER
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_LOOK_EVERY_S = 0.5
_GUARDS: list[subprocess.Popen[bytes]] = []
"""Nobody waits for them: they end with their servers."""


def guard(server_pid: int, folder: Path) -> None:
    """Watch over a server until it ends, or this test run does.

    Args:
        server_pid: Leader of the server's process group.
        folder: Deleted with the server.
    """
    # A worker of a test run may end before the others that use the server; their parent does not.
    watched = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    process = subprocess.Popen(
        [sys.executable, __file__, str(watched), str(server_pid), str(folder)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    _GUARDS.append(process)


def _watch(watched_pid: int, server_pid: int, folder: Path) -> None:
    try:
        watched = os.pidfd_open(watched_pid)
    except ProcessLookupError:
        _end(server_pid, folder)
        return
    while _is_there(server_pid):
        ended, _, _ = select.select([watched], [], [], _LOOK_EVERY_S)
        if ended:
            _end(server_pid, folder)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(server_pid: int, folder: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server_pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _is_there(server_pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
