"""Report -> broken expectations: what `expect` states in the document and beside layers, held against the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import total
from shapecalc.analysis.quantity import unmet
from shapecalc.dims.sym import names
from shapecalc.graph.document import shape_of, with_batch
from shapecalc.graph.graph import trail_text
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.values import param_value
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import Items, Pairs, Scalar, kind_of
from shapecalc.source.names import EXPECT_KEYS, LAYER_EXPECT_KEYS
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shapecalc.analysis.report import ReceptiveField, Report
    from shapecalc.graph.graph import Expectation, Wire
    from shapecalc.source.located import Node
    from shapecalc.source.spec import Spec

    Measure = Callable[[Spec, Mapping[str, Any]], Report]


def broken_expectations(report: Report, settings: Mapping[str, Any], measure: Measure) -> list[Diagnostic]:
    """A diagnostic for each expectation that does not hold, is undecided, or is not checked."""
    graph = report.graph
    if graph is None or (graph.spec.expect is None and not graph.expectations):
        return []
    if graph.changed:
        node = graph.spec.expect or graph.expectations[0].value
        message = f"`expect` is not checked, as it speaks of the default of {', '.join(graph.changed)}"
        return [Diagnostic("SC502", message, node.start, node.end)]
    found = [d for expectation in graph.expectations for d in _layer(report, expectation)]
    if report.has_errors:
        # What a mistake leaves undecided, or breaks in the whole, is that mistake's own matter.
        return [d for d in found if d.code != "SC503"]
    return found + [d for case in _cases(graph.spec.expect) for d in _case(case, report, settings, measure)]


def _cases(node: Node | None) -> list[Node]:
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return []
    return node.items if isinstance(node, Items) else [node]


def _case(case: Node, report: Report, settings: Mapping[str, Any], measure: Measure) -> list[Diagnostic]:
    """One mapping of expectations, of the default params or of those that its `set` gives."""
    if not isinstance(case, Pairs):
        return [Diagnostic("SC105", f"`expect` is a mapping, not {kind_of(case)}", case.start, case.end)]
    assert report.graph is not None
    chosen = case.get("set")
    try:
        if chosen is not None:
            report = measure(report.graph.spec, {**settings, **_settings(chosen, report)})
            if error := next((d for d in report.diagnostics if d.severity == "error"), None):
                return [Diagnostic("SC501", f"with this `set`: {error.message}", chosen.start, chosen.end)]
        return list(_checked(case, report, measure, settings))
    except Mistake as mistake:
        return [_diagnostic(mistake)]
    except Silent:
        return []


def _settings(chosen: Node, report: Report) -> dict[str, Any]:
    assert report.graph is not None
    if not isinstance(chosen, Pairs):
        raise Mistake("SC105", f"`set` is a mapping from params to values, not {kind_of(chosen)}", chosen)
    known = [key.text for key, _ in report.graph.spec.params]
    for key, _ in chosen.pairs:
        if key.text not in report.graph.env:
            near = nearest(key.text, known)
            help = f"did you mean `{near}`?" if near else f"it has {', '.join(known) or 'none'}"
            raise Mistake("SC119", f"the spec has no param named {key.text!r}", key, help)
    return {key.text: param_value(value, report.graph.env) for key, value in chosen.pairs}


def _diagnostic(mistake: Mistake) -> Diagnostic:
    return Diagnostic(mistake.code, mistake.message, mistake.start, mistake.end, help=mistake.help, fix=mistake.fix)


def _checked(case: Pairs, report: Report, measure: Measure, settings: Mapping[str, Any]) -> Iterator[Diagnostic]:
    graph = report.graph
    assert graph is not None
    for key, node in case.pairs:
        if key.text not in EXPECT_KEYS:
            yield _unknown(key, EXPECT_KEYS)
        elif key.text == "sizes":
            yield from _sizes(node, report, measure, settings)
        elif key.text != "set":
            yield from _stated(key, node, report)


def _unknown(key: Scalar, known: tuple[str, ...]) -> Diagnostic:
    from shapecalc.source.spelling import respelled

    near = nearest(key.text, known)
    help = f"did you mean `{near}`?" if near else f"the keys are {', '.join(known)}"
    fix = respelled(key, key.text, near)
    return Diagnostic("SC103", f"`expect` has no key {key.text!r}", key.start, key.end, help=help, fix=fix)


def _stated(key: Scalar, node: Node, report: Report) -> Iterator[Diagnostic]:
    graph = report.graph
    assert graph is not None
    if key.text == "output":
        yield from _outputs(node, graph.outputs, graph.env, report)
    elif key.text == "receptive_field":
        field = report.totals.receptive_field
        yield from _field("the receptive field", node, field, graph.env, report)
    else:
        value = getattr(report.totals, key.text)
        reason = "" if value is not None else report.reasons.get(key.text, "")
        if report.leaves_out(key.text):
            value, reason = None, "part of it is not known"
        yield from _number(key.text, value, node, graph.env, report, reason)


def _number(
    title: str, value: Any, node: Node, env: Mapping[str, Any], report: Report, reason: str = ""
) -> Iterator[Diagnostic]:
    try:
        text = "" if value is None else unmet(value, node, env, report.legal)
    except Mistake as mistake:
        yield _diagnostic(mistake)
        return
    except Silent:
        return
    if text:
        yield Diagnostic("SC501", f"{title}: {text}", node.start, node.end)
    elif text == "":
        because = reason or f"it is {value}"
        yield Diagnostic("SC503", f"{title} cannot be decided: {because}", node.start, node.end)


def _outputs(node: Node, outputs: tuple[Wire, ...], env: Mapping[str, Any], report: Report) -> Iterator[Diagnostic]:
    several = isinstance(node, Items) and node.items and all(isinstance(i, Items) for i in node.items)
    shapes = node.items if several and isinstance(node, Items) else [node]
    if len(shapes) != len(outputs):
        message = f"the network has {len(outputs)} outputs, and {len(shapes)} are expected"
        yield Diagnostic("SC501", message, node.start, node.end)
        return
    for wanted, wire in zip(shapes, outputs, strict=True):
        yield from _shape("output", wanted, wire, env, report)


def _shape(title: str, node: Node, wire: Wire, env: Mapping[str, Any], report: Report) -> Iterator[Diagnostic]:
    """A shape as stated against the shape of a value; N is implied where the value's first axis is the batch."""
    if wire.shape is None:
        return
    try:
        wanted = shape_of(node, env)
    except Mistake as mistake:
        yield _diagnostic(mistake)
        return
    except Silent:
        return
    if wire.shape and "N" in names(wire.shape[0]):
        wanted = with_batch(wanted)
    if wire.shape == wanted:
        return
    shown = f"it is {_listed(wire.shape)}, and {_listed(wanted)} is expected"
    if len(wire.shape) != len(wanted):
        yield Diagnostic("SC501", f"{title}: {shown}", node.start, node.end)
        return
    from shapecalc.analysis.agree import agree

    verdicts = [agree(a, b, report.legal) for a, b in zip(wire.shape, wanted, strict=True)]
    refuted = next((v for v in verdicts if not isinstance(v, bool) and v is not None), None)
    if refuted is not None or False in verdicts:
        yield Diagnostic("SC501", f"{title}: {shown}{refuted or ''}", node.start, node.end)
    elif None in verdicts:
        yield Diagnostic("SC503", f"{title} cannot be decided for all sizes: {shown}", node.start, node.end)


def _listed(shape: Any) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _field(
    title: str, node: Node, field: ReceptiveField | None, env: Mapping[str, Any], report: Report
) -> Iterator[Diagnostic]:
    if field is None:
        yield Diagnostic("SC501", f"{title}: no layer has one", node.start, node.end)
        return
    bounds = isinstance(node, Items) and any(isinstance(i, Scalar) and i.text[:1] in "<>" for i in node.items)
    per_axis = node.items if isinstance(node, Items) and not bounds else [node] * len(field.size)
    if len(per_axis) != len(field.size):
        message = f"{title} has {len(field.size)} axes, and {len(per_axis)} are expected"
        yield Diagnostic("SC501", message, node.start, node.end)
        return
    for axis, (size, wanted) in enumerate(zip(field.size, per_axis, strict=True)):
        if isinstance(wanted, Scalar) and (wanted.text == "all" or size == "all"):
            if size != wanted.text:
                message = f"{title} is {size}, and {wanted.text} is expected"
                yield Diagnostic("SC501", message, wanted.start, wanted.end)
                return
            continue
        found = list(_number(title, size, wanted, env, report, field.reason))
        yield from found
        if found and axis == 0:
            return


def _sizes(node: Node, report: Report, measure: Measure, settings: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Each listed size of each symbol must work."""
    graph = report.graph
    assert graph is not None
    if not isinstance(node, Pairs):
        raise Mistake("SC105", f"`sizes` is a mapping from symbols to lists, not {kind_of(node)}", node)
    for key, listed in node.pairs:
        if not names(graph.env.get(key.text, 0)) and key.text not in settings:
            message = f"the input has no size named {key.text!r}"
            yield Diagnostic("SC119", message, key.start, key.end)
            continue
        for item in listed.items if isinstance(listed, Items) else [listed]:
            value = param_value(item, graph.env)
            other = measure(graph.spec, {**settings, key.text: value})
            error = next((d for d in other.diagnostics if d.severity == "error"), None)
            if error is not None:
                where = f" at {error.layer}" if error.layer else ""
                message = f"{key.text} = {value} does not work: {error.message}{where}"
                yield Diagnostic("SC501", message, item.start, item.end)


def _layer(report: Report, expectation: Expectation) -> Iterator[Diagnostic]:
    """What stands beside one layer."""
    node = expectation.value
    if not isinstance(node, Pairs):
        yield Diagnostic("SC105", f"`expect` is a mapping, not {kind_of(node)}", node.start, node.end)
        return
    found: list[Diagnostic] = []
    for key, wanted in node.pairs:
        if key.text not in LAYER_EXPECT_KEYS:
            found.append(_unknown(key, LAYER_EXPECT_KEYS))
        elif key.text == "shape":
            found += _shape("shape", wanted, expectation.wire, expectation.env, report)
        elif key.text == "receptive_field":
            maker = expectation.wire.node
            field = None if maker is None else report.layers[maker.index].receptive_field
            found += _field("the receptive field", wanted, field, expectation.env, report)
        else:
            covered = report.layers[expectation.first : expectation.last]
            value, partial = total([getattr(layer, key.text) for layer in covered])
            known = None if partial else value
            found += _number(key.text, known, wanted, expectation.env, report, "part of it is not known")
    for diagnostic in found:
        diagnostic.layer = expectation.path
        diagnostic.trail = trail_text(expectation.trail)
        yield diagnostic
