"""What may be imported where and when: the rooms in their order, nothing heavy, torch in one place."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shapecalc

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(shapecalc.__file__).parent
ROOMS = (
    "dims", "source", "ops", "graph", "analysis", "lint", "explain", "pipeline", "rewrite", "render", "codegen",
    "torchside", "onnxside", "quiz", "lsp", "cli", "__main__",
)  # fmt: skip
"""From left to right: a module may import those of its own room and of rooms before it."""

HEAVY = ("torch", "sympy", "numpy", "rich")
LAZY = {*HEAVY, "jinja2", "networkx", "pygls", "lightning", "onnx", "pandas"}
"""Packages that only functions may import."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The room of a module; empty for the package's own `__init__`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__init__", "")


def imported(tree: ast.AST, room: str = "") -> Iterator[str]:
    """The absolute names of all that a module imports, in functions and for types too. `from .x` stays in the room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level < 2, "other rooms are imported by absolute names"
            start = f"shapecalc.{room}." if node.level else ""
            yield from (f"{start}{node.module}.{alias.name}" for alias in node.names)


def outermost(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run on import: not those of functions, nor those for types alone."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def wrong_ways(source: str, room: str) -> list[str]:
    """What a module of a room imports from rooms that come after it."""
    found = [name.split(".") for name in imported(ast.parse(source), room)]
    others = [parts[1] for parts in found if parts[0] == "shapecalc" and len(parts) > 1 and parts[1] in ROOMS]
    return [other for other in others if ROOMS.index(other) > ROOMS.index(room)]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room_of(path) for path in MODULES} - {""} <= set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    if room:
        assert wrong_ways(read(path), room) == []


def test_the_test_of_the_direction_can_fail() -> None:
    assert wrong_ways("def f():\n    from shapecalc.graph.scope import Scope", "ops") == ["graph"]
    assert wrong_ways("import shapecalc.cli.check", "dims") == ["cli"]
    assert wrong_ways("from shapecalc.dims.sym import Sym", "ops") == []


def test_torch_is_imported_in_one_room_only() -> None:
    for path in MODULES:
        tops = {name.split(".")[0] for name in imported(ast.parse(read(path)))}
        if room_of(path) != "torchside":
            assert not tops & {"torch", "torchvision", "lightning"}, path


def test_heavy_packages_are_imported_when_they_are_used() -> None:
    for path in MODULES:
        for statement in outermost(ast.parse(read(path))):
            tops = {name.split(".")[0] for name in imported(statement)}
            assert not tops & LAZY or room_of(path) == "torchside", (path, statement.lineno)


def test_nothing_evaluates_text_but_the_builder() -> None:
    for path in MODULES:
        names = {
            n.func.id
            for n in ast.walk(ast.parse(read(path)))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not names & {"eval", "exec"} or path.name == "build.py", path


# what is loaded


def loaded(code: str, cwd: Path | None = None) -> set[str]:
    """The top-level packages that are in memory when `code` has run in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('LOADED', *sorted({{m.split('.')[0] for m in sys.modules}}))\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)}, capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


SPECS = {
    "plain": "shapecalc: 1\ninput: [3, 8, 8]\n"
    "layers: [{Conv2d: {out_channels: 4, kernel_size: 3}}, Flatten, {Linear: 2}]\n",
    "symbolic": "shapecalc: 1\ninput: [3, H, W]\n"
    "layers: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2}}, {MaxPool2d: 2}]\n",
    "wrong": "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2D: {out_channels: 4}}]\n",
}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded("import shapecalc") & {*HEAVY, "click", "yaml"}


def test_importing_the_public_names_of_the_check_loads_nothing_heavy() -> None:
    assert not loaded("import shapecalc\nshapecalc.check, shapecalc.check_text, shapecalc.Report") & {*HEAVY, "click"}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("form", ["table", "json", "concise"])
def test_a_check_loads_nothing_heavy(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "net.yaml").write_text(SPECS[name], encoding="utf-8")
    code = f"from shapecalc.cli.group import run\nrun(['check', 'net.yaml', '--output-format', '{form}'])"
    assert not loaded(code, tmp_path) & {*HEAVY, "dataclasses_json", "jsonschema"}


def test_emitting_source_does_not_load_torch(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPECS["plain"], encoding="utf-8")
    assert "torch" not in loaded("from shapecalc.cli.group import run\nrun(['emit', 'net.yaml'])", tmp_path)


def test_the_tests_of_what_is_loaded_can_fail() -> None:
    assert "numpy" in loaded("import numpy")
    assert "torch" in loaded(f"import shapecalc\nshapecalc.build(shapecalc.check_text({SPECS['plain']!r}))")


def test_a_check_loads_only_the_operators_that_the_spec_uses() -> None:
    code = f"import shapecalc\nshapecalc.check_text({SPECS['plain']!r})\nimport sys\n"
    code += "assert 'shapecalc.ops.conv' in sys.modules\nassert 'shapecalc.ops.attention' not in sys.modules"
    loaded(code)
