"""Files and what is asked of them -> verdicts: settings found for each, from the cache or by several processes."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.analysis.verdict import Verdict
    from shapecalc.cli.cache import Cache
    from shapecalc.lint.config import Finder
    from shapecalc.lint.selection import Selection

WORTH_A_POOL = 64
"""Files from which on several processes are faster than one."""


class Order:
    """What a run asks of every file: params by `--set`, conditions of counts, and codes over those of the settings."""

    __slots__ = ("conditions", "extend", "finder", "ignore", "said", "select", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        conditions: Mapping[str, Any],
        finder: Finder,
        select: Sequence[str] | None = None,
        extend: Sequence[str] = (),
        ignore: Sequence[str] = (),
    ) -> None:
        self.values = values
        self.conditions = conditions
        self.finder = finder
        self.select = select
        self.extend = extend
        self.ignore = ignore
        self.said = repr((sorted(values.items()), sorted(conditions.items())))

    def selection(self, path: str) -> Selection:
        """The codes that are wanted in a file. Raises ConfigError and UnknownCode."""
        settings = self.finder.of(path)
        chosen = settings.selection
        if self.select is not None or self.extend or self.ignore:
            chosen = chosen.changed(self.select, self.extend, self.ignore)
        here = settings.ignored_for(path)
        return chosen.changed(ignore=here) if here else chosen


class Task:
    """One file to be analysed: its bytes, and what is wanted. Crosses to other processes."""

    __slots__ = ("asked", "conditions", "data", "path", "selection", "values")

    def __init__(self, path: str, data: bytes, order: Order) -> None:
        self.path = path
        self.data = data
        self.selection = order.selection(path)
        self.values = order.values
        self.conditions = order.conditions
        self.asked = order.said

    def signature(self) -> str:
        """All that the verdict depends on besides the program."""
        return f"{self.path!r} {self.asked} {_said(self.selection)}"


@lru_cache(maxsize=100)
def _said(chosen: Selection) -> str:
    """All that a selection says; most files of a run have the same."""
    return repr((sorted(chosen.codes), sorted(chosen.severities.items()), chosen.budget))


def report_of(task: Task) -> Report:
    """The whole report of one file."""
    from shapecalc.analysis.costs import Conditions
    from shapecalc.analysis.report import Report
    from shapecalc.pipeline import analyse
    from shapecalc.source.text import Source, decode

    conditions = Conditions(**task.conditions)
    source, problem = decode(task.data, task.path)
    if source is None:
        assert problem is not None
        return Report(Source(task.path, ""), None, [problem], conditions)
    return analyse(source, task.values, conditions, task.selection)


def verdict_of(task: Task) -> Verdict:
    """What is to be said of one file."""
    from shapecalc.analysis.verdict import Verdict

    return Verdict(report_of(task))


def object_of(task: Task) -> tuple[Verdict, dict[str, Any]]:
    """A verdict with the file's object of the JSON output."""
    from shapecalc.analysis.verdict import Verdict

    report = report_of(task)
    return Verdict(report), report.to_dict()


def verdicts(tasks: Sequence[Task], cache: Cache | None) -> list[Verdict]:
    """The verdicts of files in their order; those of the cache are not made again."""
    if cache is not None:
        cache.load(tasks)
    found: list[Verdict | None] = [None if cache is None else cache.get(task) for task in tasks]
    missing = [task for task, verdict in zip(tasks, found, strict=True) if verdict is None]
    made = list(spread(verdict_of, missing))
    if cache is not None:
        cache.put(missing, made)
    fresh = iter(made)
    return [next(fresh) if verdict is None else verdict for verdict in found]


def spread(work: Any, tasks: Sequence[Task]) -> Iterator[Any]:
    """`work` done on every task, in order; by several processes where there are enough of both."""
    processes = min(_processes(), len(tasks) // (WORTH_A_POOL // 2))
    if processes < 2:
        return map(work, tasks)
    import shapecalc.pipeline  # noqa: F401 - loaded once, before the processes part
    from shapecalc.cli.fork import by_fork

    return by_fork(work, tasks, processes)


def _processes() -> int:
    """How many this run may use: one where a fork is not safe, or not there."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
