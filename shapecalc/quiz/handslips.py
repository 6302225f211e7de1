"""Mistakes with small matrices: other arguments, other numbers, or another way to put them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz.hand import CORRELATION, LARGEST, MEAN, TRANSPOSED, HandSolved, plain
from shapecalc.quiz.mistake import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.quiz.problem import Solved
    from shapecalc.quiz.question import Value

    Slip = Callable[[HandSolved], Value | None]

CONVOLUTIONS = (CORRELATION, TRANSPOSED)


def _made(forms: tuple[str, ...], slip: Slip) -> Callable[[Solved], Value | None]:
    """A mistake that can be made where a cell is worked out in one of these ways."""

    def rule(solved: Solved) -> Value | None:
        fits = isinstance(solved, HandSolved) and solved.setting.form in forms
        return slip(solved) if fits else None  # type: ignore[arg-type]

    return rule


def _args(**changes: Any) -> Slip:
    """Other arguments of the layer."""
    return lambda solved: solved.other(args={**(solved.problem.args or {}), **changes})


def _kernel(by: Callable[[Any], Any]) -> Slip:
    """Another kernel, made of each channel of the right one."""

    def slip(solved: HandSolved) -> Value | None:
        kernel = solved.problem.kernel
        nested = depth(kernel) > solved.problem.rank
        return solved.other(kernel=[by(plane) for plane in kernel] if nested else by(kernel))

    return slip


def depth(values: Any) -> int:
    return 1 + depth(values[0]) if isinstance(values, list | tuple) else 0


def flipped(plane: Any) -> Any:
    """Numbers in the opposite order along every axis."""
    return [flipped(item) for item in reversed(plane)] if isinstance(plane, list | tuple) else plane


def _transposed(plane: Any) -> Any:
    """Rows as columns; raises ValueError where they are not as many."""
    if depth(plane) != 2 or len(plane) != len(plane[0]):
        raise ValueError("not square")
    return [list(column) for column in zip(*plane, strict=True)]


def _ones(plane: Any) -> Any:
    return [_ones(item) for item in plane] if isinstance(plane, list | tuple) else 1


def _first_channel(solved: HandSolved) -> Value | None:
    if solved.setting.image.channels == 1:
        return None
    return solved.other(image=solved.problem.image[0], kernel=solved.problem.kernel[0])


def _last_kernel(solved: HandSolved) -> Value | None:
    """Of the kernels that overlap in a cell only the last that is laid down."""
    # The places of the kernel run forwards, those of the input that go with them backwards.
    pairs = solved.setting.pairs(solved.cell)
    return plain(pairs[0][0] * pairs[0][1]) if len(pairs) > 1 else None


def _pool(name: str, **args: Any) -> Slip:
    """The other kind of pool, with what it knows of the arguments."""

    def slip(solved: HandSolved) -> Value | None:
        own = {key: v for key, v in (solved.problem.args or {}).items() if key in ("kernel_size", "stride", "padding")}
        return solved.other(by_hand=f"{name}{solved.problem.rank}d", args=own | args)

    return slip


ALL = (
    Mistake(
        "kernel-flipped",
        "The kernel was turned by 180 degrees: that is the convolution of mathematics. torch correlates.",
        _made((CORRELATION,), _kernel(flipped)),
    ),
    Mistake(
        "overlap-replaced",
        "Where kernels overlap their products are added; none replaces another.",
        _made((TRANSPOSED,), _last_kernel),
    ),
    Mistake(
        "kernel-correlated",
        "A transposed convolution lays the kernel down as it is; it does not turn it by 180 degrees.",
        _made((TRANSPOSED,), _kernel(flipped)),
    ),
    Mistake(
        "stride-not-applied",
        "The stride was taken for 1.",
        _made((CORRELATION, LARGEST, MEAN, TRANSPOSED), _args(stride=1)),
    ),
    Mistake(
        "padding-not-applied",
        "The padding was left out, so that another window was read.",
        _made((CORRELATION, LARGEST, MEAN, TRANSPOSED), _args(padding=0)),
    ),
    Mistake(
        "padding-not-zeros",
        "Padded cells are zeros; they do not repeat the edge.",
        _made((CORRELATION,), lambda solved: solved.under(solved.setting.but(edge=True))),
    ),
    Mistake(
        "first-channel-only",
        "The products of all channels are added.",
        _made((CORRELATION,), _first_channel),
    ),
    Mistake(
        "kernel-transposed",
        "Rows and columns of the kernel were exchanged.",
        _made(CONVOLUTIONS, _kernel(_transposed)),
    ),
    Mistake("dilation-not-applied", "The dilation was taken for 1.", _made((CORRELATION, LARGEST), _args(dilation=1))),
    Mistake(
        "mean-for-max",
        "That is the mean of the window; the largest is asked for.",
        _made((LARGEST,), _pool("AvgPool", count_include_pad=False)),
    ),
    Mistake(
        "max-for-mean",
        "That is the largest of the window; the mean is asked for.",
        _made((MEAN,), _pool("MaxPool")),
    ),
    Mistake(
        "sum-for-mean",
        "The sum was not divided.",
        _made((MEAN,), lambda solved: solved.under(solved.setting.but(divisor="none"))),
    ),
    Mistake(
        "padding-not-counted",
        "Padded zeros count in the mean, unless `count_include_pad=False`.",
        _made((MEAN,), _args(count_include_pad=False)),
    ),
    Mistake(
        "padding-counted",
        "With `count_include_pad=False` padded zeros do not count in the mean.",
        _made((MEAN,), _args(count_include_pad=True)),
    ),
    Mistake(
        "window-summed",
        "The numbers of the window were added without the kernel.",
        _made((CORRELATION,), _kernel(_ones)),
    ),
    Mistake(
        "cell-turned",
        "That stands in the cell with row and column exchanged.",
        _made((CORRELATION, LARGEST, MEAN, TRANSPOSED), lambda solved: solved.other(cell=solved.problem.cell[::-1])),
    ),
)
