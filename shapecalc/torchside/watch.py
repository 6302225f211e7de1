"""Watches an emitted module run: the value of every layer, and which layer is at work.

Layers inside of an nn.Sequential are heard through hooks; those that a `forward` of ours runs are seen by the line that
is at work, and their values are read off the variables that the line has set.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.plan import Chain, Unit
from shapecalc.graph.graph import Node
from shapecalc.torchside.build import EMITTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from shapecalc.codegen.plan import Step


class Watch:
    """A context in which a module may run once: `held` has values by `id` of the wire, `node()` who is at work."""

    def __init__(self, module: nn.Module, *, values: bool) -> None:
        self.module = module
        self.emitted = EMITTED[module]
        self.values = values
        self.held: dict[int, Any] = {}
        self.active: list[Any] = []
        self.handles: list[Any] = []
        self.file = type(module).__init__.__code__.co_filename

    def __enter__(self) -> Watch:
        waiting: dict[str, list[Unit | Node]] = {}
        for path, part in sorted(_called(self.emitted.units), key=lambda item: first_node(item[1])):
            waiting.setdefault(path, []).append(part)
        for path, parts in waiting.items():
            self._hear(self.module.get_submodule(path), iter(parts))
        self.before = sys.gettrace()
        if self.values:
            sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)
        for handle in self.handles:
            handle.remove()

    def _hear(self, module: nn.Module, parts: Iterator[Unit | Node]) -> None:
        def entered(*_: Any) -> None:
            self.active.append(next(parts))

        def left(_: nn.Module, given: Any, value: Any) -> None:
            part = self.active.pop()
            if isinstance(part, Node) or part.plain:
                self.held[id(part.outputs[0])] = value

        self.handles += [module.register_forward_pre_hook(entered), module.register_forward_hook(left)]

    # values of the lines that a forward of ours runs

    def _called(self, frame: Any, event: str, _: Any) -> Any:
        if not self._ours(frame) or not self.active:
            return None
        unit = self.active[-1]
        if not isinstance(unit, Unit):
            return None
        last: list[int] = [0]

        def line(frame: Any, event: str, _: Any) -> Any:
            if event in ("line", "return"):
                self._read(unit, last[0], frame)
                last[0] = frame.f_lineno
            return line

        return line

    def _read(self, unit: Unit, line: int, frame: Any) -> None:
        """The values that a line which has run left in its variables."""
        site = self.emitted.sites.get(line)
        step = None if site is None else site.step(unit)
        if site is None or step is None:
            return
        local = frame.f_locals
        for name, wire in zip(site.names, step.outputs, strict=False):
            self.held[id(wire)] = local.get(name)

    # who is at work

    def node(self) -> int:
        """Index of the layer that runs."""
        part = self.active[-1]
        if isinstance(part, Node):
            return part.index
        frame = sys._getframe().f_back
        while frame is not None:  # a class that came along has a forward in the same file, and no line of a layer
            site = self.emitted.sites.get(frame.f_lineno) if self._ours(frame) else None
            step = None if site is None else site.step(part)
            if step is not None:
                return first_node(step.part)
            frame = frame.f_back
        return first_node(part)

    def _ours(self, frame: Any) -> bool:
        return bool(frame.f_code.co_filename == self.file and frame.f_code.co_name == "forward")


def _called(units: Sequence[Unit]) -> Iterator[tuple[str, Unit | Node]]:
    """What hooks hear: every unit, and the layers of chains, by the path of the module that is called."""
    for unit in units:
        yield owner_path(unit), unit
        for step in unit.steps:
            if unit.plain:
                yield from _in_chain(step)
            elif isinstance(step.part, Chain):
                for inner in step.part.steps:
                    yield from _in_chain(inner)


def _in_chain(step: Step) -> Iterator[tuple[str, Unit | Node]]:
    if isinstance(step.part, Node):
        yield step.part.owner.path, step.part
    elif isinstance(step.part, Chain):
        for inner in step.part.steps:
            yield from _in_chain(inner)


def owner_path(unit: Unit) -> str:
    """The path of the module that a unit's call reaches: another's where a group around it is shared."""
    layers = list(_nodes(unit.steps))
    for node in layers:
        if node.owner is not node and node.path.startswith(unit.group.path):
            inner = node.path[len(unit.group.path) :]
            if node.owner.path.endswith(inner):
                return node.owner.path.removesuffix(inner)
    return unit.group.owner.path


def _nodes(steps: Sequence[Step]) -> Iterator[Node]:
    for step in steps:
        if isinstance(step.part, Node):
            yield step.part
        elif step.part is not None:
            yield from _nodes(step.part.steps)


def first_node(part: Any) -> int:
    """The index of the first layer of a part; of a flat network, none."""
    if isinstance(part, Node):
        return part.index
    return next((node.index for node in _nodes(part.steps)), -1)
