"""Located YAML -> Spec: the shape of the language, its keys and names, without knowing what an operator means.

The parser is told which names are operators. It reports every mistake of structure with its place and goes on.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapecalc.source import names
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.layers import LayerReader
from shapecalc.source.located import Items, Pairs, Scalar, kind_of
from shapecalc.source.nearest import nearest
from shapecalc.source.spec import Block, Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import TypeVar

    from shapecalc.source.diagnostic import Fix
    from shapecalc.source.located import Node
    from shapecalc.source.spec import Body
    from shapecalc.source.text import Source

    T = TypeVar("T")

LANGUAGE_VERSION = 1
MOST_SECTIONS = 100
"""Sections that are kept parsed, then none: a process that checks files for days must not grow."""
_PARSED: dict[tuple[int, ...], tuple[tuple[Any, ...], Any]] = {}
"""What was made of sections of earlier files, by their ids, with the sections: while these live, an id is theirs."""


def parse(source: Source, root: Node | None, operators: Collection[str]) -> tuple[Spec | None, list[Diagnostic]]:
    """The spec of a document, or None where it has no layers to speak of, and what is wrong with its structure."""
    parser = _Parser(source, operators)
    return parser.document(root), parser.diagnostics


def is_spec(text: str) -> bool:
    """Whether a text marks itself as a spec: it has a line that begins with `shapecalc:`."""
    if text.startswith("shapecalc:"):  # as most do
        return True
    lines = text.removeprefix("\ufeff").splitlines()
    return any(
        line.startswith("shapecalc") and line[len("shapecalc") :].lstrip(" \t").startswith(":") for line in lines
    )


class _Parser:
    def __init__(self, source: Source, operators: Collection[str]) -> None:
        self.source = source
        self.operators = operators
        self.diagnostics: list[Diagnostic] = []
        self.block_names: list[str] = []

    @cached_property
    def layers(self) -> LayerReader:
        # In order, so that of names equally near to a misspelt one the same is told in every run.
        heads = dict.fromkeys((*self.operators, *names.STRUCTURAL, *self.block_names))
        return LayerReader(heads, self.diagnostics)

    def report(self, code: str, message: str, node: Node, help: str = "", fix: Fix | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, node.start, node.end, help=help, fix=fix))

    # documents

    def document(self, root: Node | None) -> Spec | None:
        if root is None:
            return None
        if not isinstance(root, Pairs):
            self.report("SC105", f"a spec is a mapping, not {kind_of(root)}", root, "begin with `shapecalc: 1`")
            return None
        if not self.version(root):
            return None
        self.unknown_keys(root, names.DOCUMENT_KEYS, "a spec")
        blocks_node = root.get("blocks")
        self.block_names = [k.text for k, _ in blocks_node.pairs] if isinstance(blocks_node, Pairs) else []
        blocks = self.once(lambda: self.blocks(blocks_node), blocks_node)
        self.section(root.get("train"), names.TRAIN_KEYS, "train")
        self.section(root.get("lint"), ("ignore",), "lint")
        layers = root.get("layers")
        inputs = self.inputs(root.get("input"), root)
        if layers is None or (isinstance(layers, Scalar) and layers.value is None):
            self.report("SC104", "the spec has no `layers`", root.pairs[0][0], "add `layers:` with a list of layers")
            return None
        body = self.once(lambda: self.layers.body(layers, "layers"), layers, blocks_node)
        if body is None or inputs is None:
            return None
        return Spec(
            self.source,
            root,
            self.name(root),
            self.text(root, "description"),
            self.params(root.get("params"), "the spec"),
            inputs,
            blocks,
            frozenset(self.block_names) - frozenset(blocks),
            body,
            root.get("output"),
            root.get("expect"),
            root.get("train"),
            root.get("lint"),
        )

    def version(self, root: Pairs) -> bool:
        version = root.get("shapecalc")
        if version is None:
            from shapecalc.source.spelling import respelled

            near = next((k for k, _ in root.pairs if nearest(k.text, ["shapecalc"])), None)
            self.report(
                "SC101",
                "this is no shapecalc spec: the key `shapecalc` is missing",
                near or root.pairs[0][0] if root.pairs else root,
                f"{'did you mean `shapecalc`? ' if near else ''}begin with `shapecalc: {LANGUAGE_VERSION}`",
                respelled(near, near.text, "shapecalc") if near else None,
            )
            return False
        value = version.value if isinstance(version, Scalar) else None
        if type(value) is not int or value < 1:
            self.report(
                "SC102",
                "the language version is an integer",
                version,
                f"write `shapecalc: {LANGUAGE_VERSION}`",
            )
            return False
        if value > LANGUAGE_VERSION:
            message = f"language version {value} is newer than {LANGUAGE_VERSION}, the newest that this tool knows"
            self.report("SC102", message, version, "update shapecalc")
            return False
        return True

    def name(self, root: Pairs) -> str:
        node = root.get("name")
        if node is None or not isinstance(node, Scalar) or node.value is None:
            return class_name(os.path.splitext(os.path.basename(self.source.path))[0])
        reason = names.bad_block_name(node.text)
        if reason:
            self.report("SC110", f"{node.text!r} cannot be the name of the network: {reason}", node)
            return "Network"
        return node.text

    def text(self, pairs: Pairs, key: str) -> str:
        node = pairs.get(key)
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self.report("SC105", f"`{key}` is text, not {kind_of(node)}", node)
            return ""
        return node.text

    def inputs(self, node: Node | None, root: Pairs) -> list[tuple[str, Node]] | None:
        if node is None:
            self.report("SC104", "the spec has no `input`", root.pairs[0][0], "add e.g. `input: [3, 224, 224]`")
            return None
        if isinstance(node, Pairs) and node.get("shape") is None:
            for key, _ in node.pairs:
                if reason := names.bad_input_name(key.text):
                    self.report("SC110", f"{key.text!r} cannot be the name of an input: {reason}", key)
            if not node.pairs:
                self.report("SC104", "the network has no input", node)
                return None
            return [(key.text, value) for key, value in node.pairs]
        return [("input", node)]

    def section(self, node: Node | None, keys: Collection[str], title: str) -> None:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return
        if isinstance(node, Pairs):
            self.unknown_keys(node, keys, f"`{title}`")
        else:
            self.report("SC105", f"`{title}` is a mapping, not {kind_of(node)}", node)

    def params(self, node: Node | None, owner: str) -> list[tuple[Scalar, Node]]:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return []
        if not isinstance(node, Pairs):
            self.report("SC105", f"`params` is a mapping from names to defaults, not {kind_of(node)}", node)
            return []
        for key, _ in node.pairs:
            if reason := names.bad_param_name(key.text):
                self.report("SC110", f"{key.text!r} cannot be a param of {owner}: {reason}", key)
        return node.pairs

    def unknown_keys(self, pairs: Pairs, known: Iterable[str], owner: str) -> None:
        known = tuple(known)
        for key, _ in pairs.pairs:
            if key.text not in known:
                from shapecalc.source.spelling import respelled

                near = nearest(key.text, known)
                help = f"did you mean `{near}`?" if near else f"the keys are {', '.join(known)}"
                fix = respelled(key, key.text, near, taken=[k.text for k, _ in pairs.pairs])
                self.report("SC103", f"{owner} has no key {key.text!r}", key, help, fix)

    # blocks

    def once(self, make: Callable[[], T], *sections: Node | None) -> T:
        """What `make` makes of sections, or made of them in an earlier file: the reader gives sections again.

        Then what elaboration made of it is known too. What a mistake is told of is made anew, so that it is told again.
        """
        key = *map(id, sections), id(self.operators)
        if key in _PARSED:
            return _PARSED[key][1]  # type: ignore[no-any-return]
        before = len(self.diagnostics)
        made = make()
        if len(self.diagnostics) == before:
            if len(_PARSED) >= MOST_SECTIONS:
                _PARSED.clear()
            _PARSED[key] = (sections, self.operators), made
        return made

    def blocks(self, node: Node | None) -> dict[str, Block]:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return {}
        if not isinstance(node, Pairs):
            self.report("SC105", f"`blocks` is a mapping from names to blocks, not {kind_of(node)}", node)
            return {}
        found = ((key, self.block(key, value)) for key, value in node.pairs)
        return {key.text: block for key, block in found if block}

    def block(self, key: Scalar, node: Node) -> Block | None:
        if reason := names.bad_block_name(key.text):
            self.report("SC110", f"{key.text!r} cannot be the name of a block: {reason}", key)
            return None
        if not isinstance(node, Pairs):
            self.report("SC105", f"a block is a mapping with `layers`, not {kind_of(node)}", node)
            return None
        self.unknown_keys(node, (*names.BLOCK_KEYS, *names.FACT_KEYS), f"block {key.text}")
        body, merge = self.block_body(key, node)
        facts = {k.text: v for k, v in node.pairs if k.text in names.FACT_KEYS}
        if body is None and "shape" not in facts:
            return None
        return Block(
            key,
            self.text(node, "description"),
            self.params(node.get("params"), f"block {key.text}"),
            self.block_inputs(node.get("inputs")),
            body,
            merge,
            node.get("output"),
            facts,
        )

    def block_body(self, key: Scalar, node: Pairs) -> tuple[Body | None, Node | None]:
        ways = [k for k, _ in node.pairs if k.text in ("layers", "branches", "shape")]
        if not ways:
            self.report("SC104", f"block {key.text} has no `layers`", key, "or `branches` with `merge`, or a `shape`")
            return None, None
        if len(ways) > 1:
            message = f"block {key.text} has `{ways[0].text}` and `{ways[1].text}`; one of them says what it is"
            self.report("SC103", message, ways[1])
        body_node = node.get(ways[0].text)
        if ways[0].text == "shape" or body_node is None:
            return None, None
        merge = node.get("merge")
        if ways[0].text == "branches" and merge is None:
            self.report("SC104", f"block {key.text} has `branches` but no `merge`", ways[0], "add e.g. `merge: Cat`")
            return None, None
        if ways[0].text == "layers" and merge is not None:
            self.report("SC103", f"block {key.text} has `merge` but no `branches`", merge)
        if ways[0].text == "branches":
            return self.layers.body(body_node, "branches"), merge
        return self.layers.body(body_node, "layers"), None

    def block_inputs(self, node: Node | None) -> list[Scalar]:
        if node is None:
            return []
        items = node.items if isinstance(node, Items) else [node]
        for item in items:
            if not isinstance(item, Scalar):
                self.report("SC105", f"`inputs` is a list of names, not {kind_of(item)}", item)
            elif reason := names.bad_input_name(item.text):
                self.report("SC110", f"{item.text!r} cannot be the name of an input: {reason}", item)
        return [item for item in items if isinstance(item, Scalar)]


def class_name(stem: str) -> str:
    """A class name made of a file's stem: `resnet_basic.small` -> `ResnetBasicSmall`."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in stem).split()
    name = "".join(w[:1].upper() + w[1:] for w in words)
    return name if name and not name[0].isdigit() else f"Net{name}"
