"""Report and selection -> diagnostics: runs the rules, gives findings their places, and leaves out what is suppressed.

Rules run on a network without errors only: where a size is unknown, what follows from it would be guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.graph.graph import trail_text
from shapecalc.lint.registry import rules
from shapecalc.lint.selection import Selection
from shapecalc.lint.suppress import Suppressions
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.lint.network import Network
    from shapecalc.lint.rule import Finding, Rule
    from shapecalc.source import located

DEFAULT = Selection()


def lint(report: Report, root: located.Node | None, selection: Selection = DEFAULT) -> list[Diagnostic]:
    """All that is to be told of a report: its own diagnostics and what the rules find, in the order of the text."""
    found = list(report.diagnostics)
    whole = report.graph is not None and not any(d.severity == "error" for d in found)
    if whole:
        found += _by_rules(report, selection)
    suppressions = Suppressions(report.source, root, _ignored(report))
    told = [d for d in found if selection.wants(d.code) and not suppressions.suppress(d)]
    told += [d for d in suppressions.complaints(selection, whole) if selection.wants(d.code)]
    for d in told:
        d.severity = selection.severities.get(d.code, d.severity)
    return sorted(told, key=lambda d: (d.start, d.end, d.code))


def _ignored(report: Report) -> Sequence[Scalar]:
    """The codes in the spec's own `lint: {ignore: ...}`."""
    section = report.graph.spec.lint if report.graph else None
    node = section.get("ignore") if isinstance(section, Pairs) else None
    listed = node.items if isinstance(node, Items) else [] if node is None else [node]
    return [item for item in listed if isinstance(item, Scalar)]


def _by_rules(report: Report, selection: Selection) -> Iterator[Diagnostic]:
    from shapecalc.lint.network import Network

    network = Network(report, selection.budget)
    for rule in rules(selection.codes):
        findings = list(rule.check(network))
        if findings:
            yield from _placed(rule, findings, network)


def _placed(rule: Rule, findings: list[Finding], network: Network) -> Iterator[Diagnostic]:
    """One diagnostic for each place in the text, however many layers a loop or a block makes of it."""
    by_place: dict[tuple[int, int], list[Finding]] = {}
    for finding in findings:
        by_place.setdefault(_place(finding), []).append(finding)
    for (start, end), same in by_place.items():
        first = same[0]
        node = first.node
        yield Diagnostic(
            rule.code,
            first.message,
            start,
            end,
            help="; ".join(filter(None, [first.help, _more(len({id(f.node) for f in same}) - 1)])),
            layer=node.path if node else "",
            trail=trail_text(node.trail) if node else (),
            related=tuple((*other.place, note) for other, note in first.related),
            fix=first.fix if first.fix and _holds_for_all(same, findings, network) else None,
        )


def _place(finding: Finding) -> tuple[int, int]:
    place = finding.place
    if isinstance(place, tuple):
        return place
    if place is not None:
        return place.start, place.end
    assert finding.node is not None
    written = finding.node.written.get(finding.argument)
    return (written.start, written.end) if written is not None else finding.node.place


def _more(others: int) -> str:
    return (
        f"so {'does' if others == 1 else 'do'} {others} more layer{'s' * (others > 1)} of this line" if others else ""
    )


def _holds_for_all(same: list[Finding], findings: list[Finding], network: Network) -> bool:
    """Whether every layer that this text makes has the finding, so that a change of the text is right for all."""
    first = same[0]
    if first.node is None or first.node.child is None:
        return True
    child = first.node.child
    made = network.made_by[child.head.start]
    if child.argument is not None and network.aliased:
        made = made | network.made_by[~child.argument.start]
        same = [f for f in findings if f.fix is not None and first.fix is not None and f.fix.edits == first.fix.edits]
    return made <= {f.node.index for f in same if f.node is not None} and not _changes_others(first, network)


def _changes_others(finding: Finding, network: Network) -> bool:
    """Whether a fix edits a part of a layer that another one has by an alias."""
    if not network.aliased or not finding.fix or finding.node is None or finding.node.child is None:
        return False
    from shapecalc.lint.alias import is_shared_part

    child = finding.node.child
    return any(is_shared_part(child, (start, end), network.aliased) for start, end, _ in finding.fix.edits)
