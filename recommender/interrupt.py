"""Ctrl-C that counts even where it arrives inside native code.

Python raises `KeyboardInterrupt` wherever the signal finds it. Inside an import that native code
started, that exception is lost and the program would go on as if nobody had asked.
"""

import signal
from types import FrameType

_came = False


def watch_interrupts() -> None:
    """Remember a Ctrl-C from now on, besides raising it; for the main thread of a command."""
    signal.signal(signal.SIGINT, _remember)


def check_interrupt() -> None:
    """Raise the Ctrl-C that got lost.

    Raises:
        KeyboardInterrupt: If one came and the program still runs.
    """
    if _came:
        raise KeyboardInterrupt


def was_interrupted() -> bool:
    """Whether a Ctrl-C came: native code may have made an error of its own of it."""
    return _came


def _remember(_: int, __: FrameType | None) -> None:
    global _came  # noqa: PLW0603
    _came = True
    raise KeyboardInterrupt
