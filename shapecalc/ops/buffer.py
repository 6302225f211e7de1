"""Tensors that a module keeps and does not learn: tables of indices, masks, positions."""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.ops.dtypes import FLOATS, overflows
from shapecalc.ops.elementwise import DType
from shapecalc.ops.held import SIZES, HeldTensor
from shapecalc.ops.kinds import FLAG, NUMBER, Either, Listed, Word
from shapecalc.ops.op import AT_LEAST_ZERO, NO_NEEDS, ZERO, Attribute, Claim, source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Need, Shape

FEW = 8
"""So many numbers are written as they are; longer lists as a range or as runs, where they are such."""


class Buffer(HeldTensor):
    """A tensor that is kept and not learned; it takes no input and leaves the flow as it was.

    Sizes: as given, literally: no batch dimension is put in front.
    Cost: no parameters and no multiply-accumulates; its bytes count as a buffer's, and no gradient flows to it.
    Pitfalls: zeros that a checkpoint is to fill (a table of indices) mean nothing before it is loaded; with
        `persistent: false` it is in no checkpoint, so `init` must say all that it holds.
    Torch: torch.nn.Buffer.
    """

    attributes = (
        SIZES,
        Attribute(
            "init",
            Either(Word("zeros", "ones"), NUMBER, Listed(NUMBER, strict=True)),
            "zeros",
            "its values: zeros, ones, a number, or a list of all numbers in order: `range(64)`, `[0] * 49 + [1] * 7`",
        ),
        Attribute("dtype", DType(), "float32", doc="its dtype"),
        Attribute("persistent", FLAG, True, "whether it is part of the `state_dict`"),
    )
    persistent: bool

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if isinstance(self.init, str):
            return NO_NEEDS
        fits = -sum(not _fits(n, self.dtype) for n in self.values())
        listed = ((COUNTED, prod(self.sizes) - len(self.init)),) if isinstance(self.init, tuple) else ()
        return (*listed, (FITTING, fits))

    def values(self) -> tuple[Any, ...]:
        """The numbers that `init` gives."""
        return self.init if isinstance(self.init, tuple) else (self.init,)

    def buffers(self) -> Mapping[str, Shape]:
        return self.tensor()

    def buffer_dtype(self, name: str) -> str:
        return self.dtype

    def passing(self, name: str) -> bool:
        return not self.persistent

    def constructor(self) -> str | None:
        return f"nn.Buffer({self._source()}{'' if self.persistent else ', persistent=False'})"

    def _source(self) -> str:
        if len(set(self.values())) == 1:
            return self.filled(self.values()[0])
        numbers = [float(n) if self.dtype in FLOATS else n for n in self.values()]
        flat = _written(numbers, self.of_dtype())
        return flat if len(self.sizes) == 1 else f"torch.reshape({flat}, {source(self.sizes)})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"shape": [1, 1, 6]}, ()),
            ({"shape": [9], "dtype": "int64"}, ()),
            ({"shape": [2, 3], "init": 0.5, "persistent": False}, ()),
            ({"shape": [2, 3], "init": [1, 0, 0, 1, 1, 0], "dtype": "bool"}, ()),
            ({"shape": [24], "init": list(range(24)), "dtype": "int64", "persistent": False}, ()),
            ({"shape": [12, 1], "init": [0] * 7 + [1.5] * 5}, ()),
        ]


def _fits(number: Any, dtype: str) -> bool:
    """Whether a tensor of that dtype holds the number as it is."""
    if type(number) not in (int, float):  # a size that is not known
        return False
    if dtype == "bool":
        return bool(number in (0, 1))
    return (dtype in FLOATS or number == number // 1) and not overflows(number, dtype)


def _written(numbers: Sequence[Any], kind: str) -> str:
    """Source of a vector: a range, runs of equal numbers, or one by one."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    if len(numbers) > FEW and step and all(type(n) is int for n in numbers):
        covered = range(numbers[0], numbers[-1] + (1 if step > 0 else -1), step)
        if list(covered) == numbers:
            return f"torch.arange({covered.start}, {covered.stop}, {covered.step}{kind})"
    runs = [(number, len(list(same))) for number, same in groupby(numbers)]
    if len(numbers) > FEW and len(runs) * 3 <= len(numbers):
        lengths = f"torch.tensor({source([n for _, n in runs])})"
        given = f"torch.tensor({source([n for n, _ in runs])}{kind})"
        return f"torch.repeat_interleave({given}, {lengths}, output_size={len(numbers)})"
    return f"torch.tensor({source(numbers)}{kind})"


def _say_count(op: Any, xs: Sequence[Shape], axis: int) -> str:
    shape = f"[{', '.join(map(str, op.sizes))}]"
    return f"init has {len(op.init)} numbers, and {shape} holds {prod(op.sizes)}"


def _say_fits(op: Any, xs: Sequence[Shape], axis: int) -> str:
    number = next(n for n in op.values() if not _fits(n, op.dtype))
    return f"a tensor of dtype {op.dtype} cannot hold {number}"


COUNTED = Claim("SC211", "init", ZERO, _say_count)
FITTING = Claim("SC109", "init", AT_LEAST_ZERO, _say_fits)
