"""`recommender serve`."""

import multiprocessing
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from recommender.cli import Shop, common_options
from recommender.errors import BusyError, RecommenderError, SettingsError

if TYPE_CHECKING:
    from recommender.settings import Settings
    from webapp.front import Front

_PATIENCE_S = 5
"""How long a worker may take to end."""


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Loopback address  [default: serve.host]")
@click.option("--port", type=click.IntRange(1, 65535), help="TCP port  [default: serve.port]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes  [default: serve.workers]")
@common_options
@click.pass_obj
def serve(shop: Shop, host: str | None, port: int | None, workers: int | None) -> None:
    """Answer over HTTP until Ctrl-C.

    The shop page is at /, the API below /v1, the widget at /widget/v1.js. A model that is
    published meanwhile is picked up without a restart.
    """
    from recommender.catalog.opening import check_settings

    settings = shop.settings()
    shop.workspace.require()
    check_settings(settings)
    root = shop.workspace.root.resolve()
    address = _loopback(host or settings.serve.host)
    port = port or settings.serve.port
    _check_free(address, port)
    shown = f"[{address}]" if ":" in address else address
    url = f"http://{shown}:{port}"

    def tell() -> None:
        shop.put({"url": url, "workspace": str(root)})
        shop.say(f"Serving {root} at {url} (Ctrl-C ends it).")

    shop.say("Starting…")
    ended_by = _run(root, settings, address, port, workers or settings.serve.workers, tell)
    if ended_by == signal.SIGINT:
        shop.say("Stopped.")
        click.get_current_context().exit(130)


def _loopback(host: str) -> str:
    from webapp.guard import is_loopback

    if not is_loopback(host):
        raise SettingsError(
            f"serve.host is {host}: the service has no keys yet and answers this machine only; "
            "use 127.0.0.1 or ::1"
        )
    return "127.0.0.1" if host.lower() == "localhost" else host.strip("[]")


def _check_free(address: str, port: int) -> None:
    """The server itself would share a port that another one of its kind holds."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError as err:
            raise RecommenderError(
                f"port {port} needs more rights; choose one above 1023 with --port"
            ) from err
        except OSError as err:
            raise BusyError(
                f"port {port} of {address} is taken or not there ({err.strerror}); end the "
                "program that holds it, or choose another with --port"
            ) from err


def _run(
    root: Path,
    settings: "Settings",
    address: str,
    port: int,
    workers: int,
    on_ready: Callable[[], None],
) -> int | None:
    """Serve until a signal comes, and return which; `on_ready` as soon as every worker answers."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    server = Server(
        "webapp.app:create_app",
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=_PATIENCE_S,
        # One that ran out of memory does not end the service; one that cannot start does.
        respawn_failed_workers=True,
    )
    received: list[int] = []
    server.on_startup(partial(_note_signals, received))
    said, say = multiprocessing.Pipe(duplex=False)
    threading.Thread(target=_wait_for, args=(workers, said, on_ready), daemon=True).start()
    try:
        server.serve(target_loader=partial(_in_worker, root, settings, say), wrap_loader=False)
    except SystemExit as err:
        if not received:
            raise RecommenderError(f"the service ended by itself ({err.code}); see above") from err
    return received[0] if received else None


def _wait_for(workers: int, said: Connection, then: Callable[[], None]) -> None:
    """Call `then` when so many workers said that they listen; successors say it to nobody."""
    for _ in range(workers):
        said.recv_bytes()
    then()


def _in_worker(root: Path, settings: "Settings", say: Connection) -> "Front":
    """What each worker calls after the fork: its own application, deaf to Ctrl-C.

    A terminal sends Ctrl-C to every process. The main one then ends its workers, and a worker of
    granian 2.8 that gets two signals at once hangs.
    """
    from webapp.app import create_app
    from webapp.front import Front

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return Front(create_app(root, settings), partial(say.send_bytes, b"listening"))


def _note_signals(received: list[int]) -> None:
    """Keep in mind which signal ended the server; its own handler gets the first one only."""

    def noting(number: int, handler: Callable[[int, FrameType | None], Any]) -> None:
        def note(given: int, frame: FrameType | None) -> None:
            received.append(given)
            if len(received) == 1:
                handler(given, frame)

        signal.signal(number, note)

    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            noting(number, handler)
