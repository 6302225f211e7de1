"""The walk over a network's own sequence -> what the next walk over it need not do again.

Files with the same `layers` and `blocks` share one tree of these. Where they differ in params, the layers before the
first that reads a changed one are the same, and are taken as they are: nobody changes a layer once it is made.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from shapecalc.graph.again import frozen
from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.graph.elaborate import Walk
    from shapecalc.graph.graph import Wire
    from shapecalc.graph.naming import Here
    from shapecalc.source.located import Node
    from shapecalc.source.spec import Spec

MOST_LAYERS = 2_000
"""A larger network is not kept: bodies outlive their file."""
WORD = r"[A-Za-z_]\w*"


class Stage:
    """How far everything of a walk had come behind one child of the sequence."""

    __slots__ = ("assumptions", "children", "count", "expectations", "flow", "names", "nodes", "paths", "steps")

    def __init__(self, walk: Walk, here: Here) -> None:
        self.nodes = len(walk.nodes)
        self.paths = len(walk.by_path)
        self.assumptions = len(walk.assumptions)
        self.expectations = len(walk.expectations)
        self.steps = walk.steps
        self.children = len(here.group.children)
        self.names = len(here.scope.names)
        self.count = here.scope.count
        self.flow = here.scope.flow


class Past:
    """A walk over a network's sequence, with what it began with and the stages that it went through."""

    __slots__ = ("blocks", "env", "here", "inputs", "reads", "stages", "walk")

    def __init__(self, walk: Walk, env: Mapping[str, Any], inputs: tuple[Wire, ...], here: Here) -> None:
        self.walk = walk
        self.blocks = walk.spec.blocks
        self.env = env
        self.inputs = inputs
        self.here = here
        self.stages: list[Stage] = []
        self.reads: Sequence[set[str]] = ()

    def alike(self, spec: Spec, env: Mapping[str, Any]) -> int:
        """How many of the first children read nothing that differs."""
        differing = {name for name in {*env, *self.env} if not _same(name, env, self.env)}
        if not differing:
            return len(self.stages)
        self.reads = self.reads or reads_of(spec)
        reads = self.reads[: len(self.stages)]
        return next((at for at, names in enumerate(reads) if not differing.isdisjoint(names)), len(reads))

    def hand_over(self, count: int, to: Past) -> None:
        """Give another walk, which has not begun, what was made up to the end of so many children."""
        stage, old, new = self.stages[count - 1], self.walk, to.walk
        new.nodes += old.nodes[: stage.nodes]
        new.by_path.update(islice(old.by_path.items(), stage.paths))
        new.assumptions += old.assumptions[: stage.assumptions]
        new.expectations += old.expectations[: stage.expectations]
        new.facts.update((name, found[: stage.nodes]) for name, found in old.facts.items())
        new.steps = stage.steps
        here, scope = to.here, to.here.scope
        here.group.children += self.here.group.children[: stage.children]
        scope.names.update(islice(self.here.scope.names.items(), stage.names))
        scope.count, scope.flow = stage.count, stage.flow
        to.stages += self.stages[:count]
        to.reads = self.reads


def fitting(spec: Spec, inputs: tuple[Wire, ...]) -> Past | None:
    """The last walk over the same sequence, with the same blocks, from inputs of the same kind."""
    past: Past | None = spec.body.past
    if past is None or past.blocks != spec.blocks or list(map(_kind, past.inputs)) != list(map(_kind, inputs)):
        return None
    return past


def walk_on(walk: Walk, env: Mapping[str, Any], inputs: tuple[Wire, ...], here: Here, past: Past | None) -> None:
    """Elaborate a network's sequence from where it differs from the walk before, and remember the way."""
    body = walk.spec.body
    now = Past(walk, env, inputs, here)
    alike = 0 if past is None else past.alike(walk.spec, env)
    if past is not None and alike:
        past.hand_over(alike, now)
    walk.depth += 1
    for child in body.children[alike:]:
        walk.one(child, here)
        if not walk.mistakes and len(walk.nodes) <= MOST_LAYERS:
            now.stages.append(Stage(walk, here))
    walk.depth -= 1
    if now.stages and len(walk.nodes) <= MOST_LAYERS:
        body.past = now


def reads_of(spec: Spec) -> list[set[str]]:
    """The names that each child of the network's sequence may look up: all words in its scalars."""
    layers = spec.root.get("layers")
    if isinstance(layers, Pairs):
        return [{*re.findall(WORD, key.text), *_words(value)} for key, value in layers.pairs]
    return [_words(item) for item in layers.items] if isinstance(layers, Items) else []


def _words(node: Node) -> set[str]:
    words: set[str] = set()
    waiting, seen = [node], set[int]()
    for at in waiting:  # which grows
        if isinstance(at, Scalar):
            words.update(re.findall(WORD, at.text))
        elif id(at) not in seen:  # an alias is its anchor's node again
            seen.add(id(at))
            waiting += at.items if isinstance(at, Items) else [part for pair in at.pairs for part in pair]
    return words


def _kind(wire: Wire) -> Any:
    return wire.name, wire.shape, wire.dtype, wire.below, wire.free


def _same(name: str, env: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return name in env and name in other and frozen(env[name]) == frozen(other[name])
