"""Names that exporters leave in a file -> the modules that nodes lie in, and the paths of layers and weights.

Torch's exporters tell of the module tree: the newer one in each node's metadata, with the classes; the older one in the
nodes' names, as `/layer1/layer1.0/conv1/Conv`. Weights keep their `state_dict` keys. Whatever else a file has for names
is no path, and is not followed.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.step import Step
from shapecalc.torchside.importing.tree import snake

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping, Sequence

    import onnx

    from shapecalc.onnxside.call import Tensor

    Placed = tuple[tuple[str, ...], Step]

SEGMENT = r"(?!__)[A-Za-z0-9_][A-Za-z0-9_-]{0,100}"
PATH = re.compile(rf"{SEGMENT}(\.{SEGMENT}){{0,30}}\Z", re.ASCII)
SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
LONG = 10_000


TRUSTS = ("modules", "weights", "nothing")
"""How much of the names is followed: all, those of weights alone, or none, where a spec does not come out else."""


def is_path(text: str) -> bool:
    """Whether a text can be the path of a module or a weight in a tree of modules."""
    return PATH.match(text) is not None


class Scopes:
    """The modules of a graph by their paths, as far as its names are trusted."""

    __slots__ = ("_chains", "classes", "leaves", "made", "trust", "whole")

    def __init__(self, nodes: Sequence[onnx.NodeProto], fixed: Collection[str], *, trust: str) -> None:
        self.trust = trust
        self.made: dict[str, int] = {}
        known = {name[:n] for name in fixed for n, c in enumerate(name) if c == "." and len(name) < LONG}
        self.whole = ""
        """The class of the network itself."""
        self.classes: dict[str, str] = {}
        self.leaves: dict[str, int] = {}
        self._chains: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            chain = self._told(node, known)
            self._chains[_key(node)] = chain
            if chain and node.op_type in WEIGHTED and any(n in fixed for n in node.input[1:2]):
                self.leaves[chain[-1]] = self.leaves.get(chain[-1], 0) + 1

    def _told(self, node: onnx.NodeProto, known: Container[str]) -> tuple[str, ...]:
        told = _from_metadata(node)
        paths, classes, whole = told or (_from_name(node.name, known), [], "")
        self.whole = self.whole or whole
        for n, path in enumerate(paths):
            self.classes.setdefault(path, classes[n] if n < len(classes) else "")
        return tuple(paths)

    def chain(self, node: onnx.NodeProto, path: str) -> tuple[str, ...]:
        """The paths of the modules that a step lies in, from the outside inwards; `path` is the layer's own."""
        if self.trust != TRUSTS[0]:
            return ()
        if not path:
            return self._chains.get(_key(node), ())
        names = path.split(".")
        return tuple(p for n in range(1, len(names)) if (p := ".".join(names[:n])) in self.classes)

    def path_of(self, node: onnx.NodeProto, taken: Sequence[Tensor | None]) -> str:
        """The path of the layer whose weights a node takes; empty where no name tells.

        Exporters keep equal weights once, so that a weight may have the name of another layer's.
        """
        if self.trust == TRUSTS[2]:
            return ""
        chain = self._chains.get(_key(node), ())
        leaf = chain[-1] if chain and self.leaves.get(chain[-1]) == 1 else ""
        kind = self.classes.get(leaf, "").rpartition(".")[2]
        if leaf and (not kind or kind.startswith(WEIGHTED.get(node.op_type, "?"))):
            return leaf
        names = [t.name if t.one is None else t.one.name for t in taken[1:] if t is not None and t.fixed is not None]
        for name in (*names, *(_turned(t) for t in taken[1:])):
            stem, _, last = name.rpartition(".")
            around = stem.rpartition(".")[0]
            if last in ("weight", "bias") and is_path(stem) and (not chain or _within(chain[-1], around)):
                return stem
            if last in ("weight", "bias") and (moved := _moved(stem, chain)):
                return moved
        return leaf

    def free(self, node: onnx.NodeProto, op: str) -> str:
        """A path for a layer with weights that no name tells of, beside the node and used once."""
        chain = self.chain(node, "")
        stem = f"{chain[-1]}.{snake(op)}" if chain else snake(op)
        self.made[stem] = self.made.get(stem, 0) + 1
        return stem if self.made[stem] == 1 else f"{stem}{'_' * stem[-1].isdigit()}{self.made[stem]}"

    def key(self, name: str, node: onnx.NodeProto) -> str:
        """The key of a tensor that is no layer's: its own name where that is a path, else one beside the node."""
        if is_path(name) and ("." in name or not self.classes) and self.trust != TRUSTS[2]:
            return name
        chain = self.chain(node, "")
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:60] or "tensor"
        if is_path(name) and name == plain and not re.match(r"val_\d+\Z", name):
            return name
        return f"{chain[-1]}.{plain}" if chain else plain


WEIGHTED: Mapping[str, str] = {
    "Conv": "Conv",
    "ConvTranspose": "ConvTranspose",
    "Gemm": "Linear",
    "MatMul": "Linear",
    "BatchNormalization": "BatchNorm",
    "LayerNormalization": "LayerNorm",
    "GroupNormalization": "GroupNorm",
    "InstanceNormalization": "InstanceNorm",
    "PRelu": "PReLU",
}
"""Nodes that are a layer with weights where their second input is a constant, and how torch's classes begin."""


def _moved(stem: str, chain: Sequence[str]) -> str:
    """The path of a layer in the module of a list that a node lies in, where its twin's name is told; or nothing."""
    names = stem.split(".")
    for path in reversed(chain):
        count = path.count(".") + 1
        twin = ".".join(names[:count])
        if len(names) > count and re.sub(r"\d+", "0", twin) == re.sub(r"\d+", "0", path) and is_path(stem):
            return ".".join([path, *names[count:]])
    return ""


def _within(path: str, around: str) -> bool:
    return not around or path == around or path.startswith(f"{around}.")


def _turned(tensor: Tensor | None) -> str:
    fixed = tensor.one if tensor is not None else None
    return fixed.turned.name if fixed is not None and fixed.turned is not None else ""


def _key(node: onnx.NodeProto) -> str:
    return next((name for name in node.output if name), "")


def _from_metadata(node: onnx.NodeProto) -> tuple[list[str], list[str], str] | None:
    """Paths and classes of the modules around a node, and the class of the network itself."""
    facts = {p.key: p.value for p in node.metadata_props if len(p.value) < LONG}
    scopes, classes = _texts(facts.get(SCOPES, "")), _texts(facts.get(CLASSES, ""))
    if len(scopes) < 2:
        return None
    found = [(s, classes[n] if n < len(classes) else "") for n, s in enumerate(scopes[:-1]) if s]
    if any(not is_path(s) for s, _ in found) or scopes[0]:
        return None
    kept = [(s, c) for n, (s, c) in enumerate(found) if n == 0 or s.startswith(f"{found[n - 1][0]}.")]
    return [s for s, _ in kept], [c for _, c in kept], classes[0] if classes else ""


def _texts(text: str) -> list[str]:
    """A list of texts as Python writes it, read as a literal."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(t, str) for t in found) else []


def _from_name(name: str, known: Container[str]) -> list[str]:
    """`/layer1/layer1.0/conv1/Conv` as layer1, layer1.0, layer1.0.conv1: a module in a list tells the list's name.

    Where the list has the name of the module that it is in, weights tell which of both is meant.
    """
    if not name.startswith("/") or len(name) > LONG:
        return []
    paths: list[str] = []
    tail = ""
    for segment in name.split("/")[1:-1]:
        if not is_path(segment):
            return []
        inner = f"{paths[-1]}.{segment}" if paths else segment
        twin = f"{paths[-1]}{segment.removeprefix(tail)}" if paths and segment.startswith(f"{tail}.") else inner
        paths.append(inner if inner in known and twin not in known else twin)
        tail = segment
    return paths


# modules around steps


def nested(placed: Sequence[Placed], root: Step, scopes: Scopes) -> None:
    """Put the steps into modules, with what each takes and gives, and those into the root."""
    placed = _whole(placed)
    root.steps = _nest(placed, 0, scopes)
    users: dict[int, int] = {}
    for n, (_, step) in enumerate(placed):
        users.update((id(value), n) for value in step.inputs)
    users.update((id(value), len(placed)) for value in root.outputs)
    numbers = {id(step): n for n, (_, step) in enumerate(placed)}
    for step in root.steps:
        _border(step, users, numbers)


def _whole(placed: Sequence[Placed]) -> Sequence[Placed]:
    """Without the modules whose steps lie apart in the graph, unless each part is a call of the same layers."""
    runs: dict[str, list[list[Step]]] = {}
    before: tuple[str, ...] = ()
    for chain, step in placed:
        for path in chain:
            if path not in before:
                runs.setdefault(path, []).append([])
            runs[path][-1].append(step)
        before = chain
    apart = {path for path, parts in runs.items() if len({frozenset(s.path for s in p if s.path) for p in parts}) > 1}
    return [(tuple(p for p in chain if p not in apart), step) for chain, step in placed]


def _nest(placed: Sequence[Placed], depth: int, scopes: Scopes) -> list[Step]:
    found: list[Step] = []
    at = 0
    while at < len(placed):
        chain, step = placed[at]
        if len(chain) <= depth:
            found.append(step)
            at += 1
            continue
        end = at
        while end < len(placed) and placed[end][0][depth : depth + 1] == chain[depth : depth + 1]:
            end += 1
        group = Step(chain[depth], None, _class(scopes.classes.get(chain[depth], "")), step.line)
        group.steps = _nest(placed[at:end], depth + 1, scopes)
        found.append(group)
        at = end
    return found


def _border(step: Step, users: Mapping[int, int], numbers: Mapping[int, int]) -> tuple[int, int, list[Step]]:
    """What a module takes and gives; the numbers of its first and last step, and all its steps."""
    if step.op is not None:
        return numbers[id(step)], numbers[id(step)], [step]
    inner = [_border(s, users, numbers) for s in step.steps]
    first, last, leaves = inner[0][0], inner[-1][1], [leaf for _, _, found in inner for leaf in found]
    made: dict[int, Any] = {id(v): v for leaf in leaves for v in leaf.outputs}
    taken = {id(v): v for leaf in leaves for v in leaf.inputs if id(v) not in made and not v.own}
    step.inputs = list(taken.values())
    step.outputs = [v for key, v in made.items() if users.get(key, -1) > last]
    return first, last, leaves


@cache
def _class(name: str) -> type | None:
    """A class that stands for one of the exporter's; none where no name is known."""
    package, _, last = name.rpartition(".")
    short = re.sub(r"\W", "", last, flags=re.ASCII).lstrip("0123456789")[:60]
    if not short:
        return None
    ours = package if package.startswith("torch.nn.") and PATH.match(package) else "onnx"
    return type(short, (), {"__module__": ours})
