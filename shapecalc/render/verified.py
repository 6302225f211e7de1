"""Verification -> text: a line for a network, what differs or is not told below it, and a table of its layers.

Knows nothing of torch, only of findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.render.number import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AGREES, DIFFERS, UNCOUNTED = "agrees", "differs", "torch does not count this"
COLUMNS = ("layer", "operator", "output", "tensors", "FLOPs", "kept", "field")


def render_verified(verification: Any) -> Iterator[str]:
    """`specs/alexnet.yaml: all 121 figures agree with torch`, then what does not."""
    findings = verification.findings
    differing = [f for f in findings if f.verdict == DIFFERS]
    agree = sum(f.verdict == AGREES for f in findings)
    sizes = "".join(f" {name}={size}" for name, size in verification.sizes.items())
    if not findings:
        yield f"{verification.report.path}{sizes}: {'; '.join(verification.notes)}"
        return
    told = f"{agree} of {agree + len(differing)}" if differing else f"all {agree}"
    yield f"{verification.report.path}{sizes}: {told} figures agree with torch"
    yield from (f"  {note}" for note in verification.notes)
    for f in differing:
        yield f"  {f.layer + ': ' if f.layer else ''}{f.what} differs: ours {_text(f.ours)}, torch's {_text(f.theirs)}"
    yield from _untold([f for f in findings if f.verdict not in (AGREES, DIFFERS)])


def _untold(findings: Sequence[Any]) -> Iterator[str]:
    """One line for the layers that torch does not count, one for each other figure that is not told."""
    uncounted = [f.layer for f in findings if f.verdict == UNCOUNTED]
    if uncounted:
        shown = ", ".join(uncounted[:4]) + (f" and {len(uncounted) - 4} more" if len(uncounted) > 4 else "")
        yield f"  FLOPs that torch does not count: {shown}"
    for f in findings:
        if f.verdict != UNCOUNTED:
            where = f"{f.layer}: " if f.layer else ""
            yield f"  {where}{f.what} not told: {f.reason}"


def render_nodes(verification: Any) -> Iterator[str]:
    """A line for each layer: what agrees as one number, what differs as both."""
    rows = [COLUMNS, *(_row(layer, verification) for layer in verification.report.layers)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows:
        cells = (
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield ("  " + "  ".join(cells)).rstrip()


def _row(layer: Any, verification: Any) -> tuple[str, ...]:
    mine = [f for f in verification.findings if f.layer == layer.path]

    def cell(begins: str) -> str:
        chosen = [f for f in mine if f.what.startswith(begins)]
        texts = dict.fromkeys(_cell(f) for f in chosen)
        return ", ".join(texts) or "-"

    tensors = [f for f in mine if f.what.startswith("shape of")]
    wrong = [f for f in tensors if f.verdict != AGREES]
    held = "; ".join(_cell(f) for f in wrong) or (str(len(tensors)) if tensors else "-")
    return (layer.path, layer.op, cell("output"), held, cell("FLOPs"), cell("kept"), cell("receptive"))


def _cell(finding: Any) -> str:
    if finding.verdict == AGREES:
        return _text(finding.ours)
    if finding.verdict == UNCOUNTED:
        return f"{_text(finding.ours)} (torch: none)"
    return f"{_text(finding.ours)} (torch: {_text(finding.theirs)})" if finding.verdict == DIFFERS else "not told"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value)) or "scalar"
    return count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
