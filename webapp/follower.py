"""One thread that does a job again and again, and others that wait for it."""

import threading
from collections.abc import Callable


class Follower:
    """Does rounds of a job, one after another; nobody but its own thread does any.

    Args:
        job: One round; returns whether nobody need wait for another one.
        every_s: The pause between two rounds that nobody waits for.
    """

    def __init__(self, job: Callable[[], bool], every_s: float) -> None:
        self._job, self._every_s = job, every_s
        self._state = threading.Condition()
        # Rounds are counted; these are the newest one begun, waited for, and done.
        self._begun = self._wanted = self._done = 0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="catalog", daemon=True)

    def start(self, within_s: float) -> None:
        """Begin, and wait so long at most until a round is done."""
        self._thread.start()
        with self._state:
            self._state.wait_for(lambda: self._done > 0, within_s)

    def wait(self, within_s: float) -> bool:
        """Wait for a round that begins after this call, at once if none is under way.

        Returns:
            Whether it was done in time.
        """
        with self._state:
            wanted = self._wanted = self._begun + 1
            self._state.notify_all()
            return self._state.wait_for(lambda: self._done >= wanted, within_s)

    def end(self, within_s: float) -> None:
        """Begin no other round, and wait so long at most for the present one."""
        with self._state:
            self._ended = True
            self._state.notify_all()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        while not self._ended:
            with self._state:
                self._begun += 1
            done = self._job()
            with self._state:
                if done:
                    self._done = self._begun
                    self._state.notify_all()
                self._state.wait_for(
                    lambda: self._ended or self._wanted > self._begun, self._every_s
                )
