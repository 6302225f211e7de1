"""Where a value comes from: the sizes on its way from the input, for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Wire
    from shapecalc.ops.op import Shape

STEPS = 5


def arrival(wire: Wire) -> str:
    """One line on how a value got its shape: the product that a flatten made, and the layers that changed it.

    For example "32*7*7 = 1568; 2 (Flatten) 1568 <- 1 (MaxPool2d) 32x7x7 <- 0 (Conv2d) 32x28x28 <- input 1x28x28".
    """
    steps = _steps(wire)
    if not steps:
        return ""
    product = _product(wire)
    chain = " <- ".join(f"{origin} {_short(shape)}" for origin, shape in steps)
    return f"{product}; {chain}" if product else chain


def _steps(wire: Wire) -> list[tuple[str, Shape]]:
    """Origins and shapes from the value back to the input, those that changed the shape; the middle left out."""
    steps: list[tuple[str, Shape]] = []
    current: Wire | None = wire
    while current is not None and current.shape is not None:
        inputs = () if current.node is None else current.node.inputs
        before = next((w for w in inputs if w is not None), None)
        if before is None or before.shape != current.shape or not steps:
            maker = f" ({current.node.op_name})" if current.node is not None else ""
            steps.append((f"{current.origin}{maker}", current.shape))
        current = before
    if len(steps) > STEPS:
        return [*steps[: STEPS - 1], steps[-1]]
    return steps


def _product(wire: Wire) -> str:
    """`32*7*7 = 1568` where the last size is the product of the sizes before a layer that merged them."""
    node = wire.node
    while node is not None and node.inputs and node.inputs[0] is not None:
        before = node.inputs[0]
        if before.shape is None or wire.shape is None or before.shape == wire.shape:
            node = before.node
            continue
        merged = before.shape[1:]
        if len(before.shape) > len(wire.shape) and len(wire.shape) > 1:
            return f"{'*'.join(map(_factor, merged))} = {wire.shape[-1]}"
        return ""
    return ""


def _short(shape: Shape) -> str:
    sizes = shape[1:] if len(shape) > 1 and str(shape[0]) == "N" else shape
    return "x".join(map(_factor, sizes))


def _factor(size: Dim) -> str:
    """A size as a factor: closed forms of several words in brackets."""
    text = str(size)
    return text if text.isalnum() else f"({text})"


def last_change(wire: Wire, axis: int) -> str:
    """The layer that last changed a size on its way here: "pool5 (MaxPool2d) takes 3 to 1"."""
    current: Wire | None = wire
    while current is not None and current.node is not None and current.shape is not None:
        before = next((w for w in current.node.inputs if w is not None), None)
        if before is None or before.shape is None or len(before.shape) != len(current.shape):
            return ""
        if before.shape[axis] != current.shape[axis]:
            return f"{current.node.path} ({current.node.op_name}) takes {before.shape[axis]} to {current.shape[axis]}"
        current = before
    return ""
