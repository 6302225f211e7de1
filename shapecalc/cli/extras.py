"""Packages of extras: what a command says where one is missing, and how it runs where torch is there."""

from __future__ import annotations

import gc
from importlib.util import find_spec

import click


def need(what: str, extra: str, *packages: str) -> None:
    """Raises click.ClickException with the extra's name where a package that something needs is not there.

    Other runs are short and collect no garbage. Those of torch are long, and what they leave behind is large.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"{what} needs {' and '.join(missing)}: pip install 'shapecalc-nn[{extra}]'")
    gc.enable()
