"""Blocks of an explanation -> text for a terminal, Markdown, or LaTeX; it knows no operator and no language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.explain.page import Grid, Heading, Line, Shown
from shapecalc.explain.steps import Step
from shapecalc.render.number import count
from shapecalc.render.paint import PLAIN, aligned, printable, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shapecalc.explain.page import Block
    from shapecalc.explain.steps import Working
    from shapecalc.render.paint import Paint


def render_text(blocks: Iterable[Block], paint: Paint = PLAIN) -> str:
    """The page for a terminal."""
    lines: list[str] = []
    for block in blocks:
        if isinstance(block, Heading):
            lines += [
                "",
                paint(printable(block.text), "bold"),
                *(["=" * width(block.text)] if block.level == 1 else []),
            ]
        elif isinstance(block, Line):
            lines.append(("- " if block.bullet else "  ") + printable(block.text))
        elif isinstance(block, Grid):
            lines += [f"  {line}" for line in _grid(block)]
        else:
            lines += [f"  {line}" for line in _shown(block, paint)]
    return "\n".join(lines).strip("\n")


def _shown(block: Shown, paint: Paint) -> list[str]:
    """The label and the formula, and under the formula its lines; beside the last, the answer, what is to be noted."""
    label = printable(block.label)
    lines = brief_lines(block) if block.brief else list(_lines(block.working))
    first, *more = [*lines[:-1], f"{lines[-1]} {block.unit}".rstrip()]
    gap = " " * (width(label) + 2)
    if block.brief:
        return [f"{paint(label, 'cyan')}  {first}" + _note(block.notes)]
    if block.working.bare and block.letters:
        return [f"{paint(label, 'cyan')}  {first}" + _note([block.letters, *block.notes])]
    letters = [paint(gap + printable(block.letters), "dim")] if block.letters else []
    notes = [paint(f"{gap}{printable(note)}", "dim") for note in block.notes]
    return [f"{paint(label, 'cyan')}  {first}", *(gap + line for line in more), *notes, *letters]


def _note(notes: list[str]) -> str:
    return f"  ({'; '.join(map(printable, notes))})" if notes else ""


def _lines(working: Working) -> Iterator[str]:
    """Formula, substitution, arithmetic and answer, a line each."""
    answer = count(working.answer)
    if working.tree is None or working.constant:
        yield answer
    elif working.bare:
        yield f"{working.formula} = {answer}"
    else:
        yield working.formula
        yield f"= {working.substitution}"
        yield from (f"= {step.text}" for step in working.steps[:-1])
        yield f"= {answer}"


def brief_lines(block: Shown) -> list[str]:
    """One line: the numbers put in and the answer, or the formula alone."""
    working = block.working
    if block.formula:
        return [working.formula]
    if working.tree is None or working.constant or working.bare:
        return [count(working.answer)]
    return [f"{working.substitution} = {count(working.answer)}"]


def _grid(grid: Grid) -> list[str]:
    columns = [
        aligned([printable(cell) for cell in column], right)
        for column, right in zip(zip(grid.head, *grid.rows, strict=True), grid.right, strict=True)
    ]
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def render_markdown(blocks: Iterable[Block]) -> str:
    """The page as Markdown: workings as blocks of code, tables as tables."""
    return "\n\n".join(_markdown(block) for block in blocks)


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Line):
        return ("- " if block.bullet else "") + _plain_markdown(block.text)
    if isinstance(block, Grid):
        rows = [block.head, ["---:" if right else "---" for right in block.right], *block.rows]
        return "\n".join(
            f"| {' | '.join(_plain_markdown(c).replace('|', chr(92) + '|') for c in row)} |" for row in rows
        )
    if block.brief:
        return f"**{block.label}**: `{brief_lines(block)[0]}` {block.unit}".rstrip() + _note(block.notes)
    lines = "\n".join(_lines(block.working))
    notes = "".join(f"\n\n{_plain_markdown(note)}" for note in (*block.notes, block.letters) if note)
    return f"**{block.label}**\n\n```\n{lines} {block.unit}".rstrip() + f"\n```{notes}"


def _plain_markdown(text: str) -> str:
    """Signs that Markdown would take for its own are escaped."""
    return "".join(f"\\{c}" if c in "*_`<>[]" else c for c in text)


def render_latex(blocks: Iterable[Block]) -> str:
    """The page as a piece of a LaTeX document; it needs amsmath, and a CJK font where it is in Chinese."""
    return "\n\n".join(_latex(block) for block in blocks)


LEVELS = {1: "section", 2: "subsection", 3: "subsubsection"}


def _latex(block: Block) -> str:
    if isinstance(block, Heading):
        return rf"\{LEVELS[block.level]}*{{{plain_latex(block.text)}}}"
    if isinstance(block, Line):
        return (r"\textbullet\ " if block.bullet else "") + plain_latex(block.text)
    if isinstance(block, Grid):
        rows = " \\\\\n".join(" & ".join(map(plain_latex, row)) for row in [block.head, *block.rows])
        return f"\\begin{{tabular}}{{{''.join('r' if r else 'l' for r in block.right)}}}\n{rows}\n\\end{{tabular}}"
    notes = [plain_latex(note) for note in (*block.notes, "" if block.brief else block.letters) if note]
    return "\n".join([plain_latex(block.label), _aligned(block), *notes])


def _aligned(block: Shown) -> str:
    working = block.working
    steps = [] if working.substituted is None else [working.substituted, *working.steps]
    left = working.formula_latex if steps and not working.constant else ""
    lines = [working.formula_latex] if not steps else [_mathematics(step) for step in steps]
    if not working.tree:
        lines = [count(working.answer).replace(",", "{,}")]
    if block.formula:
        left, lines = "", [working.formula_latex]
    elif block.brief:
        left, lines = "", [lines[0]] if len(lines) == 1 else [lines[0], lines[-1]]
    body = " \\\\\n".join(f"&= {line}" if n or left else f"& {line}" for n, line in enumerate(lines))
    return f"\\begin{{align*}}\n{left} {body}\n\\end{{align*}}"


def _mathematics(step: Step) -> str:
    return step.latex


def plain_latex(text: str) -> str:
    """Text in which no sign is a command."""
    special = {
        "\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}", "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
    }  # fmt: skip
    return "".join(special.get(c) or (f"\\{c}" if c in "_#$%&{}" else c) for c in text)
