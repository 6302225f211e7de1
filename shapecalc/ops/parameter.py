"""Learned tensors that belong to no layer: class tokens, position embeddings, layer scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import Arrangement
from shapecalc.ops.kinds import COUNT, Either, Kind, Listed, Number, Word
from shapecalc.ops.op import NO_NEEDS, Attribute, source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Normal(Kind):
    """`{normal: 0.02}`: normally distributed around 0 with that standard deviation."""

    wants = "{normal: standard deviation}"

    def read(self, value: Any) -> tuple[str, float]:
        if not (isinstance(value, list | tuple) and len(value) == 2 and value[0] == "normal"):
            raise self.unfit(value)
        return ("normal", Number(0).read(value[1]))


class Parameter(Arrangement):
    """A learned tensor; it takes no input and leaves the flow as it was.

    Sizes: as given, literally: no batch dimension is put in front.
    Cost: its values are parameters; no multiply-accumulates.
    Pitfalls: to put a class token in front of every sample of a batch, Expand it to [N, -1, -1] first.
    Torch: torch.nn.Parameter.
    """

    still = True
    inputs = ()
    module = False
    attributes = (
        Attribute("shape", Listed(COUNT), doc="its sizes", main=True),
        Attribute(
            "init",
            Either(Word("zeros", "ones"), Number(), Normal()),
            "zeros",
            "its first values: zeros, ones, a number, or {normal: standard deviation}",
        ),
    )
    init: Any
    sizes: tuple[Dim, ...]

    def settle(self, *xs: Shape) -> None:
        """torch's name of the argument is that of the rule for shapes, so the value moves to another."""
        self.sizes = self.__dict__.pop("shape", ())

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (self.sizes,)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("float32",)

    def weights(self) -> Mapping[str, Shape]:
        """One tensor under the layer's own name: `class_token`, not `class_token.weight`."""
        return {"": self.sizes}

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return None

    def constructor(self) -> str | None:
        sizes = ", ".join(map(source, self.sizes)) or "()"
        if isinstance(self.init, str):
            return f"nn.Parameter(torch.{self.init}({sizes}))"
        if isinstance(self.init, tuple):
            return f"nn.Parameter(torch.randn({sizes}) * {source(self.init[1])})"
        return f"nn.Parameter(torch.full({source(self.sizes)}, {source(float(self.init))}))"

    def call(self, module: str, args: Sequence[str]) -> str:
        return module

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"shape": [1, 1, 6]}, ()),
            ({"shape": [4], "init": 1}, ()),
            ({"shape": [2, 3], "init": ("normal", 0.02)}, ()),
            ({"shape": [1], "init": "ones"}, ()),
        ]
