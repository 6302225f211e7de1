"""Registry and names of the language -> JSON Schema, draft 7, for editors: completion, hover texts, wrong types.

A schema cannot know params, blocks and sizes: a text may be an expression wherever a value is due, and a key in a
sequence may be a name, so what it accepts may still be wrong. What it refuses is wrong, unless a block has the name of
an operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.op import INFERRED, REQUIRED
from shapecalc.ops.registry import MODULES, find
from shapecalc.source import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.ops.op import Attribute, Operator

DRAFT = "http://json-schema.org/draft-07/schema#"
ANY: dict[str, Any] = {}
CHILD = {"$ref": "#/definitions/child"}
BODY = {"$ref": "#/definitions/body"}
TEXT = {"type": "string"}
SHAPE = {
    "anyOf": [
        {"type": "array", "items": {"type": ["integer", "string"]}},
        {"type": "object", "required": ["shape"]},
        {"type": ["string", "integer"]},
    ]
}

DOCUMENT: Mapping[str, tuple[dict[str, Any], str]] = {
    "shapecalc": ({"type": "integer", "minimum": 1}, "version of the language"),
    "name": (TEXT, "class name of the emitted module"),
    "description": (TEXT, "free text"),
    "params": ({"type": ["object", "null"]}, "named values for expressions, with defaults; --set overrides them"),
    "input": ({"anyOf": [SHAPE, {"type": "object"}]}, "one shape, or a mapping from input names to shapes"),
    "blocks": (
        {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": {"$ref": "#/definitions/block"}}]},
        "reusable pieces with params",
    ),
    "layers": (BODY, "the network: a list of layers, or a mapping of named ones"),
    "output": (
        {"anyOf": [TEXT, {"type": "array", "items": {"type": ["string", "integer"]}}, {"type": "null"}]},
        "what the network gives",
    ),
    "expect": (
        {
            "anyOf": [
                {"$ref": "#/definitions/expectation"},
                {"type": "array", "items": {"$ref": "#/definitions/expectation"}},
                {"type": "null"},
            ]
        },
        "what must hold; a list states a family, each case with its own `set`",
    ),
    "train": ({"anyOf": [{"type": "null"}, {"$ref": "#/definitions/train"}]}, "defaults for training"),
    "lint": (
        {"type": "object", "properties": {"ignore": {"type": ["array", "string"]}}, "additionalProperties": False},
        "`ignore`: codes that are not told of this file",
    ),
}
WIRING: Mapping[str, tuple[dict[str, Any], str]] = {
    "from": (ANY, "where the input comes from: a name, or a list of names"),
    "as": (TEXT, "a label for the output"),
    "name": (TEXT, "the name of the child in its module"),
    "when": ({"type": ["boolean", "string", "integer"]}, "whether the layer is there at all"),
    "repeat": ({"type": ["integer", "string"]}, "so many times in a row, each with weights of its own"),
    "share": (TEXT, "the path of an earlier layer whose module or tensors are used again"),
    "expect": (ANY, "what must hold of this layer's output"),
}


def schema() -> dict[str, Any]:
    """The schema of a spec."""
    operators = {name: find(name) for name in MODULES}
    return {
        "$schema": DRAFT,
        "title": "shapecalc spec",
        "description": "A neural network: its layers in the words of torch.nn.",
        "type": "object",
        "required": ["shapecalc", "layers"],
        "properties": _described(DOCUMENT),
        "additionalProperties": False,
        "definitions": {
            "child": _child(operators),
            "body": {"anyOf": [{"type": "array", "items": CHILD}, {"type": "object", "additionalProperties": CHILD}]},
            "block": _block(),
            "expectation": {
                "type": "object",
                "properties": dict.fromkeys(names.EXPECT_KEYS, ANY),
                "additionalProperties": False,
            },
            "train": {
                "type": "object",
                "properties": dict.fromkeys(names.TRAIN_KEYS, ANY),
                "additionalProperties": False,
            },
            **{name: _operator(operator) for name, operator in operators.items()},
        },
    }


def _described(keys: Mapping[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    return {key: {**form, "description": text} for key, (form, text) in keys.items()}


def _child(operators: Mapping[str, type[Operator]]) -> dict[str, Any]:
    """A layer, a nested sequence, or the name of an operator, block or param."""
    return {
        "anyOf": [
            {"enum": list(operators)},
            {"type": ["string", "null"]},
            {"type": "array", "items": CHILD},
            _mapping(operators),
        ]
    }


def _mapping(operators: Mapping[str, type[Operator]]) -> dict[str, Any]:
    """A layer or a nested sequence: beside an operator stands wiring alone; many keys without wiring are children.

    One key that is no operator's may be a block's, with arguments of any form, and so may one of those beside wiring,
    which draft 7 cannot count.
    """
    layers = {name: {"$ref": f"#/definitions/{name}"} for name in operators}
    heads, wiring = [*operators, *sorted(names.STRUCTURAL)], list(WIRING)
    return {
        "type": "object",
        "properties": {**_described(WIRING), **layers, "Sequential": BODY},
        "dependencies": {head: {"propertyNames": {"enum": [head, *wiring]}} for head in heads},
        "if": {"minProperties": 2, "propertyNames": {"not": {"enum": [*heads, *wiring]}}},
        "then": {"additionalProperties": CHILD},
    }


def _block() -> dict[str, Any]:
    keys = dict.fromkeys((*names.BLOCK_KEYS, *names.FACT_KEYS), ANY)
    forms = {"layers": BODY, "branches": BODY, "description": TEXT, "params": {"type": ["object", "null"]}}
    return {"type": "object", "properties": {**keys, **forms}, "additionalProperties": False}


def _operator(operator: type[Operator]) -> dict[str, Any]:
    """The arguments of an operator: a mapping of them, or the main one alone."""
    from inspect import cleandoc

    attributes = operator.attributes
    properties = {a.name: _attribute(a) for a in attributes}
    structure = {"branches": BODY} if operator.merging else {}
    required = [a.name for a in attributes if a.default is REQUIRED and not operator.merging]
    mapping: dict[str, Any] = {
        "type": "object",
        "properties": {**properties, **structure},
        "additionalProperties": False,
    }
    if required:
        mapping["required"] = required
    forms = [mapping]
    if not required:
        forms.append({"type": "null"})
    forms += [{**a.kind.schema(), "description": a.doc} for a in attributes if a.main]
    line = cleandoc(operator.__doc__ or "").partition("\n")[0]
    return {"description": line, "anyOf": forms}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    found = {**attribute.kind.schema(), "description": attribute.doc}
    default = attribute.default
    if default is INFERRED:
        found["description"] += " (read off the input where absent)"
    elif default is not REQUIRED and (default is None or isinstance(default, bool | int | float | str)):
        found["default"] = (
            default if default == default and default not in (float("inf"), -float("inf")) else str(default)
        )
    return found
