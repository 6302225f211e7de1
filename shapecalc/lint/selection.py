"""Which codes are wanted: prefixes, names and ALL into a set of codes, and the severities that settings change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.source.codes import CATALOGUE, NAMES, OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALL = "ALL"
ALWAYS = ("SC0", "SC1")
"""What keeps a spec from being read is always told: nothing else that is said of the file could be believed."""

BY_NAME = {name: code for code, name in NAMES.items()}


class UnknownCode(ValueError):
    """A selector that no code begins with and that is no name; the text names it and advises."""

    def __init__(self, selector: str, text: str) -> None:
        super().__init__(text)
        self.selector = selector


def codes_of(selector: str) -> frozenset[str]:
    """The codes that a selector means: a code, a prefix of codes (`SC3`), a name, or ALL. Raises UnknownCode."""
    if selector == ALL:
        return frozenset(NAMES)
    if selector in BY_NAME:
        return frozenset({BY_NAME[selector]})
    found = frozenset(code for code in NAMES if selector and code.startswith(selector))
    if not found:
        from shapecalc.source.nearest import nearest

        near = nearest(selector, [*NAMES, *BY_NAME])
        raise UnknownCode(selector, f"no code begins with {selector!r}" + (f"; did you mean {near!r}?" if near else ""))
    return found


class Selection:
    """Wanted codes, changed severities, and the budget that networks must keep (bounds by figure).

    Selectors of one layer of settings are laid over those before it.
    Of a selector and an `ignore` that name the same code the longer one wins, and `ignore` where both are equal.
    """

    __slots__ = ("budget", "codes", "severities")

    def __init__(
        self,
        codes: Iterable[str] | None = None,
        severities: Mapping[str, str] | None = None,
        budget: Mapping[str, Any] | None = None,
    ) -> None:
        chosen = (code for code, *_ in CATALOGUE if code not in OPTIONAL) if codes is None else codes
        self.codes = frozenset(chosen)
        self.severities = dict(severities or {})
        self.budget = dict(budget or {})

    def changed(
        self,
        select: Sequence[str] | None = None,
        extend: Sequence[str] = (),
        ignore: Sequence[str] = (),
        severities: Mapping[str, str] | None = None,
    ) -> Selection:
        """This selection with one layer of settings over it. Raises UnknownCode."""
        base = dict.fromkeys(self.codes, 0) if select is None else _strengths(select)
        wanted = {**base, **_stronger(base, _strengths(extend))}
        unwanted = _strengths(ignore)
        codes = [code for code, strength in wanted.items() if unwanted.get(code, -1) < strength]
        return Selection(codes, {**self.severities, **_expanded(severities or {})}, self.budget)

    def wants(self, code: str) -> bool:
        """Whether findings of a code are told."""
        return code in self.codes or code.startswith(ALWAYS)


def _strengths(selectors: Sequence[str]) -> dict[str, int]:
    """How closely each code is meant: the length of the longest selector that means it, a name counting as the code."""
    found: dict[str, int] = {}
    for selector in selectors:
        for code in codes_of(selector):
            strength = 0 if selector == ALL else len(code) if selector in BY_NAME else len(selector)
            found[code] = max(found.get(code, 0), strength)
    return found


def _stronger(base: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {code: max(strength, base.get(code, 0)) for code, strength in other.items()}


def _expanded(severities: Mapping[str, str]) -> dict[str, str]:
    return {code: level for selector, level in severities.items() for code in codes_of(selector)}
