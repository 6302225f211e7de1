"""What tensors have in common that a module holds by itself: no input, sizes as written, one name in the `state_dict`.

Knows no operator in particular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import Arrangement
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, Listed
from shapecalc.ops.op import NO_NEEDS, Attribute, source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

SIZES = Attribute("shape", Listed(COUNT), doc="its sizes", main=True)


class HeldTensor(Arrangement):
    """A tensor of its own, learned or not; it takes no input and leaves the flow as it was."""

    still = True
    inputs = ()
    module = False
    dtype: str
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
        return (self.dtype,)

    def tensor(self) -> Mapping[str, Shape]:
        """It alone, under the layer's own name: `index`, not `index.weight`."""
        return {"": self.sizes}

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return None

    def filled(self, number: Any) -> str:
        """Source of the tensor with one number everywhere; `zeros` and `ones` by their names."""
        if isinstance(number, str):
            return f"torch.{number}({self.listed()}{self.of_dtype()})"
        value = float(number) if self.dtype in FLOATS else number
        return f"torch.full({source(self.sizes)}, {source(value)}{self.of_dtype()})"

    def listed(self) -> str:
        """Its sizes as arguments."""
        return ", ".join(map(source, self.sizes)) or "()"

    def of_dtype(self) -> str:
        """Its dtype as a further argument, where it is not torch's default."""
        return "" if self.dtype == "float32" else f", dtype=torch.{self.dtype}"

    def call(self, module: str, args: Sequence[str]) -> str:
        return module
