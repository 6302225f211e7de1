"""Which files a run reads: those named, and the specs below the directories named."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING

from shapecalc.source.parse import is_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".yaml", ".yml")


def spec_files(directory: str) -> Iterator[str]:
    """Paths of the specs below a directory, in order: YAML files with a line that begins with `shapecalc:`.

    Hidden folders and what .gitignore files name are passed over. YAML files and folders that cannot be read are among
    them: they may hold specs.
    """
    return (path for path, _ in specs_below(directory))


def specs_below(directory: str) -> Iterator[tuple[str, bytes | OSError]]:
    """The paths that `spec_files` gives, each with what is in the file, which had to be read, or why it cannot be."""
    yield from _walk(directory, _rules_above(directory))


def _walk(directory: str, rules: tuple[Rule, ...]) -> Iterator[tuple[str, bytes | OSError]]:
    rules += tuple(_rules(directory))
    try:
        entries = sorted(os.scandir(directory), key=lambda e: e.name)
    except OSError as error:
        yield directory.removeprefix("./"), error
        return
    for entry in entries:
        folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or ignored(entry.path, folder, rules):
            continue
        if folder:
            yield from _walk(entry.path, rules)
        elif entry.name.endswith(SUFFIXES) and _may_hold_text(entry) and (data := _spec(entry.path)):
            yield entry.path.removeprefix("./"), data


def _may_hold_text(entry: os.DirEntry[str]) -> bool:
    """Whether to open what has the name of a spec: a pipe would keep everybody waiting, a dangling link is told."""
    try:
        return entry.is_file() or not os.path.exists(entry.path)
    except OSError:  # a loop of links, which reading it will tell
        return True


def _spec(path: str) -> bytes | OSError:
    """What is in a file that marks itself as a spec; nothing of another."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        return error
    marked = data.startswith(b"shapecalc:") or is_spec(data.decode("utf-8", "replace"))  # as most begin
    return data if marked else b""


class Rule:
    """One line of a .gitignore: the folder that it counts from, its pattern, and whether it takes files back in."""

    __slots__ = ("base", "folders_only", "keeps", "pattern")

    def __init__(self, base: str, line: str) -> None:
        self.base = base
        self.keeps = line.startswith("!")
        line = line.removeprefix("!")
        self.folders_only = line.endswith("/")
        self.pattern = _pattern(line.rstrip("/"))


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """A .gitignore glob as a regular expression over the path below the rule's folder."""
    anchored = "/" in glob
    parts = re.split(r"(\*\*/|/\*\*|\*|\?|\[[^\]]*\])", glob.lstrip("/"))
    signs = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(
        signs.get(p) or (p.replace("[!", "[^", 1) if p[:1] == "[" and p[-1:] == "]" else re.escape(p)) for p in parts
    )
    return re.compile(body if anchored else f"(?:.*/)?{body}")


def _rules(directory: str) -> Iterator[Rule]:
    path = os.path.join(directory, ".gitignore")
    if not os.path.isfile(path):
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    base = os.path.abspath(directory)
    for line in lines:
        stripped = line.rstrip()
        if stripped and not stripped.startswith("#"):
            yield Rule(base, stripped.removeprefix("\\"))


def _rules_above(directory: str) -> tuple[Rule, ...]:
    """The rules of the folders above, up to the root of the repository; none outside of one."""
    above: list[str] = []
    current = os.path.abspath(directory)
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return ()
        current = parent
        above.append(current)
    return tuple(rule for folder in reversed(above) for rule in _rules(folder))


def ignored(path: str, folder: bool, rules: tuple[Rule, ...]) -> bool:
    """Whether the last rule that matches a path leaves it out."""
    path = os.path.abspath(path) if rules else path
    for rule in reversed(rules):
        if rule.folders_only and not folder:
            continue
        below = path[len(rule.base.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
        if rule.pattern.fullmatch(below):
            return not rule.keeps
    return False
