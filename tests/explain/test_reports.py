"""Explanations of whole networks: every answer is the report's, and every page can be written in every way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

import shapecalc
from shapecalc.explain.figures import SECTIONS
from shapecalc.explain.layer import Explained
from shapecalc.explain.network import layer_page, network_page
from shapecalc.explain.trace import STATED
from shapecalc.explain.words import LANGUAGES, Words
from shapecalc.render.explained import render_latex, render_markdown, render_text
from tests import plain

from .arithmetic import value

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
SMALL = [path for path in SPECS if path.stem in ("alexnet", "mnist_cnn", "bottleneck", "unet", "pooling", "char_gpt")]
WHAT = tuple(SECTIONS)


def explained(path: Path) -> Explained:
    return Explained(plain.check(str(path)))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_answer_is_the_number_of_the_report(path: Path) -> None:
    whole = explained(path)
    for layer in whole.report.layers:
        work = whole.layer(layer.node)
        sized = whole.report.conditions.sized
        shapes = [[w.answer for w in sizes] for sizes in work.sizes()]
        assert shapes == [list(sized(shape)) for shape in layer.output_shapes if shape is not None]
        assert work.params().answer == layer.params
        assert work.macs().answer == layer.macs
        assert work.output_bytes().answer == layer.activation_bytes
        assert layer.saved_bytes is None or sum(h.bytes for h in work.held()) == layer.saved_bytes


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_figure_of_the_corpus_has_a_formula(path: Path) -> None:
    """A trace that goes wrong would leave the number, and no formula."""
    whole = explained(path)
    for layer in whole.report.layers:
        work = whole.layer(layer.node)
        own = layer.node.owner is layer.node and not layer.node.ties
        figures = [*(w for sizes in work.sizes() for w in sizes), work.macs(), work.output_bytes()]
        assert all(w.formula for w in [*figures, *[work.params()] * own]), layer.path


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_receptive_fields_are_those_of_the_report(path: Path) -> None:
    whole = explained(path)
    for layer in whole.report.layers:
        field, found = layer.receptive_field, whole.layer(layer.node).fields()
        assert len(found) == (0 if field is None else len(field.size))
        for size, start, axis in zip(field.size, field.start, found, strict=True) if field else ():
            assert axis.size.answer == (size if isinstance(size, int) else None)
            if axis.start is not None:
                assert axis.start.answer == start
                assert value(axis.start.substitution) == start


def test_the_receptive_field_of_a_chain_has_its_recurrence_in_letters() -> None:
    whole = explained(next(p for p in SPECS if p.stem == "alexnet"))
    for layer in whole.report.layers:
        if layer.op in ("Conv2d", "MaxPool2d"):
            (height, _) = whole.layer(layer.node).fields()
            assert height.size.formula == "R + d*(k - 1)*J"
            assert height.jump is not None
            assert height.jump.formula in ("J*s", "s*J")


CHAINS = [
    "{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}, {PixelUnshuffle: 3}",
    "{Conv2d: {out_channels: 4, kernel_size: 5, stride: 3, dilation: 2}}, {AvgPool2d: 2}, {MaxPool2d: 3}",
    "{MaxPool2d: 2}, {Conv2d: {out_channels: 4, kernel_size: 4, padding: same}}",
    "{MaxPool2d: 2}, {LPPool2d: {norm_type: 2, kernel_size: [2, 3], stride: [1, 2]}}",
    "{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}, {AdaptiveAvgPool2d: 9}",
]


@pytest.mark.parametrize("layers", CHAINS)
def test_a_field_in_letters_comes_to_what_the_check_says(layers: str) -> None:
    report = plain.check_text(f"shapecalc: 1\ninput: [3, 36, 36]\nlayers: [{layers}]\n")
    whole = Explained(report)
    for layer in report.layers:
        field = layer.receptive_field
        assert field is not None
        found = whole.layer(layer.node).fields()
        for axis, size, stride in zip(found, field.size, field.stride, strict=True):
            assert axis.jump is not None
            for working, number in ((axis.size, size), (axis.jump, stride)):
                assert working.answer == number
                assert value(working.formula, {n.text: n.value for n in working.letters}) == number, working.formula


@pytest.mark.parametrize("path", SMALL, ids=lambda p: p.stem)
def test_parameters_are_those_of_the_module_that_torch_makes(path: Path) -> None:
    whole = explained(path)
    theirs = {
        name: tuple(p.shape) for name, p in shapecalc.build(whole.report).named_parameters(remove_duplicate=False)
    }
    for layer in whole.report.layers:
        for name, (working, shape) in (whole.layer(layer.node).tensors() or {}).items():
            key = f"{layer.path}.{name}" if name else layer.path
            assert theirs[key] == shape
            assert working.answer == torch.Size(theirs[key]).numel()


LARGE = ("densenet121", "googlenet", "mobilenet_v2", "resnet_bottleneck", "resnet_basic", "vit_b_16")
PAGES = [pytest.param(p, id=p.stem, marks=[pytest.mark.battery] * (p.stem in LARGE)) for p in SPECS]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_every_network_has_a_page_in_every_language_and_format(path: Path, language: str) -> None:
    report, say = plain.check(str(path)), Words(language)
    blocks = [*network_page(report, WHAT, say), *layer_page(report, report.layers[-1].path, WHAT, say)]
    assert all(render(blocks) for render in (render_text, render_markdown, render_latex))
    assert say.missing == set()


def page(text: str, layer: str, language: str = "en", what: Any = WHAT) -> str:
    return render_text(layer_page(plain.check_text(text), layer, what, Words(language)))


NET = "shapecalc: 1\ninput: [3, H, W]\nlayers:\n  - Conv2d: {out_channels: 4, kernel_size: 7, stride: 2, padding: 3}\n"


def test_sizes_that_are_not_known_are_worked_with_as_letters() -> None:
    text = page(NET, "0", what=("output",))
    assert "= (H + 2*3 - 1*(7 - 1) - 1)//2 + 1" in text
    assert "= (H - 1)//2 + 1" in text


def test_a_layer_that_calls_another_module_says_whose_parameters_it_has() -> None:
    report = plain.check_text("shapecalc: 1\ninput: [4]\nlayers:\n  a: {Linear: 4}\n  b: {Linear: 4, share: a}\n")
    text = render_text(layer_page(report, "b", ("params",), Words()))
    assert "The parameters are those of a, which are counted there." in text


def test_the_chain_tells_where_the_features_of_a_classifier_come_from() -> None:
    report = plain.check(str(next(p for p in SPECS if p.stem == "alexnet")))
    text = render_text(layer_page(report, "classifier.1", (), Words()))
    assert "axis 1: 9216 = 256*6*6" in text
    assert text.index("9216 = 256*6*6") < text.index("(13 + 2*0 - 1*(3 - 1) - 1)//2 + 1") < text.index("(224 + ")


def test_chunks_of_a_batch_keep_their_sizes_without_a_formula() -> None:
    """For a batch of one there is one chunk; the network has two."""
    report = plain.check_text("shapecalc: 1\ninput: [4]\nlayers: {a: {Chunk: 2}}\n")
    assert report.graph is not None
    sizes = Explained(report).layer(report.graph.nodes[0]).sizes()
    assert len(sizes) == len(report.layers[0].output_shapes) == 2
    assert render_text(network_page(report, WHAT, Words()))


MISTAKES = sorted((Path(__file__).parents[1] / "language/mistakes").glob("*.md"))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda p: p.stem)
def test_specs_with_mistakes_are_explained_as_far_as_they_go(path: Path) -> None:
    """The corpus of mistakes: pages in both languages, with no message missing."""
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        text = block.replace("«", "").replace("»", "")
        report = plain.check_text(text if "shapecalc:" in text else f"shapecalc: 1\n{text}")
        for language in LANGUAGES if report.graph is not None else ():
            say = Words(language)
            pages = [network_page(report, WHAT, say), *(layer_page(report, x.path, WHAT, say) for x in report.layers)]
            assert all(render_text(page) for page in pages)
            assert say.missing == set()


def test_in_brief_a_field_without_a_number_is_called_a_receptive_field() -> None:
    report = plain.check(str(Path(__file__).parents[2] / "specs/lenet5.yaml"))
    text = render_text(list(network_page(report, ("field",), Words())))
    assert "receptive field, height, width: the whole axis" in text
    assert "\n  height, width: the whole axis" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_block_states_has_no_formula(language: str) -> None:
    text = (
        "shapecalc: 1\nname: Net\nblocks:\n  Whole: {shape: [7, 4, 4], macs: 5, weights: {t: [7, in_channels]}}\n"
        "  Part: {shape: [7, 4, 4]}\ninput: [3, 8, 8]\nlayers: {a: Whole, b: Part, c: Flatten}\n"
    )
    report = plain.check_text(text)
    whole = Explained(report)
    first, second, _ = whole.report.layers
    assert {work.reason for sizes in whole.layer(first.node).sizes() for work in sizes} == {STATED}
    assert (whole.layer(first.node).params().answer, whole.layer(first.node).macs().answer) == (21, 5)
    assert whole.layer(second.node).macs().answer is None
    words = Words(language)
    for render in (render_text, render_markdown, render_latex):
        text = render(network_page(report, WHAT, words))
        assert words(STATED) in text
        assert words("the block does not state its window") in text
    assert not words.missing
