"""Sizes as symbols, of inputs and in arguments: every figure is the one of the same spec with numbers, and rules,
outputs and emission take a symbol wherever the language allows one.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import shapecalc
from shapecalc.dims.sym import bind
from shapecalc.ops.registry import MODULES
from shapecalc.pipeline import check_text

from .codegen.corpus import specs_of
from .test_damage import WHOLE, check_mending, damaged, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.analysis.report import Layer, Report

FIGURES = ("params", "macs", "flops", "activation_bytes", "saved_bytes")
INPUT = re.compile(r"^input:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
SIZE = re.compile(r"(?<=[\[ ,])\d+(?=[\],])")
NUMBER = re.compile(r"(?<![\w.\"-])\d+(?=[\],}\n])")
OPEN = re.compile(r"(?<![\w.])[A-Z](?![\w.])")
Sizes = dict[str, int]


def figures(layer: Layer, sizes: Sizes) -> dict[str, Any]:
    """What is known of a layer, with numbers for the symbols."""
    known = {name: getattr(layer, name) for name in FIGURES}
    numbers = {name: bind(x, sizes) for name, x in known.items() if x is not None}
    return numbers | {"shapes": [tuple(bind(n, sizes) for n in shape) for shape in layer.output_shapes or ()]}


def compare(symbolic: Report, numeric: Report, sizes: Sizes) -> None:
    """Every figure that is known of the symbols is known of the numbers, and the same."""
    for ours, theirs in zip(symbolic.layers, numeric.layers, strict=True):
        expected = figures(theirs, sizes)
        found = figures(ours, sizes)
        assert found == {name: expected[name] for name in found}, (ours.path, symbolic.path)


def unknown_names(source: str, symbols: Sizes) -> set[str]:
    """The symbols that a module's source reads and does not make."""
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} & {*symbols, "N"} - made


def check_emitted(report: Report, symbols: Sizes) -> None:
    """The source knows each symbol that it reads, or it is told that one must be set."""
    try:
        source = shapecalc.emit(report)
    except ValueError as refused:
        assert "--set" in str(refused)  # noqa: PT017 - a module whose weights are symbols is refused, others are emitted
    else:
        assert unknown_names(source, symbols) == set()


# random symbols in whole networks


def symbolic(random: Random, text: str) -> tuple[str, Sizes] | None:
    """The text with symbols for some sizes of its inputs, and terms of them for up to two other numbers."""
    given = INPUT.search(text)
    if given is None or OPEN.search(given[0]):
        return None
    sizes: Sizes = {}

    def named(number: re.Match[str]) -> str:
        value = int(number[0])
        if value < 2 or random.random() < 0.4:  # torch stretches a size of 1, and no other
            return number[0]
        same = [name for name, size in sizes.items() if size == value and random.random() < 0.6]
        name = same[0] if same else "ABCDEFGHIJKL"[len(sizes)]
        sizes[name] = value
        return name

    head = text[: given.start()] + SIZE.sub(named, given[0], count=8)
    rest = text[given.end() :]
    if not sizes:
        return None
    begin = max(0, rest.find("layers:"))
    found = [m for m in NUMBER.finditer(rest) if m.start() > begin]
    chosen = random.sample(found, min(len(found), random.choice([0, 1, 1, 2])))
    for m in sorted(chosen, key=lambda m: -m.start()):
        rest = rest[: m.start()] + term(random, sizes, int(m[0])) + rest[m.end() :]
    return head + rest, sizes


def term(random: Random, sizes: Sizes, value: int) -> str:
    """An expression over a symbol that has this value."""
    name, size = random.choice(sorted(sizes.items()))
    terms = [f"({name} - {size - value})" if size >= value else f"({name} + {value - size})"]
    if value and size % value == 0:
        terms.append(f"({name} // {size // value})")
    if value % size == 0:
        terms.append(f"({name} * {value // size})")
    return random.choice(terms)


def check_symbols(seed: int) -> int:
    """How many networks were compared, out of ten."""
    random = Random(seed)
    compared = 0
    for _ in range(10):
        text = random.choice(WHOLE)
        changed = symbolic(random, text)
        if changed is None:
            continue
        ours, theirs = check_text(changed[0], select=["ALL"]), check_text(text)
        json.dumps(ours.to_dict())
        if errors(ours) or errors(theirs):
            continue
        sizes = changed[1] | {"N": 2}
        if ours.legal is None or ours.legal.holds(sizes):
            compare(ours, theirs, sizes)
            compared += 1
        check_emitted(ours, changed[1])
    return compared


def test_networks_over_symbols_are_those_over_numbers() -> None:
    assert sum(check_symbols(seed) for seed in range(30)) > 60


def check_damaged(seed: int) -> None:
    """Ten damaged texts with symbols are told of and mended, whatever they have become."""
    random = Random(seed)
    for _ in range(10):
        changed = symbolic(random, damaged(random))
        if changed is not None:
            json.dumps(check_text(changed[0], select=["ALL"]).to_dict())
            check_mending(changed[0])


@pytest.mark.parametrize("seed", range(10))
def test_damaged_specs_with_symbols_are_told_of_and_mended(seed: int) -> None:
    check_damaged(seed)


@pytest.mark.battery
@pytest.mark.parametrize("seed", range(100, 500))
def test_many_networks_over_symbols(seed: int) -> None:
    check_symbols(seed)
    check_damaged(seed)


# a symbol in every argument of every operator


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Where whole numbers stand in an argument, and which."""
    if type(value) is int:
        yield path, value
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value = copy.copy(value)
    value[path[0]] = put(value[path[0]], path[1:], new)
    return value


def with_symbols(name: str) -> Iterator[tuple[str, str, Sizes]]:
    """For each number in the samples of an operator: the spec with it, that with a term of a symbol, and the symbol."""
    for text in specs_of(name):
        document = {key: json.loads(value) for key, _, value in (line.partition(": ") for line in text.splitlines())}
        if not isinstance(document["input"], dict):
            continue
        document["input"]["size"] = {"shape": ["T"], "batch": False}
        layer = document["layers"]["layer"]
        layer.setdefault("from", next(iter(document["input"])))
        for path, value in places(layer[name]):
            for more in (0, 2):
                if value + more > 0:
                    changed = put(document, ("layers", "layer", name, *path), f"T - {more}" if more else "T")
                    spec = "".join(f"{key}: {json.dumps(each)}\n" for key, each in changed.items())
                    yield text, spec, {"T": value + more}


@pytest.mark.parametrize("name", MODULES)
def test_an_argument_may_be_a_symbol_or_is_refused(name: str) -> None:
    for text, spec, sizes in with_symbols(name):
        ours, theirs = check_text(spec, select=["ALL"]), check_text(text)
        if errors(ours) or errors(theirs):
            continue
        compared = sizes | {"N": 2}
        if ours.legal is None or ours.legal.holds(compared):
            compare(ours, theirs, compared)
        check_emitted(ours, sizes)


STACK = """shapecalc: 1
input: {x: [8, 16], size: {shape: [T], batch: false}}
layers:
  - TransformerEncoder: {encoder_layer: {TransformerEncoderLayer: {nhead: NUMBER, batch_first: true}}, num_layers: 2}
    from: x
"""


def test_so_may_an_argument_of_a_layer_that_is_given_as_one() -> None:
    report = check_text(STACK.replace("NUMBER", "T - 5"))
    legal = [t for t in range(1, 30) if report.legal.holds({"T": t, "N": 2})]
    numbers = [
        t for t in range(1, 30) if not errors(check_text(STACK.replace("NUMBER", str(t - 5)).replace("T]", f"{t}]")))
    ]
    assert legal == numbers == [6, 7, 9, 13, 21]
    compare(report, check_text(STACK.replace("NUMBER", "2").replace("T]", "7]")), {"T": 7, "N": 2})
    check_emitted(report, {"T": 7})
    batch = check_text(STACK.replace("NUMBER", "N"))
    assert [d.code for d in batch.diagnostics if d.severity == "error"] == ["SC215"]
