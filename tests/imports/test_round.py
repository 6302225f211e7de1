"""Spec -> module -> spec: the same graph, with operators, arguments, wiring, shapes and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import shapecalc  # noqa: E402
from tests import plain  # noqa: E402

SPECS = Path(__file__).parent.parent.parent / "specs"
SIZES: dict[str, dict[str, Any]] = {"char_gpt": {"T": 24}, "unet": {"H": 32, "W": 48}}
"""Sizes that a spec leaves open; a module shows what it does with numbers."""


def graph_of(report: Any) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Layers in order with what they take, by number; what the network gives; and the keys of its `state_dict`.

    Names of layers that hold nothing are not compared, and what does nothing (Identity) stands for its input.
    """
    found: list[Any] = []
    places: dict[int, Any] = {}
    inputs = {wire.name: n for n, wire in enumerate(report.graph.inputs)}

    def source(wire: Any) -> Any:
        if wire is None or wire.node is None:
            return wire and ("input", inputs[wire.name])
        return places[id(wire.node)] if wire.node.op_name == "Identity" else (*places[id(wire.node)], wire.index)

    for node in report.graph.nodes:
        op = node.op
        if node.op_name == "Identity":
            places[id(node)] = source(node.inputs[0])
        elif not op.inputs:
            places[id(node)] = (node.path,)
        else:
            places[id(node)] = ("layer", len(found))
            arguments = {a.name: getattr(op, a.name, None) for a in op.attributes if a.name != "inplace"}
            if arguments.get("stride", 1) is None:
                arguments["stride"] = arguments["kernel_size"]
            key = node.owner.path if op.weights() or op.buffers() else ""
            ties = {name: (owner.path, theirs) for name, (owner, theirs) in node.ties.items()}
            shapes = [(w.shape, w.dtype) for w in node.outputs]
            found.append((node.op_name, arguments, [source(w) for w in node.inputs], shapes, key, ties))
    return found, [source(w) for w in report.graph.outputs], report.state_dict()


def example(report: Any) -> dict[str, Any]:
    """Inputs of a batch of two."""
    sizes = {w.name: [2 if str(s) == "N" else int(s) for s in w.shape] for w in report.graph.inputs}
    return {w.name: torch.zeros(sizes[w.name], dtype=getattr(torch, w.dtype)) for w in report.graph.inputs}


@pytest.mark.parametrize("name", sorted(p.stem for p in SPECS.glob("*.yaml")))
def test_spec_to_module_and_back_is_the_same_graph(name: str) -> None:
    first = plain.check(str(SPECS / f"{name}.yaml"), params=SIZES.get(name, {}))
    assert first.ok
    with torch.random.fork_rng():
        module = shapecalc.build(first)
    inputs = example(first)
    text = shapecalc.from_module(module, inputs if len(inputs) > 1 else list(inputs.values()))
    assert graph_of(plain.check_text(text)) == graph_of(first)
