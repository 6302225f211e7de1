"""The options that say which questions are wanted -> a sheet; a sheet -> a file or standard output in its format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.quiz.question import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.quiz.question import Sheet

LANG = click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="English or Chinese.")
COUNT = 10


def of_making(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which questions are wanted."""
    for option in (
        LANG,
        click.option("--title", default="", metavar="TEXT", help="Title of the sheet."),
        click.option("--from", "spec", metavar="SPEC", help="Ask about the network of a spec."),
        click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Kind of question, repeatable."),
        click.option("--seed", default="0", metavar="TEXT", help="Another seed, other questions.  [default: 0]"),
        click.option("--count", type=click.IntRange(1), help=f"How many.  [default: {COUNT}]"),
        click.option("--level", "levels", multiple=True, type=click.IntRange(1, 3), help="1 to 3, repeatable."),
        click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Repeatable; all unless given."),
    ):
        command = option(command)
    return command


def sheet_of(wanted: Mapping[str, Any]) -> Sheet:
    """The questions that the options want."""
    from shapecalc.quiz.make import Exhausted, sheet
    from shapecalc.quiz.topic import LEVELS

    if wanted["spec"]:
        return _about(wanted)
    if wanted.get("id"):
        return _again(wanted)
    levels = wanted["levels"] or LEVELS
    kinds = wanted["kinds"]
    topics = _topics(wanted["topics"], kinds)
    try:
        return sheet(
            topics,
            levels,
            wanted["count"] or COUNT,
            wanted["seed"],
            kinds=kinds,
            lang=wanted["lang"],
            title=wanted["title"],
            order=None if wanted["topics"] else wanted.get("order", wanted["seed"]),
        )
    except Exhausted as error:
        raise click.ClickException(f"{error}") from None


def _topics(named: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """The topics named, each of them known; else all that have questions of the kinds wanted."""
    from shapecalc.quiz.registry import TOPICS

    if named:
        return [_topic(name) for name in dict.fromkeys(named)]
    return [name for name, topic in TOPICS.items() if not kinds or set(kinds) & set(topic.kinds)]


def _topic(name: str) -> str:
    from shapecalc.quiz.registry import TOPICS
    from shapecalc.source.nearest import nearest

    if name in TOPICS:
        return name
    near = nearest(name, TOPICS)
    hint = f" Did you mean {near!r}?" if near else f" The topics are: {', '.join(TOPICS)}."
    raise click.UsageError(f"No such topic {name!r}.{hint}")


def _again(wanted: Mapping[str, Any]) -> Sheet:
    """One question, by the topic, level and number that its id consists of."""
    from shapecalc.explain.words import Words
    from shapecalc.quiz.make import made
    from shapecalc.quiz.question import Sheet
    from shapecalc.quiz.registry import TOPICS

    name, _, rest = wanted["id"].partition(".")
    level, _, number = rest.partition(".")
    if level not in ("1", "2", "3") or not (number.isascii() and number.isdecimal()):
        raise click.UsageError(f"An id is TOPIC.LEVEL.NUMBER, such as output-size.2.17, and not {wanted['id']!r}.")
    say = Words(wanted["lang"])
    question = made(TOPICS[_topic(name)], int(level), int(number), wanted["seed"], say, wanted["kinds"])
    if question is None:
        raise click.ClickException(f"{wanted['id']}: seed {wanted['seed']!r} has no question of that number")
    return Sheet(
        wanted["title"] or say("Sizes, costs and receptive fields"), wanted["lang"], wanted["seed"], [question]
    )


def _about(wanted: Mapping[str, Any]) -> Sheet:
    """Questions about the network of a spec; where no number is named, as many as there are up to the usual one."""
    from shapecalc.cli.reading import broken, report_at
    from shapecalc.explain.words import Words
    from shapecalc.quiz.make import Exhausted
    from shapecalc.quiz.network import questions_from
    from shapecalc.quiz.problem import Unsolvable

    for name, given in (("--topic", wanted["topics"]), ("--level", wanted["levels"]), ("--id", wanted.get("id"))):
        if given:
            raise click.UsageError(f"--from asks about the layers of a spec: {name} says nothing of them")
    report = report_at(wanted["spec"], {})
    if broken(report):
        raise click.exceptions.Exit(1)
    try:
        sheet = questions_from(
            report,
            wanted["count"] or COUNT,
            wanted["seed"],
            Words(wanted["lang"]),
            wanted["kinds"],
            fewer=wanted["count"] is None,
        )
    except (Exhausted, Unsolvable) as error:
        raise click.ClickException(f"{wanted['spec']}: {error}") from None
    sheet.title = wanted["title"] or sheet.title
    return sheet


def form_named(form: str | None, output: str | None) -> str:
    """The format: named, or as the suffix says, or Markdown."""
    from shapecalc.quiz.export import EXPORTS, form_of
    from shapecalc.source.nearest import nearest

    if form is None:
        try:
            return form_of(output) if output else "markdown"
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if form not in EXPORTS:
        near = nearest(form, EXPORTS)
        hint = f" Did you mean {near!r}?" if near else f" The formats are: {', '.join(EXPORTS)}."
        raise click.UsageError(f"No such format {form!r}.{hint}")
    return form


def exported(sheet: Sheet, form: str, key: bool) -> bytes:
    from shapecalc.quiz.export import export

    try:
        return export(sheet, form, key=key)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def written(path: str | None, data: bytes) -> None:
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None


def listed(lang: str) -> int:
    from shapecalc.explain.words import Words
    from shapecalc.quiz.export import EXPORTS
    from shapecalc.quiz.registry import TOPICS
    from shapecalc.render.paint import aligned

    say = Words(lang)
    names = aligned(list(TOPICS), False)
    for name, topic in zip(names, TOPICS.values(), strict=True):
        click.echo(f"{name}  {say(topic.title)}  ({', '.join(topic.kinds)})")
    click.echo(f"formats: {', '.join(EXPORTS)}")
    return 0
