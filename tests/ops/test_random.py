"""Random single layers over every operator: what torch accepts and refuses, and the shapes and dtypes it gives.

A few draws an operator by default; `pytest -m battery` draws 200 and more, over 20,000 in all.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from shapecalc.ops.registry import MODULES

from .draw import draw
from .excuse import EXCUSES, excuse
from .judge import emitted, ours, torchs, trains

if TYPE_CHECKING:
    from .draw import Draw
    from .judge import Verdict

QUICK = 8
"""Draws an operator in the default run."""
MANY = max(200, -(-20_000 // len(MODULES)))
"""Draws an operator in the battery."""
SHARE = 4
"""At least one draw in so many is accepted by torch, and one refused."""
MOST_DRAWS = 100
"""Draws for one that counts."""
SEED = 20_261_122
BATTERY_SEED = int(os.environ.get("SHAPECALC_SEED", "0")) or Random().randrange(2**31)
"""Another one in each run of the battery; set the variable to have one again."""


class Tally:
    """Compares draw by draw and counts verdicts of torch; what is beyond three quarters of a kind is not counted."""

    def __init__(self, name: str, due: int) -> None:
        self.name = name
        self.due = due
        self.seen: Counter[bool] = Counter()
        self.draws = 0
        self.excused: Counter[str] = Counter()

    def lacks_accepted(self) -> bool:
        return self.seen[True] <= self.seen[False]

    def counted(self) -> int:
        most = self.due - self.due // SHARE
        return sum(min(count, most) for count in self.seen.values())

    def add(self, random: Random) -> None:
        """Draws until one counts, at most so often that the test ends."""
        before = self.counted()
        for _ in range(MOST_DRAWS):
            drawn = draw(self.name, random, wild=not self.lacks_accepted())
            self.draws += 1
            self.seen[self.compare(drawn)] += 1
            if self.counted() > before:
                return

    def compare(self, drawn: Draw) -> bool:
        """Whether torch accepts the draw, on which both agree or may differ."""
        mine, theirs = ours(drawn), torchs(drawn)
        if mine.outputs == theirs.outputs:
            if mine.op is not None:
                check_emitted(drawn, mine)
            return mine.outputs is not None
        reason = excuse(drawn, mine, theirs)
        assert reason, f"{drawn}\n{drawn.spec()}shapecalc: {mine}\ntorch: {theirs}"
        self.excused[reason] += 1
        return theirs.outputs is not None

    def told(self) -> str:
        excused = "".join(f"; {n} excused: {reason}" for reason, n in self.excused.items())
        return f"{self.name}: {self.draws} draws, {self.seen[True]} accepted, {self.seen[False]} refused{excused}"


def check_emitted(drawn: Draw, mine: Verdict) -> None:
    """The emitted source makes the same, and training is refused where a need of training is broken."""
    assert mine.op is not None
    made = emitted(drawn, mine.op)
    assert made.outputs == mine.outputs, f"{drawn}\n{drawn.spec()}shapecalc: {mine}\nemitted: {made}"
    if all(x is None or (0 not in x[0] and x[1].startswith("float")) for x in drawn.inputs):
        holds, trained = trains(drawn, mine.op)
        assert holds == (trained.outputs is not None), f"{drawn}\n{drawn.spec()}in training, torch: {trained}"


@pytest.mark.parametrize("name", list(MODULES))
def test_random_layers_are_judged_as_by_torch(name: str) -> None:
    print(f"seed {SEED}")
    random = Random(f"{name} {SEED}")
    tally = Tally(name, QUICK)
    for _ in range(QUICK):
        tally.add(random)
    print(tally.told())
    assert min(tally.seen[True], tally.seen[False]) > 0, tally.told()


@pytest.mark.battery
@pytest.mark.parametrize("name", list(MODULES))
def test_many_random_layers_are_judged_as_by_torch(name: str, record_property: Any) -> None:
    tally = Tally(name, MANY)

    @seed(BATTERY_SEED)
    @settings(
        max_examples=MANY,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**48))
    def drawn(number: int) -> None:
        tally.add(Random(number))

    print(f"seed {BATTERY_SEED}")
    drawn()
    record_property("told", f"{tally.told()} (seed {BATTERY_SEED})")
    assert tally.counted() >= MANY, tally.told()


def test_excuses_say_why() -> None:
    assert all(e.reason and e.reason[-1] != "." for e in EXCUSES)
    assert len({(e.names, e.reason) for e in EXCUSES}) == len(EXCUSES)
