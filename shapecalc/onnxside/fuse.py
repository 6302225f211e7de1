"""Nodes that exporters write for one layer -> that one node: a bias behind a product, GELU, SiLU and Hardswish.

Only where nothing else takes what lies between. Knows sizes of constants, and nothing of other sizes.
"""

from __future__ import annotations

from math import isclose, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx

    Numbers = Callable[[str], Any]


OURS = "shapecalc"
"""The domain of nodes that stand for several."""


class Links:
    """Who makes and who takes which tensor; `number` is the one number of a constant, None where it is none."""

    __slots__ = ("fixed", "kept", "makers", "number", "takers")

    def __init__(self, graph: onnx.GraphProto, fixed: Mapping[str, tuple[int, ...]], number: Numbers) -> None:
        self.makers = {name: node for node in graph.node for name in node.output}
        self.takers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.takers.setdefault(name, []).append(node)
        self.kept = {o.name for o in graph.output}
        self.fixed = fixed
        self.number = number

    def only(self, name: str, op: str) -> onnx.NodeProto | None:
        """The node of this kind that alone takes a tensor."""
        found = self.takers.get(name, [])
        return found[0] if len(found) == 1 and name not in self.kept and found[0].op_type == op else None

    def made_by(self, name: str, op: str) -> onnx.NodeProto | None:
        node = self.makers.get(name)
        return node if node is not None and node.op_type == op else None

    def times(self, node: onnx.NodeProto, number: float) -> str:
        """What a Mul, Add or Div by this number takes besides it; empty where it is none."""
        for n, name in enumerate(node.input[:2]):
            if (n == 1 or node.op_type in ("Mul", "Add")) and _near(self.number(name), number):
                return str(node.input[1 - n])
        return ""


def _near(value: Any, number: float) -> bool:
    return isinstance(value, int | float) and isclose(value, number, rel_tol=1e-3)


def fused(graph: onnx.GraphProto, fixed: Mapping[str, tuple[int, ...]], number: Numbers) -> list[onnx.NodeProto]:
    """The nodes of a graph, some in place of several; the last of these is where the one stands."""
    links = Links(graph, fixed, number)
    gone: set[int] = set()
    instead: dict[int, onnx.NodeProto] = {}
    for node in graph.node:
        read = RULES.get(node.op_type)
        found = read(node, links) if read is not None and not node.domain else None
        if found is None or any(id(n) in gone or id(n) in instead for n in found[1]):
            continue
        made, parts = found
        instead[id(parts[-1])] = made
        gone.update(id(n) for n in parts[:-1])
    return [instead.get(id(n), n) for n in graph.node if id(n) not in gone]


def _made(op: str, inputs: list[str], last: onnx.NodeProto, like: onnx.NodeProto) -> onnx.NodeProto:
    """The node in place of some; its names are those of the one that tells where it lies, its domain ours."""
    import onnx

    node = onnx.NodeProto()
    node.CopyFrom(like)
    del node.input[:], node.output[:], node.attribute[:]
    node.op_type, node.domain = op, OURS
    node.input.extend(inputs)
    node.output.append(last.output[0])
    return node


def _bias(node: onnx.NodeProto, links: Links) -> Any:
    """MatMul by a constant, and a vector that is added behind it."""
    matrix = links.fixed.get(node.input[1], ())
    last = links.only(node.output[0], "Add")
    if len(matrix) != 2 or last is None or node.input[0] in links.fixed:
        return None
    other = next((n for n in last.input if n != node.output[0]), "")
    if links.fixed.get(other) != matrix[1:]:
        return None
    return _made("MatMul", [*node.input, other], last, last), [node, last]


def _gelu(node: onnx.NodeProto, links: Links) -> Any:
    """`x * (1 + erf(x / sqrt(2))) / 2`, the half in front or behind."""
    scaled = links.makers.get(node.input[0])
    if scaled is None:
        return None
    x = links.times(scaled, sqrt(2) if scaled.op_type == "Div" else 1 / sqrt(2))
    more = links.only(node.output[0], "Add")
    if not x or more is None or not links.times(more, 1.0):
        return None
    product = links.only(more.output[0], "Mul")
    if product is None or links.only(scaled.output[0], "Erf") is None:
        return None
    other = next((n for n in product.input if n != more.output[0]), "")
    parts = [scaled, node, more, product]
    if other != x:
        half = links.made_by(other, "Mul")
        if half is None or links.times(half, 0.5) != x or links.only(other, "Mul") is None:
            return _half_of_sum(x, product, more, parts, links)
        return _made("Gelu", [x], product, product), [half, *parts]
    last = links.only(product.output[0], "Mul")
    if last is None or not links.times(last, 0.5):
        return None
    return _made("Gelu", [x], last, last), [*parts, last]


def _half_of_sum(x: str, product: Any, more: Any, parts: list[Any], links: Links) -> Any:
    """The half taken of the sum: `x * ((1 + erf) * 0.5)`."""
    if not links.times(product, 0.5):
        return None
    last = links.only(product.output[0], "Mul")
    if last is None or x not in last.input:
        return None
    return _made("Gelu", [x], last, last), [*parts, last]


def _gated(node: onnx.NodeProto, links: Links) -> Any:
    """`x * sigmoid(x)`, and the same with the hard one."""
    last = links.only(node.output[0], "Mul")
    if last is None or sorted(last.input) != sorted([node.input[0], node.output[0]]):
        return None
    if node.op_type == "Sigmoid":
        return _made("Swish", [node.input[0]], last, node), [node, last]
    alpha = next((a.f for a in node.attribute if a.name == "alpha"), 0.2)
    beta = next((a.f for a in node.attribute if a.name == "beta"), 0.5)
    if not isclose(alpha, 1 / 6, rel_tol=1e-6) or beta != 0.5:
        return None
    return _made("HardSwish", [node.input[0]], last, node), [node, last]


RULES = {"MatMul": _bias, "Erf": _gelu, "Sigmoid": _gated, "HardSigmoid": _gated}
