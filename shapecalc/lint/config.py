"""Settings files -> settings: `shapecalc.toml`, or `[tool.shapecalc]` in `pyproject.toml`; the nearest file wins.

A key that is not known, and a value of the wrong type, are errors with the file's name and what was meant.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shapecalc.lint.selection import Selection, UnknownCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEVELS = ("error", "warning", "info")
FAILING = (*LEVELS, "never")
KEYS: Mapping[str, str] = {
    "select": "codes to look for in place of the default ones",
    "extend-select": "codes to look for besides",
    "ignore": "codes to leave out",
    "per-file-ignores": "codes to leave out by pattern of the file's path",
    "severity": "other severities by code: error, warning or info",
    "exclude": "patterns of paths that a walk through directories passes over",
    "fail-on": "least severity that makes a run fail: error, warning, info or never",
    "output-format": "format where --output-format is not given",
    "budget": "bounds that every network must keep, by figure: {params: 25M}",
    "baseline": "file of known findings that are not told again",
}
"""What a settings file may hold, with a line of documentation."""

LISTS = ("select", "extend-select", "ignore", "exclude")
TABLES = ("per-file-ignores", "severity", "budget")


class ConfigError(ValueError):
    """A settings file that cannot be used; the text names the file and what to do."""


class Settings:
    """The settings of one file, or none of them: `values` by key, `folder` where paths in it begin, `path` its own.

    `said` is all of it as text: settings that say the same do the same.
    """

    __slots__ = ("folder", "path", "said", "selection", "values")

    def __init__(self, path: str = "", values: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self.folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
        self.values = values or {}
        self.said = repr((self.path, self.values))
        self.selection = _selection(self)

    def get(self, key: str, otherwise: Any = None) -> Any:
        return self.values.get(key, otherwise)

    def ignored_for(self, path: str) -> list[str]:
        """The selectors that `per-file-ignores` has for a file."""
        patterns: Mapping[str, Sequence[str]] = self.get("per-file-ignores", {})
        return [code for pattern, codes in patterns.items() if self._matches(path, pattern) for code in codes]

    def place(self, key: str) -> str:
        """The file, with the line where a key is set."""
        return _place(os.path.relpath(self.path), key)

    def excludes(self, path: str) -> bool:
        """Whether `exclude` names a file or a folder above it."""
        return any(self._matches(path, pattern) for pattern in self.get("exclude", ()))

    def _matches(self, path: str, pattern: str) -> bool:
        """Whether a pattern means a path: the whole path below the settings' folder, a folder above it, or its name."""
        from fnmatch import fnmatchcase

        below = os.path.relpath(os.path.abspath(path), self.folder).replace(os.sep, "/")
        parts = below.split("/")
        heads = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        whole = pattern.removeprefix("./").rstrip("/")
        found = any(fnmatchcase(head, whole) for head in heads)
        inside = whole.removeprefix("**/")  # which stands for no folder, too
        if inside != whole:
            found = found or any(fnmatchcase(head, inside) for head in heads)
        return found or ("/" not in inside and any(fnmatchcase(part, inside) for part in parts))


class Finder:
    """Finds the settings of files, reading each settings file once. One that is `named` serves all files."""

    def __init__(self, named: str | None = None) -> None:
        self.known: dict[str, Settings] = {}
        self.asked: dict[str, Settings] = {}
        self.named = load(named) if named else None

    def of(self, path: str) -> Settings:
        """The settings for a file or folder. Raises ConfigError."""
        if self.named is not None:
            return self.named
        if path not in self.asked:
            folder = os.path.abspath(path)
            self.asked[path] = self._above(folder if os.path.isdir(folder) else os.path.dirname(folder))
        return self.asked[path]

    def of_file(self, path: str) -> Settings:
        """The settings for what is known to be a file: those for its folder, which is looked up once."""
        found = self.asked[path] = self.of(os.path.dirname(path) or ".")
        return found

    def _above(self, folder: str) -> Settings:
        found = self.known.get(folder)
        if found is None:
            parent = os.path.dirname(folder)
            own = _in_folder(folder)
            found = own or (Settings() if parent == folder else self._above(parent))
            self.known[folder] = found
        return found


def _in_folder(folder: str) -> Settings | None:
    path = os.path.join(folder, "shapecalc.toml")
    if os.path.isfile(path):
        return load(path)
    path = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(path) and _speaks_of_us(path):
        return load(path)
    return None


def _speaks_of_us(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return False
    return b"shapecalc" in text and "shapecalc" in _tools(_document(path))


def _tools(document: dict[str, Any]) -> dict[str, Any]:
    """The tables of tools in a `pyproject.toml`."""
    tools = document.get("tool")
    return tools if isinstance(tools, dict) else {}


def load(path: str) -> Settings:
    """The settings in a file. Raises ConfigError."""
    document = _document(path)
    if os.path.basename(path) == "pyproject.toml":
        document = _tools(document).get("shapecalc", {})
    shown = os.path.relpath(path)
    if not isinstance(document, dict):
        raise ConfigError(f"{_place(shown, 'shapecalc')}: `tool.shapecalc` is a table, not {document!r}")
    for key, value in document.items():
        _check(shown, key, value)
    try:
        return Settings(path, document)
    except UnknownCode as unknown:
        raise ConfigError(f"{_text_at(shown, unknown.selector)}: {unknown}") from None


def _document(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{os.path.relpath(path)}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(_in_front(os.path.relpath(path), str(error))) from None


def _in_front(path: str, text: str) -> str:
    """`FILE:LINE:COLUMN: text` of what the reader of TOML says with the place behind."""
    import re

    said = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", text, re.DOTALL)
    return f"{path}:{said[2]}:{said[3]}: {said[1]}" if said else f"{path}: {text}"


def _place(path: str, key: str) -> str:
    """The file with the line where a key is set, which the reader of TOML does not tell; without it if not found."""
    import re

    return _found(path, rf"^\s*(?:\[[\w.]*?)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")


def _text_at(path: str, text: str) -> str:
    """The file with the line where a text stands in quotes, or as a key."""
    import re

    return _found(path, rf"(?<![\w-]){re.escape(text)}(?![\w-])")


def _found(path: str, pattern: str) -> str:
    """The file with the first line of a pattern; in a `pyproject.toml` the first from where it speaks of this tool."""
    import re

    with open(path, encoding="utf-8") as file:
        lines = [line.partition("#")[0] for line in file]
    ours = (n for n, line in enumerate(lines) if "shapecalc" in line)
    begin = next(ours, 0) if os.path.basename(path) == "pyproject.toml" else 0
    found = next((n for n, line in enumerate(lines) if n >= begin and re.search(pattern, line)), None)
    return path if found is None else f"{path}:{found + 1}"


def _check(path: str, key: str, value: Any) -> None:
    if key not in KEYS:
        from shapecalc.source.nearest import nearest

        near = nearest(key, KEYS)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(KEYS)}"
        raise ConfigError(f"{_place(path, key)}: unknown setting {key!r}; {hint}")
    due = _due(key, value)
    if due:
        raise ConfigError(f"{_place(path, key)}: `{key}` is {due}, not {value!r}")
    if key == "budget":
        from shapecalc.lint.budget import fault

        says = fault(value)
        if says:
            raise ConfigError(f"{_place(path, key)}: `budget` {says}")


def _due(key: str, value: Any) -> str:
    """What the value of a setting has to be, where it is something else."""
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if key in LISTS:
        return "" if texts else "a list of texts"
    if key in TABLES and not isinstance(value, dict):
        return "a table"
    if key == "per-file-ignores":
        lists = all(isinstance(v, list) and all(isinstance(c, str) for c in v) for v in value.values())
        return "" if lists else "a table of lists of codes"
    if key == "severity":
        return "" if all(level in LEVELS for level in value.values()) else f"a table with {', '.join(LEVELS)}"
    if key == "fail-on":
        return "" if value in FAILING else f"one of {', '.join(FAILING)}"
    return "" if key == "budget" or isinstance(value, str) else "a text"


def _selection(settings: Settings) -> Selection:
    values = settings.values
    for codes in values.get("per-file-ignores", {}).values():
        Selection().changed(ignore=codes)
    return Selection(budget=values.get("budget")).changed(
        values.get("select"), values.get("extend-select", ()), values.get("ignore", ()), values.get("severity", {})
    )
