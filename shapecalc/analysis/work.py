"""Graph -> what layers cost beside parameters and MACs: gradients, other operations, and FLOPs by a convention.

Asked for when somebody wants it, so that a check that shows none of it pays nothing. The figures come from the
operators; nothing here knows one. A figure that an operator does not state is None with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import BROKEN, total
from shapecalc.ops.dtypes import FLOATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.costs import Conditions
    from shapecalc.analysis.memory import Memory
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Node

CLASSES = ("adds", "multiplications", "divisions", "comparisons", "exponentials")
"""The classes of operations that are counted beside multiply-accumulates."""


class Work:
    """Of one layer: MACs of its gradients, operations beside its MACs by class, and FLOPs by the convention."""

    __slots__ = ("flops", "input_macs", "operations", "reasons", "weight_macs")

    def __init__(self) -> None:
        self.input_macs: Dim | None = None
        self.weight_macs: Dim | None = None
        self.operations: Mapping[str, Dim] | None = None
        self.flops: Dim | None = None
        self.reasons: dict[str, str] = {}


def work_of(node: Node, conditions: Conditions, memory: Memory) -> Work:
    """The work of a node; `memory` knows which values a gradient flows back through."""
    work = Work()
    if (
        node.op is None
        or not node.outputs
        or any(w is not None and w.shape is None for w in (*node.inputs, *node.outputs))
    ):
        work.reasons = dict.fromkeys(("macs_backward_input", "macs_backward_weight", "operations", "flops"), BROKEN)
        return work
    xs: Any = [None if w is None or w.shape is None else conditions.sized(w.shape) for w in node.inputs]
    ys: Any = [conditions.sized(w.shape) for w in node.outputs if w.shape is not None]
    _gradients(work, node, xs, ys, memory)
    work.operations = node.op.operations(xs, ys)
    if work.operations is None:
        work.reasons["operations"] = f"{node.op_name} does not state its operations beside multiply-accumulates"
    work.flops = _flops(work, node, xs, ys, conditions.convention)
    return work


def _gradients(work: Work, node: Node, xs: Any, ys: Any, memory: Memory) -> None:
    """A layer that no gradient flows through, and an input that needs none, cost nothing."""
    assert node.op is not None
    learning = memory.learning
    wanted = [w is not None and w.dtype in FLOATS and w in learning for w in node.inputs]
    flows = node.outputs[0] in learning or node.index in memory.reasons
    found = node.op.backward(xs, ys, wanted) if flows else (0, 0)
    if found is None:
        reason = f"{node.op_name} does not state the multiply-accumulates of its gradients"
        work.reasons |= dict.fromkeys(("macs_backward_input", "macs_backward_weight"), reason)
        return
    work.input_macs, work.weight_macs = found


def _flops(work: Work, node: Node, xs: Any, ys: Any, convention: str) -> Dim | None:
    assert node.op is not None
    macs = node.op.macs(xs, ys)
    if convention in ("fvcore", "ptflops"):
        found = node.op.elsewhere(xs, ys).get(convention, macs)
    elif macs is None or convention == "macs":
        found = macs
    elif convention == "torch":
        found = 2 * macs
    else:
        found = None if work.operations is None else 2 * macs + sum(work.operations.values())
    if found is None:
        work.reasons["flops"] = (
            work.reasons.get("operations") or f"{node.op_name} does not state its multiply-accumulates"
        )
    return found


class Effort:
    """The work of all layers in sum; `partial` names what leaves a layer out."""

    __slots__ = ("input_macs", "operations", "partial", "weight_macs")

    def __init__(self, works: Sequence[Work]) -> None:
        self.input_macs, some = total([w.input_macs for w in works])
        self.weight_macs, _ = total([w.weight_macs for w in works])
        known = [w.operations for w in works if w.operations is not None]
        self.operations = {name: sum(found.get(name, 0) for found in known) for name in CLASSES}
        self.partial = ["macs_backward_input", "macs_backward_weight"] * some
        self.partial += ["operations"] * (len(known) < len(works))
