"""A report -> the page that explains it: one layer in full with the way back to the input, or the whole in short.

A spec with a need that fails gets the working of that need and what would mend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.explain.chain import chain
from shapecalc.explain.figures import counted, layer_blocks, say_axis, shown
from shapecalc.explain.layer import Explained, sum_of
from shapecalc.explain.need import broken
from shapecalc.explain.page import Heading, Line
from shapecalc.explain.steps import Working
from shapecalc.ops.op import AT_LEAST_ZERO
from shapecalc.source.codes import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.explain.chain import Link
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.need import Broken, Mend
    from shapecalc.explain.page import Block
    from shapecalc.explain.words import Words
    from shapecalc.graph.graph import Node
    from shapecalc.ops.op import Shape

PARTS = 12
"""A sum of more layers is not written out."""

MEANINGS = {code: text for code, _, _, text in CATALOGUE}


def layer_page(report: Report, path: str, what: Sequence[str], say: Words) -> Iterator[Block]:
    """One layer in full, and how what arrives came about. Raises KeyError for a path that no layer has."""
    work = Explained(report).layer(report.layer(path).node)
    yield Heading(1, title(work.node))
    failing = broken(work.node)
    if failing is not None:
        yield from need_blocks(failing, say)
    if not work.whole:
        if failing is None:
            yield Line(say("A mistake in the spec leaves its shape unknown."))
        return
    yield from layer_blocks(say, work, what)
    yield from chain_blocks(work, say)


def network_page(report: Report, what: Sequence[str], say: Words) -> Iterator[Block]:
    """The needs that fail, every layer in short, the totals, and the way from the output back to the input."""
    assert report.graph is not None
    explained = Explained(report)
    yield Heading(1, report.name or report.path)
    for node in report.graph.nodes:
        work = explained.layer(node)
        failing = broken(node)
        yield Heading(2, title(node))
        if failing is not None:
            yield from need_blocks(failing, say)
        elif work.whole:
            yield from layer_blocks(say, work, what, brief=True)
        else:
            yield Line(say("A mistake in the spec leaves its shape unknown."))
    yield Heading(1, say("Totals"))
    yield from total_blocks(report, what, say)
    last = next((node for node in reversed(report.graph.nodes) if explained.layer(node).whole), None)
    if last is not None and "output" in what:
        yield from chain_blocks(explained.layer(last), say)


def title(node: Node) -> str:
    """ "features.0 (Conv2d): 3 x 224 x 224 -> 64 x 55 x 55" """
    arriving = ", ".join(_short(w.shape) for w in node.inputs if w is not None)
    leaving = ", ".join(_short(w.shape) for w in node.outputs)
    return f"{node.path} ({node.op_name}): {arriving} -> {leaving}"


def _short(shape: Shape | None) -> str:
    """A shape without its batch; `?` where it is not known."""
    if shape is None:
        return "?"
    sizes = shape[1:] if len(shape) > 1 and str(shape[0]) == "N" else shape
    texts = [str(s) for s in sizes]
    return " x ".join(f"({t})" if " " in t else t for t in texts) or "scalar"


def need_blocks(failing: Broken, say: Words) -> Iterator[Block]:
    """Why a need fails: its gap worked out, what it must be, and what would mend it."""
    claim = failing.claim
    yield Heading(2, say("Why it fails"))
    yield Line(f"{claim.code}: {say(MEANINGS[claim.code])}")
    worked = failing.gap.tree is not None and not failing.gap.constant
    if say.language == "en" or not worked:  # the message itself is English; the working says it in any language
        yield Line(failing.message)
    if worked:
        due = "This must be at least 0:" if claim.relation is AT_LEAST_ZERO else "This must be 0:"
        yield Line(say(due))
        yield shown(say, say("gap"), failing.gap)
    for mend in failing.mends:
        yield Line(_mended(mend, say), bullet=True)


def _mended(mend: Mend, say: Words) -> str:
    slot, _, axis = mend.what.rpartition(" ")
    if axis.isdigit():
        where = say("input") if slot == "input" else slot
        return say(
            "{new} in place of {old} on axis {axis} of {where} would do",
            new=mend.new,
            old=mend.old,
            axis=axis,
            where=where,
        )
    return say("{what}: {new} in place of {old} would do", what=mend.what, new=mend.new, old=mend.old)


def chain_blocks(work: LayerWork, say: Words) -> Iterator[Block]:
    """The way back to the input, a line for each size that a layer made."""
    wires = [w for w in work.node.outputs if w.shape is not None]
    links = list(chain(work.explained, wires[0])) if wires else []
    if not links:
        return
    yield Heading(2, say("Back to the input"))
    for link in links:
        yield Line(
            f"{_short(link.after)} <- {link.node.path} ({link.node.op_name}) <- {_short(link.before)}", bullet=True
        )
        for line in _because(link, say):
            yield Line(line)


def _because(link: Link, say: Words) -> Iterator[str]:
    for working in link.workings:
        if working.bare:
            yield say(
                "{answer}: {name} of {path}",
                answer=working.answer,
                name=working.letters[0].meaning,
                path=link.node.path,
            )
        elif working.tree is not None:
            axis = say_axis(say, working.quantity)
            yield f"{axis}: {working.answer} = {working.substitution}"


def total_blocks(report: Report, what: Sequence[str], say: Words) -> Iterator[Block]:
    """The totals that are asked for: sums over layers, the receptive field, and memory."""
    totals = report.totals
    for name, title in (("params", say("parameters")), ("macs", say("MACs"))):
        if name in what:
            bound = _bound(report, name, say)
            label = f"{title}, {bound}" if bound else title
            yield shown(say, label, _sum(name, report, getattr(totals, name)))
    field = totals.receptive_field
    if "field" in what and field is not None:
        size = " x ".join(map(str, field.size))
        yield Line(say("receptive field: {size}, at {path}", size=size, path=totals.receptive_field_layer))
    if "memory" in what:
        yield from _memory(report, say)


def _memory(report: Report, say: Words) -> Iterator[Block]:
    totals = report.totals
    bound = _bound(report, "saved_bytes", say)
    yield Line(say("kept for the backward pass: {bytes} bytes", bytes=f"{bound} {counted(totals.saved_bytes)}".strip()))
    if totals.peak_activation_bytes is None:
        yield Line(say("the peak of inference is not known, as sizes cannot be compared"))
    else:
        peak = counted(totals.peak_activation_bytes)
        yield Line(say("peak of inference: {bytes} bytes, at {path}", bytes=peak, path=totals.peak_activation_layer))


def _bound(report: Report, name: str, say: Words) -> str:
    return say("at least") if name in report.lower_bounds else ""


def _sum(name: str, report: Report, total: Any) -> Working:
    """A total as the sum of its layers where there are few enough to write them out."""
    parts = [(_word(layer), getattr(layer, name)) for layer in report.layers if _counts(getattr(layer, name))]
    if not 1 < len(parts) <= PARTS:
        return Working(name, total, "the sum over all layers")
    working = sum_of(name, parts)
    return working if working.answer == total else Working(name, total, "the sum over all layers")


def _word(layer: Layer) -> str:
    return layer.path.replace(".", "_")


def _counts(value: Any) -> bool:
    return value is not None and not (isinstance(value, int) and value == 0)
