"""Work on many tasks -> the results in their order, by this process and copies of it. Knows nothing of the work.

The copies are forked: they have all that is loaded, and take the next piece of work from a pipe as soon as they are
free, as this process does. A pool of the standard library takes longer to load and start than a hundred files take.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Done = dict[int, list[Any]]

PARTS = 4
"""Pieces of work for each process, so that none waits long for the last."""
NUMBER = 4
"""Bytes of a piece's number in the pipe."""


def by_fork(work: Callable[[Any], Any], tasks: Sequence[Any], processes: int) -> Iterator[Any]:
    """`work` done on every task, in order. Raises what `work` raises, RuntimeError where a process is killed."""
    size = -(-len(tasks) // (processes * PARTS))
    pieces = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    numbers, writer = os.pipe()
    os.write(writer, b"".join(number.to_bytes(NUMBER, "little") for number in range(len(pieces))))
    os.close(writer)
    copies = [_copy(work, pieces, numbers) for _ in range(processes - 1)]
    try:
        done = _work(work, pieces, numbers)
        for _, results in copies:
            done |= _result(results)
    finally:
        for process, results in copies:
            os.close(results)
            os.waitpid(process, 0)
        os.close(numbers)
    return (result for number in range(len(pieces)) for result in done[number])


def _work(work: Callable[[Any], Any], pieces: Sequence[Sequence[Any]], numbers: int) -> Done:
    """The results of the pieces that this process took, by number."""
    done: Done = {}
    while number := os.read(numbers, NUMBER):
        at = int.from_bytes(number, "little")
        done[at] = [work(task) for task in pieces[at]]
    return done


def _copy(work: Callable[[Any], Any], pieces: Sequence[Sequence[Any]], numbers: int) -> tuple[int, int]:
    """Another process at the same work: its id, and the end of a pipe that will give its results."""
    results, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, results
    try:
        try:
            told: Any = _work(work, pieces, numbers)
        except Exception as error:
            told = error
        with open(writer, "wb") as file:
            pickle.dump(told, file, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _result(results: int) -> Done:
    with open(results, "rb", closefd=False) as file:
        try:
            told = pickle.load(file)
        except (EOFError, pickle.UnpicklingError):
            raise RuntimeError("a process was killed before it was done") from None
    if isinstance(told, Exception):
        raise told
    return told  # type: ignore[no-any-return]
