"""A layer of the user's own that no block can express: it states its facts, and what it does not state is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT, Window
from shapecalc.ops.op import NO_NEEDS, Kept, Operator, UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Opaque(Operator):
    """An opaque block of the spec.

    Sizes: as the block states.
    Cost: parameters and multiply-accumulates as the block states; otherwise unknown, and totals a lower bound.
    Pitfalls: nothing checks what it states; emitted code holds a stub.
    Torch: none.
    """

    stated = True

    name: str
    stated_shape: Shape
    stated_weights: Mapping[str, Shape] | None
    stated_macs: Dim | None
    stated_window: list[tuple[int, int, int, int]] | None
    """Kernel, stride, padding and dilation of each spatial axis."""
    arguments: Mapping[str, Any]

    def __init__(self, values: Mapping[str, Any], *xs: Shape) -> None:
        self.notes, self.given = {}, {}
        for name, value in values.items():
            setattr(self, name, value)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (self.stated_shape,)

    def weights(self) -> Mapping[str, Shape]:
        if self.stated_weights is None:
            raise UnknownFact(f"block {self.name} does not state its weights")
        return self.stated_weights

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return self.stated_macs

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """From axis 2 on, of the first input; unknown where not stated, and of further inputs."""
        if self.stated_window is None:
            return [() for _ in xs]
        spatial = [(a, Window(*w)) for a, w in enumerate(self.stated_window, 2)]
        return [((0, POINT), (None, POINT), *spatial), *[()] * (len(xs) - 1)]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        raise UnknownFact(f"block {self.name} does not say what autograd keeps")

    def constructor(self) -> str | None:
        listed = ", ".join(f"{k}={v!r}" for k, v in self.arguments.items())
        return f"{self.name}({listed})"
