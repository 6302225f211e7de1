"""Keys, names, arguments, references and sizes that are wrong: one diagnostic each, at its own place."""

from __future__ import annotations

import pytest

import shapecalc

from .mistake import Bad
from .twin import spec

LINEAR = "input: [4]\nlayers: [{Linear: 3}]\n"

KEYS = [
    Bad("document key", LINEAR + "«parmas»: {w: 3}\n", "SC103", ["parmas"], ["`params`"]),
    Bad("far document key", LINEAR + "«quux»: 3\n", "SC103", ["quux"], ["description"]),
    Bad("wiring key", "input: [4]\nlayers:\n  - {Linear: 3, «form»: input}\n", "SC103", ["form"], ["`from`"]),
    Bad("two operators in one layer", "input: [4]\nlayers:\n  - {Linear: 3, «ReLU»: }\n", "SC103", ["Linear", "ReLU"]),
    Bad("input key", "input: {shape: [4], «dtpye»: int64}\nlayers: [ReLU]\n", "SC103", ["dtpye"], ["dtype"]),
    Bad("dtype", "input: {shape: [4], dtype: «flaot32»}\nlayers: [ReLU]\n", "SC105", ["flaot32"], ["float32"]),
    Bad("block key", "blocks: {B: {layers: [ReLU], «ouput»: x}}\n" + LINEAR, "SC103", ["ouput"], ["`output`"]),
    Bad("block without layers", "blocks: {«B»: {params: {w: 3}}}\n" + LINEAR, "SC104", ["B"], []),
    Bad("branches without merge", "blocks: {B: {«branches»: {a: ReLU}}}\n" + LINEAR, "SC104", ["merge"], ["Cat"]),
    Bad("train key", LINEAR + "train: {«optimiser»: sgd}\n", "SC103", ["optimiser"], ["optimizer"]),
    Bad("lint key", LINEAR + "lint: {«ignor»: [SC301]}\n", "SC103", ["ignor"], ["ignore"]),
    Bad("expect key of a layer", "input: [4]\nlayers: [{Linear: 3, expect: {«shap»: [3]}}]\n", "SC103", ["shap"], ["shape"]),
    Bad("no layers", "input: [4]\n", "SC104", ["layers"]),
    Bad("no input", "layers: [ReLU]\n", "SC104", ["input"]),
    Bad("name in a mapping", "input: [4]\nlayers: {a: {Linear: 3, name: «b»}}\n", "SC103", ["a"]),
    Bad("key beside for", "input: [4]\nlayers:\n  - for i in [3]: [{Linear: i}]\n    «repeat»: 2\n", "SC103", ["repeat"]),
    Bad("key given twice", "input: [4]\nlayers: {a: ReLU, «a»: ReLU}\n", "SC003", ["a"]),
    Bad("argument given twice", "input: [4]\nlayers: [{Linear: {out_features: 3, «out_features»: 4}}]\n", "SC003", ["out_features"]),
]

TYPES = [
    Bad("layers that are a number", "input: [4]\nlayers: «5»\n", "SC105", ["layers"]),
    Bad("params that are a list", "params: «[3]»\n" + LINEAR, "SC105", ["params"]),
    Bad("blocks that are text", "blocks: «none»\n" + LINEAR, "SC105", ["blocks"]),
    Bad("an empty layer", "input: [4]\nlayers: {a: ReLU, «b»: }\n", "SC105", ["b"]),
    Bad("a layer that is a number", "input: [4]\nlayers: [ReLU, «7»]\n", "SC105", ["number"]),
    Bad("a shape that is a mapping", "input: {shape: «{a: 3}»}\nlayers: [ReLU]\n", "SC105", ["shape"]),
    Bad("a negative size", "input: [3, «-4»]\nlayers: [ReLU]\n", "SC105", ["-4"]),
    Bad("a float size", "input: [3, «4.5»]\nlayers: [ReLU]\n", "SC105", ["4.5"], ["//"]),
    Bad("a float by division", "params: {c: 8}\ninput: [4]\nlayers: [{Linear: «c / 2»}]\n", "SC105", ["4", "//"]),
    Bad("a float literal", "input: [4]\nlayers: [{Linear: «3.0»}]\n", "SC105", ["3", "//"]),
    Bad("a boolean for a number", "input: [4]\nlayers: [{Linear: «true»}]\n", "SC105", ["true"]),
    Bad("text for a boolean", "input: [4]\nlayers: [{Linear: {out_features: 3, bias: «\"'yes'\"»}}]\n", "SC105", ["yes"]),
    Bad("no list for a loop", "params: {n: 3}\ninput: [4]\nlayers: [{\"for i in «n\": [ReLU]}]\n", "SC112", ["list"], ["range"]),
    Bad("a loop that holds a mapping in a list", "input: [4]\nlayers: [{for i in range(3): «{a: ReLU}»}]\n", "SC105", ["list"]),
    Bad("a loop that holds a list in a mapping", "input: [4]\nlayers: {for i in range(3): «[ReLU]»}\n", "SC105", ["mapping"]),
    Bad("repeat of text", "input: [4]\nlayers: [{Linear: 4, repeat: «1.5»}]\n", "SC105", ["1.5"]),
    Bad("repeat below 0", "input: [4]\nlayers: [{Linear: 4, repeat: «-1»}]\n", "SC105", ["-1"]),
    Bad("an operand that is a mapping", "input: [4]\nlayers: [{Add: [«{a: 1}», input]}]\n", "SC105", ["operand"]),
    Bad("from that is a number list", "input: [4]\nlayers: [{Linear: 3, from: [«[1]»]}]\n", "SC105", []),
]  # fmt: skip

NAMES = [
    Bad("operator in the place of a name", "input: [4]\nlayers: {«Linear»: {Linear: 3}}\n", "SC110", ["Linear"]),
    Bad("keyword", "input: [4]\nlayers: {«class»: {Linear: 3}}\n", "SC110", ["class", "keyword"]),
    Bad("attribute train", "input: [4]\nlayers: {«train»: {Linear: 3}}\n", "SC110", ["train", "nn.Module"]),
    Bad("attribute type", "input: [4]\nlayers: {deep: {«type»: {Linear: 3}}}\n", "SC110", ["type"]),
    Bad("attribute forward", "input: [4]\nlayers: {«forward»: ReLU}\n", "SC110", ["forward"]),
    Bad("name in a list", "input: [4]\nlayers: [{ReLU: , name: «parameters»}]\n", "SC110", ["parameters"]),
    Bad("dash", "input: [4]\nlayers: {«my-layer»: ReLU}\n", "SC110", ["my-layer"]),
    Bad("dot", "input: [4]\nlayers: {«a.b»: ReLU}\n", "SC110", ["a.b"]),
    Bad("wiring key as a name", "input: [4]\nlayers: {«repeat»: {Linear: 3}, b: ReLU}\n", "SC110", ["repeat"]),
    Bad("label with a capital", "input: [4]\nlayers: [{ReLU: , as: «Wide»}]\n", "SC110", ["Wide"]),
    Bad("label", "input: [4]\nlayers: [{ReLU: , as: «a b»}]\n", "SC110", ["a b"]),
    Bad("param with a capital", "params: {«Wide»: 3}\n" + LINEAR, "SC110", ["Wide"]),
    Bad("param N", "params: {«N»: 3}\n" + LINEAR, "SC110", ["N"]),
    Bad("param of the in_ family", "params: {«in_channels»: 3}\n" + LINEAR, "SC110", ["in_channels"]),
    Bad("param like a word of torch", "params: {«same»: 3}\n" + LINEAR, "SC110", ["same"]),
    Bad("param like a word of torch in a block", "blocks: {B: {params: {«reflect»: 3}, layers: [ReLU]}}\n" + LINEAR, "SC110", ["reflect"]),
    Bad("block like an operator", "blocks: {«ReLU»: {layers: [Tanh]}}\n" + LINEAR, "SC110", ["ReLU"]),
    Bad("block name", "blocks: {«my block»: {layers: [Tanh]}}\n" + LINEAR, "SC110", ["my block"]),
    Bad("loop variable with a capital", "input: [4]\nlayers: [{«for I in range(2): [ReLU]}]\n", "SC110", ["I"]),
    Bad("name made of a number", "input: [4]\nlayers: {for i in range(2): {«\"{i}\"»: ReLU}}\n", "SC110", ["0"]),
    Bad("equal names", "input: [4]\nlayers: [{ReLU: , name: a}, {ReLU: , name: «a»}]\n", "SC111", ["a"]),
    Bad("equal labels", "input: [4]\nlayers: [{ReLU: , as: a}, {ReLU: , as: «a»}]\n", "SC111", ["a"]),
    Bad("label like a name", "input: [4]\nlayers: {a: ReLU, b: {ReLU: , as: «a»}}\n", "SC111", ["a"]),
    Bad("names that a loop gives twice", "input: [4]\nlayers:\n  for i in range(2):\n    «fc»: {Linear: 3}\n", "SC111", ["fc", "i = 0", "i = 1"]),
    Bad("names of two loops", "input: [4]\nlayers:\n  for i in [1]:\n    \"a{i}\": ReLU\n  for j in [1]:\n    «\"a{j}\"»: ReLU\n", "SC111", ["a1", "i = 1", "j = 1"]),
    Bad("unused loop name", "input: [4]\nlayers:\n  for i, n in enumerate([5, 6]):\n    «\"fc{n // 9}\"»: {Linear: n}\n", "SC111", ["fc0", "i = 0", "i = 1"]),
]  # fmt: skip

OPERATORS = [
    Bad("operator with an argument", "input: [3, 8, 8]\nlayers:\n  - «Conv2D»: {out_channels: 4, kernel_size: 3}\n", "SC106", ["Conv2D"], ["Conv2d"]),
    Bad("operator in a mapping", "input: [3, 8, 8]\nlayers:\n  a: {«Conv2D»: {out_channels: 4, kernel_size: 3}}\n", "SC106", ["Conv2D"], ["Conv2d"]),
    Bad("operator alone", "input: [4]\nlayers: [«Relu», {Linear: 3}]\n", "SC106", ["Relu"], ["ReLU"]),
    Bad("operator with a main argument", "input: [4]\nlayers: [{«Linaer»: 3}]\n", "SC106", ["Linaer"], ["Linear"]),
    Bad("operator beside wiring", "input: [4]\nlayers: [ReLU, {«Linaer»: 3, from: input, when: true}]\n", "SC106", ["Linaer"], ["Linear"]),
    Bad("unlike any", "input: [4]\nlayers: [«Quux»]\n", "SC106", ["Quux"]),
    Bad("unlike any with arguments", "input: [4]\nlayers: [{«Quux»: {a: 3}}]\n", "SC106", ["Quux"]),
    Bad("block", "blocks: {Wide: {layers: [ReLU]}}\ninput: [4]\nlayers: [«Wied»]\n", "SC106", ["Wied"], ["Wide"]),
    Bad("param that holds no operator", "params: {act: Rulu}\ninput: [4]\nlayers: [«act»]\n", "SC106", ["Rulu"], ["ReLU"]),
    Bad("param that holds a number", "params: {act: 3}\ninput: [4]\nlayers: [«act»]\n", "SC106", ["3"]),
    Bad("merge of a block", "blocks: {B: {branches: [ReLU, Tanh], merge: «Linear»}}\ninput: [4]\nlayers: [B]\n", "SC106", ["Linear"], ["Cat"]),
    Bad("argument", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, «kernel»: 3}}]\n", "SC107", ["Conv2d", "kernel"], ["kernel_size"]),
    Bad("argument that is far", "input: [4]\nlayers: [{Linear: {out_features: 3, «quux»: 3}}]\n", "SC107", ["quux"], ["bias"]),
    Bad("main argument that is none", "input: [4]\nlayers: [{BatchNorm1d: «4»}]\n", "SC107", ["BatchNorm1d"], ["num_features"]),
    Bad("argument of a block", "blocks: {B: {params: {width: 3}, layers: [{Linear: width}]}}\ninput: [4]\nlayers: [{B: {«widht»: 3}}]\n", "SC107", ["widht"], ["width"]),
    Bad("missing argument", "input: [3, 8, 8]\nlayers: [{«Conv2d»: {out_channels: 4}}]\n", "SC108", ["kernel_size"]),
    Bad("missing arguments", "input: [3, 8, 8]\nlayers: [«Conv2d»]\n", "SC108", ["out_channels", "kernel_size"]),
    Bad("missing argument of a block", "blocks: {B: {params: {w: ~}, layers: [{Linear: w}]}}\ninput: [4]\nlayers: [«B»]\n", "SC108", ["B", "w"]),
    Bad("word that torch does not know", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, padding_mode: «refelct»}}]\n", "SC112", ["refelct"], ["reflect"]),
    Bad("number of values", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: «[3, 3, 3]»}}]\n", "SC109", ["3", "2"]),
    Bad("kernel of 0", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: «0»}}]\n", "SC109", ["0"]),
    Bad("probability above 1", "input: [4]\nlayers: [{Dropout: «1.5»}]\n", "SC109", ["1.5"]),
]  # fmt: skip

ALL = [*KEYS, *TYPES, *NAMES, *OPERATORS]


@pytest.mark.parametrize("bad", ALL, ids=repr)
def test_a_mistake_gives_one_diagnostic_at_its_place(bad: Bad) -> None:
    bad.verify()


def test_the_inside_of_an_unknown_operator_is_not_read() -> None:
    Bad("", "input: [4]\nlayers: [{«Linaer»: {units: nothing, when: 1 +}}, {Linear: 3}]\n", "SC106").verify()


def test_nothing_downstream_of_a_mistake_is_reported() -> None:
    Bad(
        "",
        """
        input: [3, 8, 8]
        layers:
          a: {Conv2d: {out_channels: 4, kernel_size: «9»}}
          b: {Conv2d: {out_channels: in_channels, kernel_size: 99}}
          c: {Add: [a, b]}
          d: {Cat: [c, input]}
          deep: [{Linear: in_features // 2}, {Linear: in_features, when: in_features > 3}, {Reshape: [N, 7]}]
          e: {Flatten: , from: deep.0}
          f: {Linear: {in_features: 5, out_features: 2}}
        output: [f, d]
        expect: {output: [[1], [2]]}
        """,
        "SC201",
    ).verify()


def test_independent_mistakes_are_all_reported() -> None:
    text = "input: [4]\nlayers: {a: {Linaer: 3}, b: {Linear: 2.5, from: input}, c: {Linear: wide, from: input}}\nouput: a\n"
    codes = [d.code for d in shapecalc.check_text(spec(text)).diagnostics]
    assert sorted(codes) == ["SC103", "SC105", "SC106", "SC112"]


def test_a_mistake_in_a_block_that_is_used_twice_is_reported_once_with_the_way_there() -> None:
    problem = Bad(
        "",
        """
        blocks: {B: {layers: [{Conv2d: {out_channels: 4, kernel_size: «9»}}]}}
        input: [3, 8, 8]
        layers: {a: B, b: {B: , from: input}}
        """,
        "SC201",
    ).verify()
    assert problem.layer == "a.0"
    assert problem.trail == ("block B",)


def test_a_mistake_in_a_loop_names_the_turn() -> None:
    problem = Bad(
        "",
        "input: [3, 8, 8]\nlayers: [{'for k in [3, 5, 7]': [{Conv2d: {out_channels: 4, kernel_size: «k»}}]}]\n",
        "SC201",
        ["7", "2"],
    ).verify()
    assert problem.layer == "2"
    assert any("k = 7" in step for step in problem.trail)


def test_an_unknown_param_that_is_set_is_named() -> None:
    text = "params: {width: 3}\ninput: [4]\nlayers: [{Linear: width}]\n"
    problem = Bad("", text, "SC119", ["widht"], ["width"], {"widht": 5}).verify()
    assert problem.message


def test_a_size_that_is_set_to_no_size_is_an_error() -> None:
    for value in (0, -3, 2.5, "large"):
        Bad("", "input: [3, H]\nlayers: [ReLU]\n", "SC105", ["H", str(value)], params={"H": value}).verify()
