"""One thread does rounds of a job; others wait for one that begins after they asked."""

import threading
import time

import pytest

from webapp.follower import Follower


class Job:
    """Counts its rounds; each lasts until it is let go."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.lasts = threading.Event()
        self.lasts.set()
        self.answer = True

    def __call__(self) -> bool:
        self.threads.append(threading.current_thread())
        assert self.lasts.wait(60)
        return self.answer


@pytest.fixture
def job():
    return Job()


@pytest.fixture
def follower(job):
    """One that does nothing by itself after its first round."""
    follower = Follower(job, every_s=3600)
    follower.start(within_s=60)
    yield follower
    job.lasts.set()
    follower.end(within_s=60)


def test_a_start_waits_for_the_first_round(job, follower):
    assert len(job.threads) == 1


def test_who_waits_gets_a_round_at_once(job, follower):
    assert follower.wait(60)
    assert follower.wait(60)
    assert len(job.threads) == 3
    assert len(set(job.threads)) == 1
    assert job.threads[0] is not threading.current_thread()


def test_a_round_under_way_is_not_enough(job, follower):
    job.lasts.clear()
    assert not follower.wait(0.05)
    waiting = threading.Thread(target=follower.wait, args=(60,))
    waiting.start()
    job.lasts.set()
    waiting.join()
    assert len(job.threads) == 3


def test_many_who_wait_share_a_round(job, follower):
    job.lasts.clear()
    first = threading.Thread(target=follower.wait, args=(60,))
    first.start()
    while len(job.threads) < 2:
        time.sleep(0.001)
    waiting = [threading.Thread(target=follower.wait, args=(60,)) for _ in range(8)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    job.lasts.set()
    for thread in (first, *waiting):
        thread.join()
    assert len(job.threads) in (3, 4)


def test_nobody_waits_for_ever(job, follower):
    job.answer = False
    begun = time.monotonic()
    assert not follower.wait(0.1)
    assert time.monotonic() - begun < 30


def test_a_round_that_is_not_enough_is_repeated(job):
    job.answer = False
    follower = Follower(job, every_s=0.01)
    follower.start(within_s=0)
    while len(job.threads) < 3:
        time.sleep(0.001)
    job.answer = True
    assert follower.wait(60)
    follower.end(60)
