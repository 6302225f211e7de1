"""`shapecalc schema`: the JSON Schema of the spec language, for editors."""

from __future__ import annotations

import json
from typing import TextIO

import click


@click.command("schema")
@click.option("-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File to write.")
def command(output: TextIO) -> int:
    """Print the JSON Schema (draft 7) of the spec language.

    In an editor with a YAML language server, `# yaml-language-server: $schema=FILE` as a spec's first line gives
    completion, hover texts and checks of types.
    """
    from shapecalc.render.schema import schema

    output.write(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n")
    return 0
