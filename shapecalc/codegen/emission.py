"""An emitted text together with where each layer runs in it, for whoever watches it run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.codegen.plan import Step, Unit


class Site:
    """A statement of a `forward`: the class that it is in, the row that it runs, and the variables that it sets."""

    __slots__ = ("names", "place", "variant")

    def __init__(self, variant: Any, place: int, names: tuple[str, ...]) -> None:
        self.variant = variant
        self.place = place
        self.names = names

    def step(self, unit: Unit) -> Step | None:
        """The step that the statement is in one use of the class; None where it is left out there."""
        step: Step = self.variant.rows[self.place].steps[unit.number]
        return step if step.part is not None else None


class Emission:
    """The text, its sites by line, all uses of classes in it, and the name of the network's class."""

    __slots__ = ("name", "sites", "text", "units")

    def __init__(self, text: str, sites: Mapping[int, Site], units: Sequence[Unit], name: str) -> None:
        self.name = name
        self.text = text
        self.sites = sites
        self.units = units
