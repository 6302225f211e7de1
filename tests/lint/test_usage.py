"""Rules on what nothing uses: params that a loop's names hide, and labels that are made of expressions."""

from __future__ import annotations

import pytest

from shapecalc.pipeline import check_text

from .findings import found, mended, places, spec

CONV = "Conv2d: {out_channels: 8, kernel_size: 3, padding: 1"


def unused_params(layers: str, more: str) -> list[str]:
    return [text for _, text in places(spec(layers, more=more), "SC319")]


HIDDEN = [
    ("i: 3", f"- for i in range(2):\n    - {CONV}, dilation: i + 1}}\n    - ReLU"),
    ("i: 3", "- for n, (i, w) in enumerate([[1, 2]]):\n    - Linear: i * w + n"),
    ("i: 3", "- for i in range(2):\n    - for i in range(i + 1):\n        - Linear: i + 1\n        - ReLU"),
    ("i: 3", "for i in range(2):\n  'fc{i}': {Linear: i + 4}\n  'act{i}': ReLU"),
]


@pytest.mark.parametrize(("params", "layers"), HIDDEN)
def test_a_param_that_loops_hide_wherever_its_name_stands_is_unused(params: str, layers: str) -> None:
    more = f"params: {{{params}}}\n"
    assert unused_params(layers, more) == ["i"]
    with_three, with_five = (check_text(spec(layers, more=more), params={"i": n}) for n in (3, 5))
    shapes = [[wire.shape for node in r.graph.nodes for wire in node.outputs] for r in (with_three, with_five)]
    assert shapes[0] == shapes[1]  # nothing comes of it
    assert "params" not in mended(spec(layers, more=more), unsafe=False)


READ = [
    "- for i in range(i):\n    - Linear: 4 + i\n    - ReLU",
    "- for i in range(2):\n    - Linear: 4 + i\n    - ReLU\n- Linear: i",
    "- for i in range(2):\n    - Linear: 4 + i\n    - ReLU\n  when: i > 2",
    "for i in range(2):\n  when: i > 2\n  'fc{i}': {Linear: i + 4}\nact: ReLU",
    "- for i in range(2):\n    - &fc {Linear: i + 1}\n    - ReLU\n- *fc",
    "- for j in range(2):\n    - Linear: i + j\n    - ReLU",
]


@pytest.mark.parametrize("layers", READ)
def test_a_param_that_is_read_before_or_outside_of_the_loop_is_used(layers: str) -> None:
    assert not unused_params(layers, "params: {i: 3}\n")


@pytest.mark.parametrize(
    ("params", "use", "left"),
    [
        ("{width: 8, drop: 0.1}", "Piece: {width: 4, drop: 0.5}", "drop"),
        ("{width: 8, drop: 0.1}", "Piece: 4", None),
        ("{drop: 0.1, width: 8}", "Piece: 0.5", "drop"),
    ],
)
def test_a_blocks_param_that_a_use_may_give_is_told_and_left(params: str, use: str, left: str | None) -> None:
    text = spec(f"- {use}", more=f"blocks: {{Piece: {{params: {params}, layers: [{{Linear: width}}]}}}}\n")
    (d,) = found(text, "SC319")
    assert (d.fix is None) == (left is not None)
    assert ("drop" in mended(text, unsafe=False)) == (left is not None)


def test_a_blocks_param_that_its_own_loop_hides_is_unused() -> None:
    block = """\
    blocks:
      Piece:
        params: {depth: 2, i: 1}
        layers:
          - for i in range(depth):
              - Linear: i + 1
    """
    assert unused_params("- Piece: 3", block) == ["i"]
    assert not unused_params("- Piece: 3", block.replace("range(depth)", "range(depth + i)"))


def labelled(label: str, reference: str, more: str = "") -> str:
    layers = f"""
    - for i in range(2):
        - {{ReLU: , as: "{label}"}}
        - {{{CONV}}}, as: "y{{i}}"}}
    - Add: [{reference}, previous]
    """
    return spec(layers, "[8, 9, 9]", more)


@pytest.mark.parametrize("reference", ["y0", "'y{1 - 1}'", "input"])
def test_a_label_of_an_expression_that_nothing_can_name_is_told_and_taken_out(reference: str) -> None:
    text = labelled("x{i}", reference)
    told = [marked for _, marked in places(text, "SC321")]
    assert told == (['"x{i}"'] if "y" in reference else ['"x{i}"', '"y{i}"'])
    assert "x{i}" not in mended(text, unsafe=False)
    assert not found(mended(text, unsafe=False), "SC321")


@pytest.mark.parametrize(
    ("label", "reference", "more"),
    [
        ("x{i}", "x0", ""),
        ("in{i}", "in0", ""),
        ("x{i}", "'x{0}'", ""),
        ("x{i}", "'{tap}'", "params: {tap: input}\n"),
        ("x{i}", "'{tap}0'", "params: {tap: x}\n"),
        ("x{i}_{i}", "x0_0", ""),
        ("skip{i}", "'s{tap}'", "params: {tap: kip0}\n"),
        ("{tap}{i}", "x0", "params: {tap: x}\n"),
    ],
)
def test_a_label_of_an_expression_that_may_be_named_is_let_pass(label: str, reference: str, more: str) -> None:
    assert f'"{label}"' not in [marked for _, marked in places(labelled(label, reference, more), "SC321")]


def test_a_label_is_reached_through_its_sequence_and_by_the_output() -> None:
    layers = """
    part:
      - for i in range(2):
          - {ReLU: , as: "x{i}"}
    add: {Add: [part.x0, part]}
    """
    assert not found(spec(layers), "SC321")
    whole = spec("- for i in range(2):\n    - {ReLU: , as: 'x{i}'}", more="output: [x0, x1]\n")
    assert not found(whole, "SC321")
    assert found(whole.replace("[x0, x1]", "['0', '1']"), "SC321")


def test_texts_inside_of_an_expression_may_name_a_label() -> None:
    layers = """
    part:
      - for i in range(2):
          - {ReLU: , as: "x{i}"}
    middle: ReLU
    add: {Add: [middle, "part{'.x0' if deep else '.x1'}"]}
    """
    assert not found(spec(layers, more="params: {deep: true}\n"), "SC321")


def test_a_loops_header_names_nothing_but_the_texts_that_it_runs_over_are_values() -> None:
    layers = """
    - for i in range(2):
        - {ReLU: , as: "in{i}"}
    - Sequential:
        - for i in range(2):
            - {ReLU: , as: "in{i}"}
      name: part0
    - for tap in ['0.in1']:
        - Add: ["part{tap}", previous]
    """
    assert not found(spec(layers), "SC321")
    assert len(found(spec(layers.replace("0.in1", "0.0")), "SC321")) == 2
