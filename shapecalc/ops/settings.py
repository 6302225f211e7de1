"""Readers of settings: a mapping from names to values, where torch wants an object that holds them.

Knows no operator; what the settings mean for one is its own matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.kinds import Kind, Unfit, shown
from shapecalc.ops.op import source

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings:
    """Settings as read; the text is the source of the object that torch wants."""

    __slots__ = ("callee", "given")

    def __init__(self, callee: str, given: Mapping[str, Any]) -> None:
        self.callee = callee
        self.given = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and (self.callee, self.given) == (other.callee, other.given)

    def __hash__(self) -> int:
        return hash((self.callee, tuple(self.given.items())))

    def __str__(self) -> str:
        return f"{self.callee}({', '.join(f'{name}={source(value)}' for name, value in self.given.items())})"

    __repr__ = __str__


class Named(Kind):
    """A mapping from the names of settings to values, each read by its own kind, or null for no such object.

    Of `exclusive` settings only one may say something.
    """

    types = (dict,)

    def __init__(self, callee: str, settings: Mapping[str, Kind], exclusive: tuple[str, str]) -> None:
        self.callee = callee
        self.settings = settings
        self.exclusive = exclusive
        self.wants = f"null or a mapping of {', '.join(settings)}"

    def read(self, value: Any) -> Settings | None:
        if value is None or isinstance(value, Settings):
            return value
        if not isinstance(value, dict):
            raise self.unfit(value)
        given = {name: self._setting(name, v) for name, v in value.items()}
        if all(given.get(name) not in (None, "auto") for name in self.exclusive):
            raise Unfit(f"it has both {' and '.join(self.exclusive)}, and one says it")
        return Settings(self.callee, given)

    def _setting(self, name: str, value: Any) -> Any:
        kind = (self.settings or {}).get(name)
        if kind is None:
            raise Unfit(f"it has a setting {name!r} where {self.wants} is due")
        try:
            return kind.read(value)
        except Unfit:
            raise Unfit(f"it has {name} {shown(value)} where {kind.wants} is due") from None
