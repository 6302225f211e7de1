"""Limits on what a spec expands to, and what the text alone shows to be without end: checked before the walk.

Specs come from strangers. A block that reaches itself, or forty blocks that each use the one before twice, must be
refused without being expanded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake
from shapecalc.source.located import Scalar
from shapecalc.source.spec import Child, Loop, Spoilt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.source.spec import Body, Nest, Spec

MAX_LAYERS = 200_000
MAX_STEPS = 300_000
"""Layers, groups, skipped layers and loop turns of one walk: what is left out costs time too."""
MAX_DEPTH = 80
"""Sequences, blocks and merges inside of each other."""


def static_mistakes(spec: Spec) -> list[Mistake]:
    """Blocks that reach themselves; or, without any, a spec that surely expands beyond the limit."""
    cycles = list(_cycles(spec))
    if cycles:
        return cycles
    sizes: dict[str, int] = {}
    for name in _inside_out(spec):
        sizes[name] = _least_layers(spec.blocks[name].body, sizes)
    total = _least_layers(spec.body, sizes)
    if total <= MAX_LAYERS:
        return []
    message = f"the spec expands to at least {_rounded(total)} layers; the limit is {MAX_LAYERS:,}"
    largest = max(spec.body.children, key=lambda c: _least_of(c, sizes))
    head = largest.head if isinstance(largest, Child) else largest
    return [Mistake("SC121", message, (head.start, head.end), "use fewer repetitions")]


def _rounded(n: int) -> str:
    return f"{n:,}" if n < 10**15 else f"10**{len(str(n)) - 1}"


def uses(body: Body | None) -> Iterator[Child]:
    """Every child that a body holds, at any depth, by the text alone."""
    for child in body.children if body is not None else ():
        if isinstance(child, Child):
            yield child
            for inner in child.bodies.values():
                yield from uses(inner)
        elif not isinstance(child, Spoilt):
            yield from uses(child.body)


def _cycles(spec: Spec) -> Iterator[Mistake]:
    """One mistake for each ring of blocks, at the use that closes it."""
    done: set[str] = set()
    for start in spec.blocks:
        stack: list[tuple[str, Iterator[Child]]] = []
        if start not in done:
            stack.append((start, uses(spec.blocks[start].body)))
        while stack:
            child = next(stack[-1][1], None)
            if child is None:
                done.add(stack.pop()[0])
                continue
            name = child.head.text
            path = [n for n, _ in stack]
            if name in path:
                ring = " -> ".join([*path[path.index(name) :], name])
                yield Mistake(
                    "SC117",
                    f"block {name} reaches itself: {ring}",
                    child.head,
                    "a block cannot contain itself",
                )
            elif name in spec.blocks and name not in done:
                stack.append((name, uses(spec.blocks[name].body)))


def _inside_out(spec: Spec) -> list[str]:
    """The blocks, each after those that it uses."""
    order: dict[str, None] = {}
    stack = [(name, False) for name in reversed(list(spec.blocks))]
    while stack:
        name, ready = stack.pop()
        if ready:
            order[name] = None
        elif name not in order:
            stack.append((name, True))
            inner = {c.head.text for c in uses(spec.blocks[name].body)}
            stack += [(n, False) for n in inner if n in spec.blocks and n not in order]
    return list(order)


def _least_layers(body: Body | None, sizes: dict[str, int]) -> int:
    """Fewest layers that a body can expand to: what a `when` guards, or an unknown loop holds, counts as none."""
    if body is None:
        return 1
    return sum(_least_of(child, sizes) for child in body.children)


def _least_of(child: Child | Nest | Loop | Spoilt, sizes: dict[str, int]) -> int:
    if isinstance(child, Spoilt):
        return 1
    if isinstance(child, Loop):
        return 0 if child.when is not None else _turns(child.expression) * _least_layers(child.body, sizes)
    if not isinstance(child, Child):
        return _least_layers(child.body, sizes)
    if "when" in child.wiring:
        return 0
    inner = sum(_least_layers(body, sizes) for body in child.bodies.values())
    once = inner if child.head.text == "Sequential" else inner + sizes.get(child.head.text, 1)
    return once * _repeats(child)


def _turns(expression: str) -> int:
    value = _constant(expression)
    return len(value) if isinstance(value, list | tuple | range) else 0


def _repeats(child: Child) -> int:
    node = child.wiring.get("repeat")
    if node is None:
        return 1
    value: Any = node.value if isinstance(node, Scalar) else None
    value = _constant(value) if isinstance(value, str) else value
    return value if type(value) is int and value >= 0 else 0


def _constant(expression: str) -> Any:
    from shapecalc.source.expression import ExpressionError, evaluate

    try:
        return evaluate(expression, {})
    except ExpressionError:
        return None
