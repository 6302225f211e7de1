"""Source text for a module's own tensors, which are no modules: told, added under any name, and reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.codegen.layout import Tree, tree

if TYPE_CHECKING:
    from shapecalc.graph.graph import Node

ADDERS = {"nn.Parameter(": "self.register_parameter(", "nn.Buffer(": "setattr(self, "}
"""What adds them under a name that is no identifier; a buffer tells by itself whether it is persistent."""


def own_tensor(made: str | Tree | None) -> bool:
    """Whether an expression makes a tensor of the module's own, rather than a module."""
    return isinstance(made, str) and made.startswith(tuple(ADDERS))


def added(name: str, made: str | Tree) -> str | Tree:
    """The statement that adds a child under a name that is no identifier."""
    if isinstance(made, Tree):
        return tree("self.add_module(", [f'"{name}"', made], ")")
    adder = next((a for start, a in ADDERS.items() if made.startswith(start)), "self.add_module(")
    return f'{adder}"{name}", {made})'


def getter(node: Node) -> str:
    """The method of nn.Module that gives what a layer is by its path."""
    if node.op is None or node.op.inputs:
        return "get_submodule"
    return "get_buffer" if node.op.buffers() else "get_parameter"
