"""`--set NAME=VALUE` into values, read as the params of a spec are."""

from __future__ import annotations

from typing import Any

import click

from shapecalc.graph.mistake import Mistake
from shapecalc.graph.values import param_value
from shapecalc.source.reader import read
from shapecalc.source.text import Source


def settings_of(assignments: tuple[str, ...]) -> dict[str, Any]:
    """Values by name. Raises click.UsageError for what is no assignment or no value."""
    return dict(map(_setting, assignments))


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise click.UsageError(f"--set takes NAME=VALUE, not {text!r}")
    if not value.strip():
        raise click.UsageError(f"--set {name}= has no value")
    node, diagnostics = read(Source("--set", value))
    if diagnostics or node is None:
        raise click.UsageError(f"--set {text}: {diagnostics[0].message if diagnostics else 'no value'}")
    try:
        return name.strip(), param_value(node, {})
    except Mistake as mistake:
        raise click.UsageError(f"--set {text}: {mistake.message}") from None
