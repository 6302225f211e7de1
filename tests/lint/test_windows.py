"""Rules on windows: torch says which lines are never read, how large maps become, and where outputs are uneven."""

from __future__ import annotations

import re
from itertools import product

import pytest
import torch
from torch.nn import functional

from shapecalc.dims.field import Window
from shapecalc.lint.slide import Slide
from shapecalc.ops.conv import window_size

from .findings import found, mended, module, places, spec


def unread_lines(k: int, s: int, p: int, d: int, i: int) -> list[int]:
    """The positions that have no gradient."""
    x = torch.zeros(1, 1, i, requires_grad=True)
    y = functional.conv1d(x, torch.ones(1, 1, k), stride=s, padding=p, dilation=d)
    (grad,) = torch.autograd.grad(y.sum(), x)
    return (grad.flatten() == 0).nonzero().flatten().tolist()


def slide(k: int, s: int, p: int, d: int, i: int) -> Slide:
    return Slide("row", Window(k, s, p, d), i, window_size(i, k, s, 2 * p, d))


WINDOWS = [
    (k, s, p, d, i)
    for k, s, p, d, i in product(range(1, 5), range(1, 5), range(3), range(1, 4), range(5, 13))
    if p <= d * (k - 1) // 2 and i + 2 * p > d * (k - 1) and (i + 2 * p - d * (k - 1) - 1) // s > 0
]


def test_lines_said_to_be_unread_have_no_gradient_in_torch_and_without_dilation_no_others() -> None:
    for window in WINDOWS:
        axis, unread = slide(*window), unread_lines(*window)
        said = (axis.unread or 0) + axis.dropped
        assert said == len(unread) if window[3] == 1 or axis.unread else said <= len(unread), window
        assert unread[len(unread) - axis.dropped :] == list(range(window[4] - axis.dropped, window[4])), window


def blind_lines(text: str) -> tuple[int, int]:
    """Rows and columns of a square input that have no gradient."""
    net = module(text)
    for p in net.parameters():
        torch.nn.init.constant_(p, 1.0)
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None
    read = x.grad.abs().sum((0, 1))
    return int((read.sum(1) == 0).sum()), int((read.sum(0) == 0).sum())


GAPS = [
    "Conv2d: {out_channels: 4, kernel_size: 1, stride: 2}",
    "Conv2d: {out_channels: 4, kernel_size: 2, stride: 3}",
    "Conv2d: {out_channels: 4, kernel_size: [3, 1], stride: [2, 3], padding: [1, 0]}",
    "Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 2, dilation: 2}",
    "AvgPool2d: {kernel_size: 1, stride: 2}",
    "AvgPool2d: {kernel_size: 2, stride: 5, ceil_mode: true}",
]


@pytest.mark.parametrize("layer", GAPS)
def test_gaps_between_windows_are_told_with_the_lines_that_torch_never_reads(layer: str) -> None:
    text = spec(f"- {layer}")
    (d,) = found(text, "SC311")
    said = {word: int(n) for n, word in re.findall(r"(\d+) of \d+ (row|column)s", d.message)}
    rows, columns = blind_lines(text)
    # Lines behind the last window are no gaps.
    assert rows - 1 <= said.get("row", 0) <= rows
    assert columns - 2 <= said.get("column", 0) <= columns
    assert text[d.start : d.end] in layer.split("stride: ")[1]


NO_GAPS = [
    "- Conv2d: {out_channels: 4, kernel_size: 4, stride: 4}",
    "- Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1, dilation: 3}",
    "- AdaptiveAvgPool2d: 1\n- Conv2d: {out_channels: 4, kernel_size: 1, stride: 2}",
    "- MaxPool2d: 2",
]


@pytest.mark.parametrize("layers", NO_GAPS)
def test_windows_that_touch_or_have_nothing_between_are_let_pass(layers: str) -> None:
    assert not found(spec(layers), "SC311")


SHORTCUT = """\
stem: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
relu: ReLU
body: {Conv2d: {out_channels: 8, kernel_size: BODY, stride: 2, padding: PAD}}
shortcut:
  Sequential:
    - BatchNorm2d
    - Conv2d: {out_channels: 8, kernel_size: 1, stride: 2}
  from: relu
add: {Add: [body, shortcut]}
"""


def test_a_strided_shortcut_is_let_pass_where_the_branch_beside_it_reads_all() -> None:
    good = spec(SHORTCUT.replace("BODY", "3").replace("PAD", "1"))
    assert not found(good, "SC311")
    assert blind_lines(good) == (0, 0)


def test_two_branches_that_skip_the_same_pixels_are_both_told() -> None:
    bad = spec(SHORTCUT.replace("BODY", "1").replace("PAD", "0"))
    assert [line for line, _ in places(bad, "SC311")] == [7, 11]


def test_a_subsampled_output_is_let_pass_as_the_whole_is_an_output_too() -> None:
    layers = "a: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}\nb: {MaxPool2d: {kernel_size: 1, stride: 2}}"
    assert found(spec(layers), "SC311")
    assert not found(spec(layers) + "output: [a, b]\n", "SC311")


def test_gaps_need_no_sizes_and_lines_behind_the_last_window_do() -> None:
    skip = "- Conv2d: {out_channels: 4, kernel_size: 2, stride: 3}"
    (d,) = found(spec(skip, "[3, H, 32]"), "SC311")
    assert "1 of every 3 rows" in d.message
    floor = "- Conv2d: {out_channels: 4, kernel_size: 3, stride: 2}"
    assert not found(spec(floor, "[3, H, W]"), "SC324")
    (d,) = found(spec(floor, "[3, H, 32]"), "SC324")
    assert "the last 1 column" in d.message


def test_dropped_lines_are_those_that_torch_never_reads_and_the_advice_reads_them() -> None:
    text = spec("- Conv2d: {out_channels: 4, kernel_size: 5, stride: 4}")
    (d,) = found(text, "SC324")
    assert "the last 3 rows and 3 columns: 183 of 1,024 pixels" in d.message
    assert blind_lines(text) == (3, 3)
    assert "`padding: 1` or an input of 29 x 29" in d.help
    for better in (text.replace("stride: 4", "stride: 4, padding: 1"), text.replace("32, 32", "29, 29")):
        assert not found(better, "SC324")
    assert blind_lines(text.replace("stride: 4", "stride: 4, padding: 1")) == (0, 0)


def test_a_pool_drops_lines_unless_ceil_mode_lets_it_hang_over() -> None:
    pool = "- AvgPool2d: {kernel_size: 3, stride: 2}"
    assert "`ceil_mode: true`" in found(spec(pool), "SC324")[0].help
    assert blind_lines(spec(pool)) == (1, 1)
    assert not found(spec(pool.replace("2}", "2, ceil_mode: true}")), "SC324")


def test_a_loop_is_told_once_with_the_number_of_further_layers() -> None:
    layers = "- for i in range(3):\n    - MaxPool2d: {kernel_size: 3, stride: 2}\n    - ReLU"
    (d,) = found(spec(layers, "[3, 30, 30]"), "SC324")  # 30, 14, 6
    assert "so do 2 more layers of this line" in d.help


EVEN = [(2, 1, "1 row larger and 1 column larger"), (4, 2, "larger"), (4, 1, "smaller"), (6, 1, "3 rows smaller")]


@pytest.mark.parametrize(("k", "p", "said"), EVEN)
def test_an_even_kernel_with_padding_changes_the_size_as_said(k: int, p: int, said: str) -> None:
    text = spec(f"- Conv2d: {{out_channels: 4, kernel_size: {k}, padding: {p}}}\n- ReLU")
    (d,) = found(text, "SC310")
    assert said in d.message
    size = module(text)(torch.zeros(1, 3, 32, 32)).shape[-1]
    more = int(re.search(r"(\d+) row", d.message)[1])  # type: ignore[index]
    assert size - 32 == (more if "larger" in d.message else -more)


NOT_EVEN = [
    "- Conv2d: {out_channels: 4, kernel_size: 4, padding: 1, stride: 2}",  # halves exactly
    "- Conv2d: {out_channels: 4, kernel_size: 2}",
    "- Conv2d: {out_channels: 4, kernel_size: 4, padding: same}",
    "- Conv2d: {out_channels: 4, kernel_size: 2, dilation: 2, padding: 1}",  # spans 3, and has a middle
    # A patch discriminator: twice half a pixel is a whole one.
    """
    - Conv2d: {out_channels: 4, kernel_size: 4, padding: 1}
    - BatchNorm2d
    - LeakyReLU: 0.2
    - Conv2d: {out_channels: 1, kernel_size: 4, padding: 1}
    """,
    # The second takes away again what the first has added.
    """
    - Conv2d: {out_channels: 4, kernel_size: 2, padding: 1}
    - ReLU
    - Conv2d: {out_channels: 4, kernel_size: 2}
    """,
]


@pytest.mark.parametrize("layers", NOT_EVEN)
def test_even_kernels_that_do_no_harm_are_let_pass(layers: str) -> None:
    assert not found(spec(layers), "SC310")


def test_three_even_kernels_in_a_row_are_told_of_once() -> None:
    text = spec("- for _ in range(3):\n    - Conv2d: {out_channels: 4, kernel_size: 4, padding: 1}\n    - ReLU")
    assert len(found(text, "SC310")) == 1


WRONG_PADDING = [
    ("kernel_size: 5, padding: 1", "padding: 2"),
    ("kernel_size: 3, dilation: 2, padding: 1", "padding: 2"),
    ("kernel_size: [3, 5], padding: 1", ""),  # which number is wrong is not written in one place
    ("kernel_size: 7, padding: 4", "padding: 3"),
]


@pytest.mark.parametrize(("arguments", "fixed"), WRONG_PADDING)
def test_padding_for_another_kernel_is_found_and_the_fix_keeps_the_size(arguments: str, fixed: str) -> None:
    text = spec(f"- Conv2d: {{out_channels: 4, {arguments}}}\n- ReLU")
    assert len(places(text, "SC323")) == 1
    if not fixed:
        assert mended(text) == text
        return
    assert mended(text) == text.replace(arguments[-10:], fixed)
    assert module(mended(text))(torch.zeros(1, 3, 32, 32)).shape[-2:] == (32, 32)


def test_the_fix_edits_the_block_form_too() -> None:
    text = spec("- Conv2d:\n    out_channels: 4\n    padding: 1  # as before\n    kernel_size: 5\n- ReLU")
    assert mended(text) == text.replace("padding: 1", "padding: 2")


def test_padding_that_a_param_gives_is_told_and_not_fixed() -> None:
    layers = "- for k in [5, 7]:\n    - Conv2d: {out_channels: 4, kernel_size: k, padding: 1}\n    - ReLU"
    (d,) = found(spec(layers), "SC323")
    assert d.fix is None


RIGHT_PADDING = [
    "kernel_size: 3, padding: 1",
    "kernel_size: 3, padding: 2",  # a full convolution
    "kernel_size: 3, padding: 100",  # as FCN begins
    "kernel_size: 5, padding: 1, stride: 2",
    "kernel_size: 5, padding: valid",
    "kernel_size: [1, 3], padding: [0, 1]",
]


@pytest.mark.parametrize("arguments", RIGHT_PADDING)
def test_other_padding_is_let_pass(arguments: str) -> None:
    assert not found(spec(f"- Conv2d: {{out_channels: 4, {arguments}}}"), "SC323")


@pytest.mark.parametrize(("k", "s", "d"), [*product([1, 2, 3, 4, 5, 6], [1, 2, 3], [1, 2])])
def test_a_checkerboard_is_told_where_torch_adds_up_unevenly(k: int, s: int, d: int) -> None:
    text = spec(
        f"- ConvTranspose2d: {{out_channels: 1, kernel_size: {k}, stride: {s}, dilation: {d}, bias: false}}\n- ReLU",
        "[1, 24, 24]",
    )
    y = functional.conv_transpose2d(torch.ones(1, 1, 24, 24), torch.ones(1, 1, k, k), stride=s, dilation=d)[0, 0]
    edge = d * (k - 1) + s
    inner = y[edge:-edge, edge:-edge]
    uneven = bool(inner.min() < inner.max())
    told = found(text, "SC312")
    assert bool(told) == uneven
    if told:
        assert f"over {int(inner.min())} to {int(inner.max())} inputs" in told[0].message


ADVISED = [(3, 2, 1, 1), (3, 2, 0, 0), (5, 2, 2, 1), (5, 3, 1, 0), (2, 3, 0, 1)]


@pytest.mark.parametrize(("k", "s", "p", "o"), ADVISED)
def test_the_kernel_advised_against_a_checkerboard_gives_the_same_size(k: int, s: int, p: int, o: int) -> None:
    layer = "- ConvTranspose2d: {out_channels: 4, %s}"
    text = spec(layer % f"kernel_size: {k}, stride: {s}, padding: {p}, output_padding: {o}")
    (d,) = found(text, "SC312")
    better = spec(layer % re.search(r"`(.*?)`", d.help)[1])  # type: ignore[index]
    assert not found(better, "SC312")
    x = torch.zeros(1, 3, 32, 32)
    assert module(better)(x).shape == module(text)(x).shape


def test_a_bare_list_for_a_pool_is_told_and_rewritten_in_its_place() -> None:
    text = spec("- MaxPool2d: [3, 2]  # overlapping\n- ReLU", "[3, 55, 55]")
    assert places(text, "SC314") == [(5, "[3, 2]")]
    assert mended(text, unsafe=False) == text
    assert mended(text) == text.replace("[3, 2]", "{kernel_size: 3, stride: 2}")
    assert module(mended(text))(torch.zeros(1, 3, 55, 55)).shape[-1] == 27


@pytest.mark.parametrize(
    "pool", ["[2, 2]", "[2, 1]", "[1, 2]", "[2, 4]", "3", "{kernel_size: [3, 2]}", "[3, 2], name: pool2"]
)
def test_windows_that_are_plainly_meant_are_let_pass(pool: str) -> None:
    text = spec(f"- {{MaxPool2d: {pool}}}")
    assert bool(found(text, "SC314")) == ("name" in pool)


def test_a_padding_mode_without_padding_does_nothing_in_torch() -> None:
    text = spec("- Conv2d: {out_channels: 4, kernel_size: 3, padding_mode: circular}")
    assert places(text, "SC327") == [(5, "circular")]
    plain = module(text.replace(", padding_mode: circular", ""))
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(module(text)(x), plain(x))
    assert mended(text) == text  # which of both is wrong is not known


@pytest.mark.parametrize("padding", ["1", "same", "[1, 0]"])
def test_a_padding_mode_with_padding_is_let_pass(padding: str) -> None:
    layer = f"- Conv2d: {{out_channels: 4, kernel_size: 3, padding: {padding}, padding_mode: reflect}}"
    assert not found(spec(layer), "SC327")
