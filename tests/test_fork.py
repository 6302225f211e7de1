"""Work by several processes: in order, with what the work raises, and never silently less than all of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from shapecalc.cli.fork import by_fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are taken on Linux only")


def children() -> set[str]:
    """The processes that this one has started, those that nobody has waited for among them."""
    found = Path("/proc/self/task").glob("*/children")
    return {number for path in found for number in path.read_text(encoding="ascii").split()}


def test_results_come_in_the_order_of_the_tasks_from_every_process() -> None:
    def work(task: int) -> tuple[int, int]:
        time.sleep(0.001)
        return task, os.getpid()

    done = list(by_fork(work, range(101), 3))
    assert [task for task, _ in done] == [*range(101)]
    assert len({process for _, process in done}) == 3


@pytest.mark.parametrize("here", [True, False])
def test_what_the_work_raises_is_raised(here: bool) -> None:
    me = os.getpid()

    def work(task: int) -> int:
        time.sleep(0.001)
        if (os.getpid() == me) is here:
            raise ValueError(f"task {task} is wrong")
        return task

    before = children()
    with pytest.raises(ValueError, match=r"task \d+ is wrong"):
        list(by_fork(work, range(64), 2))
    assert children() <= before  # nobody is left behind


def test_a_process_that_is_killed_is_told() -> None:
    me = os.getpid()

    def work(task: int) -> int:
        time.sleep(0.001)
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with pytest.raises(RuntimeError, match="killed"):
        list(by_fork(work, range(64), 2))


def test_results_larger_than_a_pipe_come_whole() -> None:
    done = list(by_fork(lambda task: str(task) * 50_000, range(40), 2))
    assert done == [str(task) * 50_000 for task in range(40)]
