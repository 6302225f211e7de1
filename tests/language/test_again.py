"""Blocks that are used again, in one file or in several, give the graph that reading the text anew gives."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from shapecalc.graph import use
from shapecalc.graph.again import again
from shapecalc.graph.elaborate import elaborate
from shapecalc.graph.graph import Group, trail_text
from shapecalc.ops.registry import MODULES
from shapecalc.source import parse as parsing
from shapecalc.source.reader import read
from shapecalc.source.text import Source
from tests import plain

from .mistake import END, ENTRY, FOLDER, START
from .twin import spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Graph, Node, Wire

BLOCK = """\
shapecalc: 1
params: {{classes: {classes}}}
input: [3, 32, 32]
blocks:
  Pair:
    params: {{n: 4}}
    layers:
      - for i in range(2):
          - Conv2d: {{out_channels: n, kernel_size: {kernel}, padding: 1}}
          - ReLU
layers:
  stem: {{Pair: 8}}
  body: {{Pair: 8}}
  again: {{Pair: 8, repeat: 2}}
  for j in range(2):
    "turn{{j}}": {{Pair: 8}}
  flat: Flatten
  head: {{Linear: classes}}
"""


def graph_of(text: str) -> Graph | None:
    source = Source("<text>", text)
    found, _ = parsing.parse(source, read(source)[0], MODULES)
    return None if found is None else elaborate(found, {})


def described(graph: Graph | None) -> Any:
    """All that a graph says, in plain values."""
    if graph is None:
        return None
    for node in graph.nodes:
        assert all(w is None or w.node is None or graph.nodes[w.node.index] is w.node for w in node.inputs)
    return {
        "nodes": [_layer(node) for node in graph.nodes],
        "tree": _tree(graph.root),
        "outputs": [_value(w) for w in graph.outputs],
        "assumptions": [(a.node.index, a.claim.code, str(a.gap), a.axis) for a in graph.assumptions],
        "expectations": [(e.path, e.first, e.last, _value(e.wire)) for e in graph.expectations],
        "diagnostics": [(d.code, d.message, d.start, d.end, d.help, d.layer, d.trail) for d in graph.diagnostics],
    }


def _value(wire: Wire | None) -> Any:
    return None if wire is None else (wire.origin, wire.index, wire.shape, wire.dtype, wire.below, wire.free)


def _layer(node: Node) -> Any:
    given = {} if node.op is None else {name: str(value) for name, value in getattr(node.op, "given", {}).items()}
    return (
        (node.index, node.path, node.op_name, type(node.op).__name__, given, node.owner.path),
        (node.place, trail_text(node.trail), {name: str(value) for name, value in node.env.items()}),
        {name: (value.start, value.end) for name, value in node.written.items()},
        {name: (other.path, theirs) for name, (other, theirs) in node.ties.items()},
        [_value(w) for w in node.inputs],
        [_value(w) for w in node.outputs],
    )


def _tree(group: Group) -> Any:
    own = (group.name, group.path, group.named, group.skipped, group.owner.path, trail_text(group.trail))
    block = None if group.block is None else group.block.name.text
    place = None if group.child is None else (group.child.start, group.child.end)
    children = [(name, _tree(c) if isinstance(c, Group) else c.index) for name, c in group.children]
    arguments = {name: str(value) for name, value in group.arguments.items()}
    return own, block, place, arguments, [_value(w) for w in group.inputs], children


def texts() -> Iterator[tuple[str, str]]:
    """The zoo, loops around and inside of a block, and every bad spec of the language's tests."""
    yield "loops", BLOCK.format(classes=10, kernel=3)
    for path in sorted(Path("specs").glob("*.yaml")):
        yield path.stem, path.read_text(encoding="utf-8")
    for path in sorted(FOLDER.glob("*.md")):
        for entry in ENTRY.finditer(path.read_text(encoding="utf-8")):
            text = spec(entry["text"]).replace(START, "").replace(END, "")
            yield f"{path.stem}: {entry['title']}", text


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in texts()])
def test_a_block_used_again_gives_what_its_text_gives(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsing._PARSED.clear()
    with monkeypatch.context() as patch:
        patch.setattr(use, "again", lambda *_: None)
        anew = described(graph_of(text))
    parsing._PARSED.clear()
    assert described(graph_of(text)) == anew  # uses within the file
    assert described(graph_of(text)) == anew  # and those of the file before


def test_uses_of_an_earlier_file_are_made_again_where_its_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = []
    made = again

    def counted(*arguments: Any) -> Any:
        copies.append(arguments[1] is not None)
        return made(*arguments)

    monkeypatch.setattr(use, "again", counted)
    parsing._PARSED.clear()
    graph_of(BLOCK.format(classes=10, kernel=3))
    assert copies == [False, False, True, True, True, True]  # of the first two one takes 3 and one 8 channels
    graph_of(BLOCK.format(classes=10, kernel=3).replace("  flat:", "  act: ReLU\n  flat:"))
    assert copies[6:] == [True] * 6
    graph_of(BLOCK.format(classes=10, kernel="2 + 1"))
    assert copies[12:] == [False, False, True, True, True, True]


SWEPT = """\
shapecalc: 1
params: {width: 4, classes: 10, deep: true, act: ReLU, kernels: [3, 5], rate: 0.5, which: conv1}
input: [3, 16, 16]
blocks:
  Pair:
    params: {out: 4, act: ReLU}
    layers: [{Conv2d: {out_channels: out, kernel_size: 3, padding: 1}}, {act: }]
layers:
  conv1: {Conv2d: {out_channels: width, kernel_size: 3, padding: 1}, as: first}
  act1: {act: }
  pair: {Pair: {out: width, act: act}}
  for i, k in enumerate(kernels):
    "turn{i}": {Conv2d: {out_channels: width, kernel_size: k, padding: same}}
  mixed: {Add: [first, turn0]}
  more: {Pair: {out: width}, repeat: 2, when: deep}
  tail: {Conv2d: {out_channels: classes * 2, kernel_size: 1}, expect: {params: classes * (width + 1) * 2}}
  drop: {Dropout: rate}
  shared: {Conv2d: {out_channels: width, kernel_size: 3, padding: 1}, from: input, share: "{which}"}
  pool: {AdaptiveAvgPool2d: 1}
  flat: Flatten
  head: {Linear: classes}
"""
SWEEPS: list[dict[str, Any]] = [
    *[{}, {"classes": 12}, {"width": 8}, {"classes": 3, "deep": False}, {"deep": True}, {"act": "GELU"}, {}],
    *[{"act": "Nothing"}, {"kernels": [3]}, {"kernels": []}, {"kernels": [4, 2]}, {"kernels": [3, 5], "rate": 0.25}],
    *[{"rate": 1}, {"rate": 1.0}, {"rate": True}, {"width": 0}, {"width": "wide"}, {"classes": -1}, {"classes": 10.0}],
    *[{"which": "turn0"}, {"which": "pair"}, {"which": "head"}, {"nothing": 3}, {}],
]


def unread(found: Any) -> Any:
    """A description without the values that layers could look up: of those that none did, an earlier file's do."""
    nodes = [(own, (place, trail), *rest) for own, (place, trail, _), *rest in found["nodes"]]
    return {**found, "nodes": nodes}


def swept(text: str, settings: dict[str, Any]) -> Any:
    found, _ = parsing.parse(Source("<text>", text), read(Source("<text>", text))[0], MODULES)
    assert found is not None
    return unread(described(elaborate(found, settings)))


@pytest.mark.parametrize("order", range(4))
def test_a_network_that_begins_as_the_one_before_is_what_its_text_gives(order: int) -> None:
    sweeps = [*SWEEPS]
    Random(order).shuffle(sweeps)
    anew = []
    for settings in sweeps:
        parsing._PARSED.clear()
        anew.append(swept(SWEPT, settings))
    for settings, expected in zip(sweeps, anew, strict=True):
        assert swept(SWEPT, settings) == expected, settings


def test_other_blocks_or_inputs_make_a_network_of_the_same_layers_another_one() -> None:
    changes = [("", ""), ("out: 4, act: ReLU", "out: 4, act: GELU"), ("[3, 16, 16]", "[4, 16, 16]")]
    changes += [("[3, 16, 16]", "{x: [3, 8]}"), ("out: 4, act", "out: n, act")]  # all as long as what they replace
    texts = [SWEPT.replace(old, new, 1) for old, new in changes]
    anew = []
    for text in texts:
        parsing._PARSED.clear()
        anew.append(swept(text, {}))
    assert [swept(text, {}) for text in texts * 2] == anew * 2


def test_a_wrong_block_does_not_part_a_right_one_from_its_earlier_uses() -> None:
    text = SWEPT.replace("blocks:\n", "blocks:\n  Bad: {layers: 3}\n")
    text += "  b: {Pair: {out: classes, act: act}, from: pair}\n"
    text += "  c: {Pair: {out: width, act: act}, from: act1, share: pair}\n"
    parsing._PARSED.clear()
    first = [swept(text, {"classes": classes})["diagnostics"] for classes in (3, 4)]
    assert first == [[], []]


def test_layers_before_the_first_that_reads_a_changed_param_are_the_same_objects() -> None:
    parsing._PARSED.clear()
    first, second = (graph_of(SWEPT.replace("classes: 10", f"classes: {classes}")) for classes in (10, 20))
    assert first is not None
    assert second is not None
    same = [a.path for a, b in zip(first.nodes, second.nodes, strict=True) if a is b]
    assert same == [node.path for node in first.nodes if node.path.split(".")[0] not in BEHIND]


BEHIND = ("tail", "drop", "shared", "pool", "flat", "head")


def test_a_mistake_in_a_block_is_told_in_every_file() -> None:
    for classes in (10, 20, 30):
        graph = graph_of(BLOCK.format(classes=classes, kernel=99))
        assert graph is not None
        assert [d.code for d in graph.diagnostics] == ["SC201"]


def test_true_and_one_are_different_arguments_and_values() -> None:
    text = "shapecalc: 1\ninput: [8, 4, 4]\nblocks:\n  B:\n    params: {p: 1}\n    layers: [{Dropout: p}]\nlayers:\n"
    graph = graph_of(text + "  - B: 1\n  - B: 1.0\n")
    assert graph is not None
    assert [repr(node.op.given["p"]) for node in graph.nodes if node.op] == ["1", "1.0"]


def test_a_mistake_beside_a_right_operator_is_not_remembered_for_the_next_spec() -> None:
    """The second layer's operator is right, its `share` is not; a later spec makes the same operator."""
    head = "shapecalc: 1\ninput: [7, 11, 11]\nlayers:\n  a: {Conv2d: {out_channels: 9, kernel_size: 3}}\n"
    again = "  b: {Conv2d: {out_channels: 5, kernel_size: 3}%s}\n"
    wrong = plain.check_text(head + again % ", share: a")
    assert [d.code for d in wrong.diagnostics] == ["SC120"]
    assert wrong.layers[1].params is None
    assert wrong.layers[1].receptive_field is None or not wrong.layers[1].receptive_field.finite
    right = plain.check_text(head + again % "")
    assert right.layers[1].params == 5 * 9 * 9 + 5
    assert right.state_dict()["b.weight"] == (5, 9, 3, 3)
    assert right.layers[1].receptive_field is not None
    assert right.layers[1].receptive_field.size == [5, 5]
