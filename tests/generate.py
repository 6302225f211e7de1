"""Regenerate what is made by the program: `python -m tests.generate`, with `--check` only say what is out of date.

In README.md and docs/*.md every line `$ shapecalc ...` of a console block is run and its output put below; the pages on
operators, diagnostics and commands are written anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch

from shapecalc.cli.group import COMMANDS
from shapecalc.cli.rule import page_text
from shapecalc.explain.manual import manual
from shapecalc.ops.op import INFERRED, REQUIRED
from shapecalc.ops.registry import FAMILIES, MODULES, find
from shapecalc.source.codes import CATALOGUE

from .scope import classes, left_out

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = [path for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in pages():
        if path in stale and not check:
            path.write_text(text, encoding="utf-8")
        if path in stale:
            print(f"{path.relative_to(ROOT)} {'is out of date: run `make format`' if check else 'written'}")
    return int(check and bool(stale))


def pages() -> list[tuple[Path, str]]:
    """Every generated page and its text."""
    found = [
        (ROOT / "docs/operators.md", operators()),
        (ROOT / "docs/diagnostics.md", diagnostics()),
        (ROOT / "docs/commands.md", commands()),
    ]
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]:
        if path not in [p for p, _ in found]:
            text = path.read_text(encoding="utf-8")
            found.append((path, BLOCK.sub(_rerun, text)))
    return found


def _rerun(match: re.Match[str]) -> str:
    lines = [line for line in match[1].splitlines() if line.startswith("$ ")]
    return "```console\n" + "\n".join(f"{line}\n{_output(line[2:])}".rstrip() for line in lines) + "\n```"


def _output(command: str) -> str:
    """What a `shapecalc` command prints, run from the root of the project."""
    args = re.sub(r"\bshapecalc (?=[a-z-]|$)", f"{sys.executable} -m shapecalc ", command)
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(args, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    return done.stdout.rstrip() or done.stderr.rstrip()


def operators() -> str:
    """The manual of all operators, in the order of the registry."""
    parts = ["# Operators\n\nMade from the operators themselves by `python -m tests.generate`.\n", *_classes()]
    for module, line in FAMILIES:
        parts += [f"## {module}\n", *map(_operator, line.split())]
    return "\n".join(parts)


def _classes() -> list[str]:
    """The classes of torch.nn that are operators, the tensor functions, and the classes that are none."""
    theirs, without = classes(), left_out()
    functions = [name for name in MODULES if name not in theirs]
    rows = "\n".join(f"| `{name}` | {reason} |" for name, reason in without.items())
    ours = [name for name in theirs if name in MODULES]
    return [
        f"## Classes of torch.nn\n\nOf torch {_release()}: {len(ours)} layers and losses.\n\n{_linked(ours)}\n",
        f"## Tensor functions and others\n\nWhat torch has no class for: {len(functions)}.\n\n{_linked(functions)}\n",
        f"## Out of scope\n\nClasses of torch.nn that a spec does not name.\n\n| class | why |\n|---|---|\n{rows}\n",
    ]


def _release() -> str:
    return ".".join(torch.__version__.split(".")[:2])


def _linked(names: list[str]) -> str:
    return ", ".join(f"[{name}](#{name.lower()})" for name in names)


def _operator(name: str) -> str:
    operator = find(name)
    doc = manual(operator)
    rows = [
        f"| `{a.name}`{' (main)' if a.main else ''} | {_default(a.default)} | {a.kind.wants} | {a.doc} |"
        for a in operator.attributes
    ]
    table = (
        "\n".join(["| argument | default | takes | meaning |", "|---|---|---|---|", *rows]) if rows else "No arguments."
    )
    return f"### {name}\n\n{doc}\n\n{table}\n"


def _default(value: object) -> str:
    if value is REQUIRED:
        return "required"
    if value is INFERRED:
        return "read off the input"
    return f"`{value!r}`"


def diagnostics() -> str:
    """The catalogue of codes, then the manual page of each."""
    rows = [
        f"| [{code}](#{code.lower()}-{name}) | `{name}` | {kind} | {text} |" for code, name, kind, text in CATALOGUE
    ]
    head = (
        "# Diagnostics\n\nMade from `shapecalc/source/codes.py` and the manual pages by `python -m tests.generate`. "
        "`shapecalc rule CODE` prints one page.\n"
    )
    table = "\n".join([head, "| code | name | severity | meaning |", "|---|---|---|---|", *rows])
    return "\n\n".join([table, *(page_text(code, 2) for code, *_ in CATALOGUE)]) + "\n"


def commands() -> str:
    """The help of every command, and of those below one."""
    parts = ["# Commands\n\nMade from `--help` by `python -m tests.generate`.\n"]
    for name in ("", *(name for top in COMMANDS for name in _with_those_below(top))):
        command = f"shapecalc {name} --help".replace("  ", " ")
        parts.append(f"## {f'shapecalc {name}'.strip()}\n\n```\n{_output(command)}\n```\n")
    return "\n".join(parts)


def _with_those_below(name: str) -> list[str]:
    command = import_module(f"shapecalc.cli.{name}").command
    return [name, *(f"{name} {below}" for below in getattr(command, "commands", {}))]


if __name__ == "__main__":
    sys.exit(main())
