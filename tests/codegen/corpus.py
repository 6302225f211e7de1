"""Everything that is emitted in the tests: the specs of the repository, and one layer for each operator's sample."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapecalc.ops.registry import MODULES, find
from tests import plain
from tests.ops.oracle import made, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"


@cache
def reports() -> dict[str, Any]:
    """Reports by name, all of them without errors."""
    found = {p.stem: plain.check(str(p)) for p in sorted(SPECS.glob("*.yaml"))}
    for name in MODULES:
        for number, text in enumerate(specs_of(name)):
            report = plain.check_text(text, path=f"{name}_{number}.yaml")
            if report.ok:
                found[f"{name}_{number}"] = report
    return found


def specs_of(name: str) -> Iterator[str]:
    """A spec for each sample that a spec can write: arguments that JSON knows, and tensors as inputs."""
    for arguments, xs in find(name).samples():
        try:
            given = tensors(made(name, arguments, *xs), xs)
            layer: dict[str, Any] = {name: {k: v for k, v in arguments.items() if k != "operands"}}
            json.dumps(layer, allow_nan=False)
        except (TypeError, ValueError):
            continue
        inputs = {
            f"x{i}": {"shape": list(x.shape), "dtype": str(x.dtype).removeprefix("torch."), "batch": False}
            for i, x in enumerate(given)
            if x is not None
        }
        if "operands" in arguments or len(inputs) != len(xs):
            continue
        if len(inputs) > 1:
            layer["from"] = list(inputs)
        document = {"shapecalc": 1, "name": "Sample", "input": inputs or [3], "layers": {"layer": layer}}
        yield "".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items())
