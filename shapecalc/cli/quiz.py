"""`shapecalc quiz`: questions made, worked, marked, and taken in the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.sheet import LANG, exported, form_named, listed, of_making, sheet_of, written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import Mark, Student
    from shapecalc.quiz.question import Sheet
    from shapecalc.render.paint import Paint

COLOR = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Whether to colour."
)


@click.group("quiz")
def command() -> None:
    """Questions on sizes, costs and receptive fields: make them, work them, mark answers, take them."""


@command.command("make")
@of_making
@click.option("--id", "id", metavar="ID", help="Make one question again, by its id and the seed of its sheet.")
@click.option("-o", "--output", metavar="FILE", help="Where to write; its suffix says the format.")
@click.option("--output-format", "form", metavar="FORMAT", help="json, or one of the exports.  [default: markdown]")
@click.option("--key", is_flag=True, help="With answers, working, and what to say of each mistake.")
@click.option("--variants", type=click.IntRange(1), help="So many sheets, FILE-1 and on, keys apart in FILE-1.key.")
@click.option("--list", "listing", is_flag=True, help="Print the topics and formats.")
def make(listing: bool, output: str | None, form: str | None, key: bool, variants: int | None, **wanted: Any) -> int:
    """Make a sheet of questions, drawn by chance from topics, or about the network of a spec.

    Without --topic chance puts the topics in order, and levels alternate; variants have the same topics.

    The same options and seed give the same questions for ever. The JSON form is the master that `answer`, `grade` and
    `take` read.
    """
    if listing:
        return listed(wanted["lang"])
    if variants and not output:
        raise click.UsageError("--variants writes files: name one with -o FILE")
    form = form_named(form, output)
    if not variants:
        written(output, exported(sheet_of(wanted), form, key))
        return 0
    assert output is not None
    for number in range(1, variants + 1):
        own = {**wanted, "seed": f"{wanted['seed']}-{number}", "order": wanted["seed"]}
        _write_variant(sheet_of(own), form, output, number)
    return 0


def _write_variant(sheet: Sheet, form: str, output: str, number: int) -> None:
    """The sheet and its key, side by side; where a format always has the key, one file."""
    path = Path(output)
    plain, keyed = exported(sheet, form, False), exported(sheet, form, True)
    written(str(path.with_name(f"{path.stem}-{number}{path.suffix}")), plain)
    if keyed != plain:
        written(str(path.with_name(f"{path.stem}-{number}.key{path.suffix}")), keyed)


@command.command("answer")
@click.argument("path", metavar="FILE")
@click.option(
    "--output-format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "json"]),
    default="text",
    help="How it is written; latex needs amsmath; json is a master.",
)
@LANG
@COLOR
def answer(path: str, form: str, lang: str, color: str) -> int:
    """Print key and working of each question of FILE: a JSON master, or questions in YAML.

    A question in YAML is a spec and what is asked of it; a claimed answer (`expect`) is marked, and the exit status is
    1 where one is wrong.
    """
    import json

    from shapecalc.quiz import worked

    sheet, claims, say = _read(path, lang)
    if form == "json":
        click.echo(json.dumps(worked.master(sheet, claims), ensure_ascii=False, indent=1))
    elif form == "text":
        click.echo(worked.text(sheet, claims, say, _paint(color)), color=True)
    else:
        click.echo((worked.markdown if form == "markdown" else worked.latex)(sheet, claims, say))
    return int(any(mark.state != "right" for marks in claims.values() for mark in marks.values()))


def _paint(color: str) -> Paint:
    from shapecalc.render.paint import Paint, wants_colour

    return Paint(wants_colour(color, os.environ, sys.stdout.isatty()))


def _read(path: str, lang: str = "en") -> tuple[Sheet, dict[int, dict[str, Mark]], Words]:
    """The sheet of a JSON master, in its own language, or of questions in YAML, and the claims by question.

    Of a path, or of standard input for `-`.
    """
    import json

    from shapecalc.explain.words import LANGUAGES, Words
    from shapecalc.quiz.posed import Faulty, posed
    from shapecalc.quiz.question import from_json

    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            say = Words(lang)
            sheet, claimed = posed(path, data, say)
            return sheet, {n: c.marks for n, c in enumerate(claimed, start=1)}, say
        sheet = from_json(json.loads(data.decode("utf-8-sig")))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    except Faulty as error:
        raise click.ClickException(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path}: {error}") from None
    return sheet, {}, Words(sheet.lang if sheet.lang in LANGUAGES else lang)


@command.command("grade")
@click.argument("master")
@click.argument("answers", nargs=-1, required=True)
@click.option(
    "--output-format",
    "form",
    type=click.Choice(["text", "markdown", "json", "csv"]),
    default="text",
    help="How the report is written; csv has a row for each answer.",
)
@click.option("-o", "--output", metavar="FILE", help="Where to write the report.")
@click.option("--picture", metavar="FILE", help="Draw the report too: a .png, .svg or .pdf; needs the extra quiz.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="English or Chinese.  [default: the master's]")
@COLOR
def grade(
    master: str,
    answers: tuple[str, ...],
    form: str,
    output: str | None,
    picture: str | None,
    lang: str | None,
    color: str,
) -> int:
    """Mark ANSWERS, CSV or JSON, by the questions of MASTER, and report on the class.

    CSV is wide (student,1,2,3:height) or long (student,question,answer). A question goes by its number or its id, a
    choice by its letter or value; numbers may be written 1e6, 1,000,000, 61.1M, sizes 64x55x55.
    """
    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import graded

    sheet, _, say = _read(master, lang or "en")
    say = Words(lang) if lang else say
    students = graded(sheet, _answers(sheet, answers))
    if picture:
        _draw(picture, sheet, students, say)
    text = _reported(sheet, students, say, form, _paint("never" if output else color))
    if output:
        written(output, f"{text}\n".encode())
    else:
        click.echo(text, color=True)
    return 0


def _answers(sheet: Sheet, paths: Sequence[str]) -> dict[str, Any]:
    """What was answered, by student; remarks go to stderr."""
    from shapecalc.quiz.answers import Answers, Unreadable

    found = Answers(sheet)
    for path in paths:
        try:
            found.add(path, Path(path).read_bytes())
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or error}") from None
        except Unreadable as error:
            raise click.ClickException(str(error)) from None
    for remark in found.remarks:
        click.echo(f"note: {remark}", err=True)
    return found.of


def _draw(path: str, sheet: Sheet, students: Sequence[Student], say: Words) -> None:
    from shapecalc.quiz.picture import SUFFIXES, Missing, draw

    if not path.endswith(SUFFIXES):
        raise click.UsageError(f"--picture {path}: its suffix is one of {', '.join(SUFFIXES)}")
    try:
        draw(path, sheet, students, say)
    except Missing as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None


def _reported(sheet: Sheet, students: Sequence[Student], say: Words, form: str, paint: Paint) -> str:
    from shapecalc.quiz import report
    from shapecalc.render.explained import render_markdown, render_text

    if form == "json":
        import json

        return json.dumps(report.to_json(sheet, students, say), ensure_ascii=False, indent=1)
    if form == "csv":
        return report.csv_text(students, say)
    blocks = report.page(sheet, students, say)
    return render_markdown(blocks) if form == "markdown" else render_text(blocks, paint)


@command.command("take")
@click.argument("master", required=False)
@of_making
@COLOR
def take(master: str | None, color: str, **wanted: Any) -> int:
    """Answer questions in the terminal, one at a time: those of MASTER, or new ones by the options of `make`.

    An empty answer skips, ? shows the working. Ctrl-D ends with the score, and so does Ctrl-C, with exit status 130.
    """
    from shapecalc.explain.words import Words
    from shapecalc.quiz.take import Talk

    if master == "-":
        raise click.UsageError("answers come from standard input: the questions want a file")
    if master:
        sheet, _, say = _read(master, wanted["lang"])
    else:
        sheet, say = sheet_of(wanted), Words(wanted["lang"])
    talk = Talk(sheet, say, _hear(), click.echo, _paint(color))
    status = 0
    try:
        talk.run()
    except EOFError:
        click.echo("")
    except KeyboardInterrupt:
        click.echo("")
        status = 130
    click.echo("")
    for line in talk.score():
        click.echo(line)
    return status


def _hear() -> Callable[[str], str]:
    """Reads a line behind a prompt. What comes through a pipe is shown, as a terminal would."""
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    if sys.stdin.isatty():
        return input

    def hear(prompt: str) -> str:
        line = input(prompt)
        click.echo(line)
        return line

    return hear
