"""Learned tensors that belong to no layer: class tokens, position embeddings, layer scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.held import SIZES, HeldTensor
from shapecalc.ops.kinds import Either, Kind, Number, Word
from shapecalc.ops.op import Attribute, source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.ops.op import Shape


class Normal(Kind):
    """`{normal: 0.02}`: normally distributed around 0 with that standard deviation."""

    wants = "{normal: standard deviation}"

    def read(self, value: Any) -> tuple[str, float]:
        if not (isinstance(value, list | tuple) and len(value) == 2 and value[0] == "normal"):
            raise self.unfit(value)
        return ("normal", Number(0).read(value[1]))


class Parameter(HeldTensor):
    """A learned tensor; it takes no input and leaves the flow as it was.

    Sizes: as given, literally: no batch dimension is put in front.
    Cost: its values are parameters; no multiply-accumulates.
    Pitfalls: to put a class token in front of every sample of a batch, Expand it to [N, -1, -1] first.
    Torch: torch.nn.Parameter.
    """

    attributes = (
        SIZES,
        Attribute(
            "init",
            Either(Word("zeros", "ones"), Number(), Normal()),
            "zeros",
            "its first values: zeros, ones, a number, or {normal: standard deviation}",
        ),
    )
    dtype = "float32"

    def weights(self) -> Mapping[str, Shape]:
        return self.tensor()

    def constructor(self) -> str | None:
        if isinstance(self.init, tuple):
            return f"nn.Parameter(torch.randn({self.listed()}) * {source(self.init[1])})"
        return f"nn.Parameter({self.filled(self.init)})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"shape": [1, 1, 6]}, ()),
            ({"shape": [4], "init": 1}, ()),
            ({"shape": [2, 3], "init": ("normal", 0.02)}, ()),
            ({"shape": [1], "init": "ones"}, ()),
        ]
