"""The visible list of rules: which module holds which codes. A module is loaded when one of its rules is run or shown.

Codes, names and severities stand in `shapecalc.source.codes`; the order here is that of the manual.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.lint.rule import Page, Rule

RULES: tuple[tuple[str, str], ...] = (
    ("norms", "SC301 SC307 SC601"),
    ("losses", "SC302 SC303 SC602"),
    ("affine", "SC304"),
    ("activations", "SC305 SC306 SC317"),
    ("dropouts", "SC308 SC309"),
    ("usage", "SC318 SC319 SC320 SC321 SC322 SC325 SC328"),
    ("budget", "SC504"),
    ("kernels", "SC310 SC312 SC314 SC323 SC327"),
    ("windows", "SC311 SC324 SC405"),
    ("fields", "SC315 SC316 SC326"),
    ("dilation", "SC313"),
    ("costs", "SC401 SC402 SC403 SC404 SC406"),
)
"""Modules of `shapecalc.lint` with the codes of their rules."""

PAGES: tuple[tuple[str, str], ...] = (
    ("pages.files", "SC001 SC002 SC003 SC004 SC005 SC006 SC007 SC008 SC009 SC010 SC011"),
    ("pages.keys", "SC101 SC102 SC103 SC104 SC105 SC106 SC107 SC108 SC109"),
    ("pages.names", "SC110 SC111 SC114 SC115 SC116 SC117 SC120 SC122"),
    ("pages.values", "SC112 SC113 SC118 SC119 SC121"),
    ("pages.sizes", "SC201 SC202 SC203 SC204 SC205 SC206 SC207 SC208 SC209 SC210"),
    ("pages.axes", "SC211 SC212 SC213 SC214 SC215 SC216 SC217 SC218"),
    ("pages.claims", "SC501 SC502 SC503 SC901 SC902"),
)
"""Modules of `shapecalc.lint` with the manual pages of codes that reading and elaboration give."""

_MODULES = {code: module for module, line in (*RULES, *PAGES) for code in line.split()}


def page(code: str) -> type[Page]:
    """The class with the manual page of a code. Raises KeyError for a code without one."""
    module = import_module(f"shapecalc.lint.{_MODULES[code]}")
    found: dict[str, type[Page]] = module.PAGES
    return found[code]


@lru_cache(maxsize=10)
def rules(codes: frozenset[str]) -> Sequence[Rule]:
    """The rules among those codes, in the order of the list; found once for all files with the same settings."""
    wanted = [(module, code) for module, line in RULES for code in line.split() if code in codes]
    return [import_module(f"shapecalc.lint.{module}").PAGES[code]() for module, code in wanted]
