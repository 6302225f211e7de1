"""Every topic by its name, in the order in which the course teaches them, and every form of a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz.cells import BytesProblem, TableProblem
from shapecalc.quiz.chains import FieldProblem
from shapecalc.quiz.hand import HandProblem
from shapecalc.quiz.problem import LayerProblem, Unsolvable
from shapecalc.quiz.topics import byhand, compare, costs, fields, networks, sizes, trunks, unknowns
from shapecalc.quiz.totals import DifferenceProblem, TotalProblem
from shapecalc.quiz.trunk import FeaturesProblem
from shapecalc.quiz.unknown import ReverseProblem, UnknownProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.quiz.problem import Problem
    from shapecalc.quiz.topic import Topic

TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        *sizes.ALL,
        *unknowns.ALL,
        *trunks.ALL,
        *byhand.ALL,
        *costs.ALL,
        *fields.ALL,
        *compare.ALL,
        *networks.ALL,
    )
}

PROBLEMS: tuple[type[Problem], ...] = (
    UnknownProblem,
    ReverseProblem,
    BytesProblem,
    DifferenceProblem,
    TableProblem,
    FieldProblem,
    LayerProblem,
    TotalProblem,
    FeaturesProblem,
    HandProblem,
)
"""The first whose keys are all there is meant: those with more keys stand before those with fewer."""


def problem_of(given: Mapping[str, Any]) -> Problem:
    """The problem that a mapping describes. Raises Unsolvable for one of no known form."""
    for form in PROBLEMS:
        if set(form.keys) <= set(given):
            further = {key: given[key] for key in form.optional if key in given}
            return form(*(given[key] for key in form.keys), **further)
    forms = "; ".join(" ".join(form.keys) for form in PROBLEMS)
    raise Unsolvable(f"a problem has one of these sets of keys: {forms}; this has {' '.join(map(str, given))}")
