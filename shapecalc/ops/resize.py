"""Resizing of spatial axes: interpolation, and the exchange of channels for pixels."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT, Zoom
from shapecalc.dims.hull import Field, pulled
from shapecalc.dims.sym import Sym, scaled
from shapecalc.ops.arrange import Arrangement, Lost, TensorFunction, is_one, listed, source_size, source_sizes
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG, Either, Kind, Listed, Word, or_null
from shapecalc.ops.layout import as_map, as_row
from shapecalc.ops.op import (
    AT_LEAST_ZERO,
    KEEPS_INPUT,
    KEEPS_NOTHING,
    ZERO,
    Attribute,
    Claim,
    source,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.field import Seen
    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Kept, Lie, Need, Reads, Shape


class Factor(Kind):
    """A finite number above 0: what a size is multiplied by."""

    wants = "a number above 0"

    def read(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
            raise self.unfit(value)
        return value


class Share:
    """Area interpolation: output `o` of `out` reads its share of `inp`, floor(o*inp/out) to ceil((o+1)*inp/out)."""

    __slots__ = ("inp", "out")

    def __init__(self, inp: Any, out: Any) -> None:
        self.inp, self.out = inp, out

    def pull(self, field: Seen) -> Seen:
        """The pattern repeats after all outputs, or earlier where the sizes have a common factor."""
        if type(field) is not Field:
            return field
        if isinstance(self.inp, Sym) or isinstance(self.out, Sym):
            return Lost(f"{self!r} has a size that is not known").pull(field)
        return pulled(field, self.out, self.inp, self._reads)

    def _reads(self, output: int) -> range:
        return range(output * self.inp // self.out, ((output + 1) * self.inp + self.out - 1) // self.out)

    def __repr__(self) -> str:
        return f"Share({self.inp}, {self.out})"


MODES = Word("nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact")
RANKS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
TAPS = {"nearest": 1, "nearest-exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}

SIZE = Attribute("size", or_null(Either(COUNT, Listed(COUNT, strict=True))), None, "sizes of the output")
SCALE_FACTOR = Attribute(
    "scale_factor",
    or_null(Either(Factor(), Listed(Factor(), strict=True))),
    None,
    "what the sizes are multiplied by",
    main=True,
)
INTERPOLATION = (
    SIZE,
    SCALE_FACTOR,
    Attribute("mode", MODES, "nearest", "how values between two positions are made up"),
    Attribute("align_corners", or_null(FLAG), None, "whether the corners of input and output are the same points"),
    Attribute("recompute_scale_factor", or_null(FLAG), None, "whether positions follow from the sizes instead"),
)


class Resize(Arrangement):
    """What interpolations share: the spatial axes get given sizes, or sizes multiplied by a factor."""

    hooked: ClassVar[bool] = False
    """Whether ptflops counts one for each value of the output."""

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return as_row(self, arrival) if self.mode == "area" and len(arrival.xs[0]) == 3 else as_map(self, arrival)

    ranks = (3, 4, 5)
    takes = FLOATS | {"uint8"}
    size: Any
    scale_factor: Any
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None
    antialias: bool = False
    came: Shape

    def settle(self, *xs: Shape) -> None:
        self.came = xs[0]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if (self.size is None) == (self.scale_factor is None):
            return ((ONE_OF_TWO, 1),)
        given = self.size if self.scale_factor is None else self.scale_factor
        if isinstance(given, tuple) and len(given) != len(x) - 2:
            return ((PER_AXIS, 1),)
        least = int(self.mode != "area")  # an adaptive pool, which torch lets make nothing
        return (
            (MODE_FITS, RANKS.get(self.mode, len(x)) - len(x)),
            (CORNERS, int(self.align_corners is not None and self.mode not in RANKS)),
            (RECOMPUTE, int(bool(self.recompute_scale_factor) and self.size is not None)),
            (ANTIALIAS, int(self.antialias and self.mode not in ("bilinear", "bicubic"))),
            *((SOMETHING, y - least, a) for a, y in enumerate(self.shape(x)[0][2:], 2)),
        )

    def never_empty(self, x: Shape) -> int:
        """torch has adaptive pools for areas, of which those over one and two axes let channels be none; or a mean."""
        if self.mode == "area" and all(map(is_one, self.shape(x)[0][2:])):
            return 0
        return len(x) - 2 if self.mode == "area" and len(x) < 5 else len(x) - 1

    def unfit_dtypes(self, *dtypes: str) -> str:
        if dtypes[0] == "uint8" and self.mode in ("linear", "trilinear", "area"):
            return f"takes no uint8 in mode {self.mode}"
        return ""

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        if self.size is not None:
            sizes = per_axis(self.size, len(x) - 2)
        else:
            sizes = tuple(scaled(i, f) for i, f in zip(x[2:], per_axis(self.scale_factor, len(x) - 2), strict=True))
        return ((*x[:2], *sizes),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        (x,), (y, *_) = xs, ys
        factors: Any = (None,) * len(x)
        if self.scale_factor is not None and not self.recompute_scale_factor:
            factors = per_axis(self.scale_factor, len(x) - 2)
        spatial = [(a, self.reads(i, o, f)) for a, (i, o, f) in enumerate(zip(x[2:], y[2:], factors, strict=False), 2)]
        return (((0, POINT), (1, POINT), *spatial),)

    def reads(self, i: Dim, o: Dim, factor: float | None) -> Any:
        """How an axis of size i is read for one of size o; torch goes by the factor where it is given one."""
        if self.antialias:
            return Lost("an antialiased resize widens its window with the scale")
        if self.mode == "area":
            return Share(i, o)
        taps = TAPS[self.mode]
        if self.align_corners:
            return POINT if i is o or i == o else Zoom.aligned(i, o, taps)
        num, den = (o, i) if factor is None else ratio(factor)
        return Zoom.exact(num, den) if self.mode == "nearest-exact" else Zoom(num, den, taps)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Nothing: positions follow from sizes. Area is an adaptive average pool, which to size 1 is a mean."""
        return KEEPS_INPUT if self.mode == "area" and not all(map(is_one, ys[0][2:])) else KEEPS_NOTHING

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Weighted sums of neighbours, one axis after the other; the weights of positions are not counted."""
        n, axes = prod(ys[0]), len(xs[0]) - 2
        if self.mode.startswith("nearest"):
            return {}
        if self.mode == "bicubic" and not self.antialias:
            return {"multiplications": 20 * n, "adds": 15 * n}
        if self.mode == "area" or self.antialias:
            return None
        return {"multiplications": (2 * 2**axes - 2) * n, "adds": (2**axes - 1) * n}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore: 1 a value of the output, 4 where bilinear, over two axes."""
        each = {"nearest": 1, "bilinear": 4}.get(self.mode, 0) if len(ys[0]) == 4 and not self.antialias else 0
        return {"fvcore": each * prod(ys[0]), "ptflops": prod(ys[0]) * self.hooked}


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One value for each spatial axis, from one for all."""
    return value if isinstance(value, tuple) else (value,) * axes


def ratio(factor: float) -> tuple[int, int]:
    """A scale factor as the fraction that was meant: 0.7 is 7/10.

    >>> ratio(2), ratio(1.5), ratio(0.7)
    ((2, 1), (3, 2), (7, 10))
    """
    num, den = factor.as_integer_ratio()
    if den <= 64:
        return num, den
    from fractions import Fraction  # imports re and decimal, for rare factors

    near = Fraction(factor).limit_denominator(1000)
    return near.numerator, near.denominator


class Upsample(Resize):
    """Resizes the spatial axes by interpolation, as a module.

    Sizes: floor(size x scale_factor) on each spatial axis, or `size`.
    Cost: no multiply-accumulates by convention; nothing is kept for backward.
    Pitfalls: align_corners moves every position, so that pretrained weights depend on it; a factor that is no
        fraction with a power of two below it rounds as floats do; linear is for 3 dimensions, bilinear and bicubic
        for 4, trilinear for 5.
    Torch: torch.nn.Upsample.
    """

    hooked = True
    attributes = INTERPOLATION

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"scale_factor": 2}, ((2, 3, 5, 4),)),
            ({"scale_factor": [1.5, 0.7], "mode": "bilinear"}, ((1, 2, 8, 9),)),
            ({"size": [7, 4], "mode": "bicubic", "align_corners": True}, ((1, 2, 5, 6),)),
            ({"size": 4, "mode": "area"}, ((2, 3, 10),)),
            ({"scale_factor": 2, "mode": "trilinear", "recompute_scale_factor": True}, ((1, 1, 2, 3, 2),)),
        ]


class UpsamplingNearest2d(Resize):
    """Resizes height and width; each output value is that of the nearest input position.

    Sizes: floor(size x scale_factor), or `size`.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: torch calls it deprecated: Upsample does the same.
    Torch: torch.nn.UpsamplingNearest2d.
    """

    attributes = (SIZE, SCALE_FACTOR)

    @classmethod
    def samples(cls) -> Any:
        return [({"scale_factor": 2}, ((2, 3, 5, 4),)), ({"size": [9, 5]}, ((1, 2, 3, 5),))]


class UpsamplingBilinear2d(UpsamplingNearest2d):
    """Resizes height and width by bilinear interpolation with corners aligned.

    Sizes: floor(size x scale_factor), or `size`.
    Cost: no multiply-accumulates by convention; nothing is kept for backward.
    Pitfalls: corners are aligned, other than in Upsample with mode bilinear.
    Torch: torch.nn.UpsamplingBilinear2d.
    """

    mode = "bilinear"
    align_corners = True


class Interpolate(Resize, TensorFunction):
    """Resizes the spatial axes by interpolation, as a function.

    Sizes: floor(size x scale_factor) on each spatial axis, or `size`.
    Cost: no multiply-accumulates by convention; nothing is kept for backward.
    Pitfalls: those of Upsample; a `size` of known numbers ties what follows to them.
    Torch: torch.nn.functional.interpolate.
    """

    attributes = (
        *INTERPOLATION,
        Attribute("antialias", FLAG, False, "whether a reduction averages over all positions that it skips"),
    )

    def call(self, module: str, args: Sequence[str]) -> str:
        (x,) = args
        given = [a for a in self.attributes if not a.kind.same(getattr(self, a.name), a.default)]
        written = [f"{a.name}={self._source(getattr(self, a.name), x)}" for a in given]
        return f"F.interpolate({', '.join([x, *written])})"

    def _source(self, value: Any, x: str) -> str:
        if isinstance(value, Sym):
            return source_size(value, self.came, x)
        if isinstance(value, tuple) and any(isinstance(v, Sym) for v in value):
            return f"({source_sizes(value, self.came, x)}{',' * (len(value) == 1)})"
        return source(value)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"scale_factor": 0.5, "mode": "nearest-exact"}, ((2, 3, 7, 5),)),
            ({"size": [3], "mode": "linear"}, ((2, 3, 10),)),
            ({"size": [3, 5], "mode": "bilinear", "antialias": True}, ((1, 2, 7, 9),)),
            ({"size": 1, "mode": "area"}, ((2, 3, 4, 5),)),
        ]


def _say_one_of_two(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = "both are given" if op.size is not None else "neither is given"
    return f"size or scale_factor says how large the output is, and {given}"


def _say_per_axis(op: Any, xs: Sequence[Shape], axis: int) -> str:
    name = "size" if op.size is not None else "scale_factor"
    value = listed(getattr(op, name))
    return f"{name} {value} does not have one number for each of the {len(xs[0]) - 2} spatial axes of {listed(xs[0])}"


def _say_mode_fits(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"mode {op.mode} is for {RANKS[op.mode]} dimensions, and {len(xs[0])} arrive: {listed(xs[0])}"


def _say_corners(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"align_corners is given, but mode {op.mode} does not take it"


def _say_recompute(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "recompute_scale_factor is true, but there is no scale_factor"


def _say_antialias(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"antialias is true, but mode {op.mode} does not take it"


def _say_something(op: Any, xs: Sequence[Shape], axis: int) -> str:
    name = "size" if op.scale_factor is None else "scale_factor"
    value = per_axis(getattr(op, name), len(xs[0]) - 2)[axis - 2]
    return f"{name} {value} leaves nothing of the {xs[0][axis]} positions of axis {axis}"


ONE_OF_TWO = Claim("SC108", "scale_factor", ZERO, _say_one_of_two)
PER_AXIS = Claim("SC209", "", ZERO, _say_per_axis)
MODE_FITS = Claim("SC209", "mode", ZERO, _say_mode_fits)
CORNERS = Claim("SC109", "align_corners", ZERO, _say_corners)
RECOMPUTE = Claim("SC109", "recompute_scale_factor", ZERO, _say_recompute)
ANTIALIAS = Claim("SC109", "antialias", ZERO, _say_antialias)
SOMETHING = Claim("SC216", "scale_factor", AT_LEAST_ZERO, _say_something)
