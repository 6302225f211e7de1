"""Budgets of the settings: bounds that every network of a repository must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.lint.rule import Finding, Rule
from shapecalc.source.located import Scalar
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.lint.network import Network

FIGURES = ("params", "trainable_params", "macs", "flops", "peak_activation_bytes", "saved_bytes", "train_bytes")


class OverBudget(Rule):
    """the network exceeds a budget of the settings

    Why:
        `budget` in the settings bounds every network of a repository, as `expect` in a spec bounds one. A breach is
        caught where it is made, not on the device.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Flatten
          - Linear: 4096

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Flatten
          - Linear: 10

    Limits:
        The examples stand under `budget = {params = "1M"}`. A bare number is the most that is allowed; `">= 1k"` and
        the like are bounds as in `expect`. A figure that cannot be known is said to be undecided.
    """

    code = "SC504"
    budget: ClassVar[Mapping[str, Any]] = {"params": "1M"}

    def check(self, network: Network) -> Iterator[Finding]:
        for figure, bound in network.budget.items():
            says = _breach(network, figure, str(bound))
            if says is not None:
                place = network.spec.root.pairs[0][0]
                yield Finding(
                    None, f"{figure.replace('_', ' ')}: {says}", place=place, help=f"budget of the settings: {bound}"
                )


def _stated(bound: str) -> Scalar:
    text = bound if bound[:1] in ("<", ">") else f"<= {bound}"
    return Scalar(text, text, 0, 0)


def _breach(network: Network, figure: str, bound: str) -> str | None:
    """How a figure breaks its bound, None where it keeps it."""
    from shapecalc.analysis.quantity import unmet

    actual = getattr(network.report.totals, figure)
    if actual is None:
        return "it is not known, so the budget is undecided"
    says = unmet(actual, _stated(bound), {}, network.report.legal)
    if says == "" or (says is None and network.report.leaves_out(figure)):
        return "it is not known for all sizes, so the budget is undecided"
    return says


def fault(budget: Mapping[str, Any]) -> str:
    """What is wrong with the bounds of a settings file; nothing where every one can be read."""
    for figure, bound in budget.items():
        if figure not in FIGURES:
            near = nearest(figure, FIGURES)
            return f"has no figure {figure!r}; " + (f"did you mean {near!r}?" if near else f"use {', '.join(FIGURES)}")
        if isinstance(bound, bool) or not isinstance(bound, int | str) or not _readable(str(bound)):
            return f'wants a number or a bound for {figure}, as 25M or ">= 1k", not {bound!r}'
    return ""


def _readable(bound: str) -> bool:
    from shapecalc.analysis.quantity import unmet
    from shapecalc.graph.mistake import Mistake

    try:
        unmet(0, _stated(bound), {}, None)
    except Mistake:
        return False
    return True


PAGES = {rule.code: rule for rule in (OverBudget,)}
