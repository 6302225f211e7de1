"""An operator -> its manual page: docstring, arguments, and the formulas of its own rules in letters.

The formulas come from the operator's samples; where samples differ in a formula, each is shown with its arguments.
"""

from __future__ import annotations

from inspect import cleandoc
from itertools import groupby
from typing import TYPE_CHECKING, Any

from shapecalc.explain.figures import meaning, say_axis
from shapecalc.explain.page import Heading, Line, Shown
from shapecalc.explain.trace import Trace
from shapecalc.ops.op import INFERRED, REQUIRED, UnknownFact
from shapecalc.ops.registry import FAMILIES, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.explain.page import Block
    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Name
    from shapecalc.explain.words import Words
    from shapecalc.ops.op import Operator


def families() -> list[tuple[str, list[str]]]:
    """The names of all operators by family, in the order of the registry."""
    return [(module, line.split()) for module, line in FAMILIES]


def operator_page(name: str, say: Words) -> Iterator[Block]:
    """The manual page. Raises KeyError for a name that no operator has."""
    operator = find(name)
    yield Heading(1, name)
    for paragraph in manual(operator).split("\n\n"):
        yield Line(" ".join(paragraph.split()))
    yield Heading(2, say("Arguments"))
    yield from _arguments(operator, say)
    yield Heading(2, say("Formulas"))
    yield from _formulas(operator, say)


def manual(operator: type) -> str:
    """An operator's docstring, then those of its family up to the one with the headings, a paragraph each."""
    parts: list[str] = []
    for cls in operator.__mro__:
        if cls.__doc__:
            parts.append(cleandoc(cls.__doc__))
        if "Sizes:" in (cls.__doc__ or ""):
            break
    text = "\n\n".join(parts)
    for head in ("Cost:", "Pitfalls:", "Torch:"):
        text = text.replace(f"\n{head}", f"\n\n{head}")
    return text


def _arguments(operator: type[Operator], say: Words) -> Iterator[Block]:
    if not operator.attributes:
        yield Line(say("No arguments."))
        return
    for a in operator.attributes:
        main = f" ({say('main')})" if a.main else ""
        yield Line(f"{a.name}{main}, {_default(a.default, say)}: {a.doc} ({a.kind.wants})", bullet=True)


def _default(value: Any, say: Words) -> str:
    if value is REQUIRED:
        return say("required")
    return say("read off the input") if value is INFERRED else say("by default {value}", value=repr(value))


def _formulas(operator: type[Operator], say: Words) -> Iterator[Block]:
    """Every formula once, under what it gives; where the samples disagree, with the arguments of its sample."""
    found: dict[str, dict[str, tuple[Working, str]]] = {}
    letters: dict[str, Name] = {}
    for arguments, xs in operator.samples():
        for label, working in sample_workings(operator, arguments, xs, say):
            # samples without a batch differ from the others in nothing but N
            found.setdefault(label, {}).setdefault(working.formula.removeprefix("N*"), (working, _said(arguments)))
    for labels, formulas in _together(found):
        for working, arguments in formulas.values():
            notes = [say("for {arguments}", arguments=arguments)] if len(formulas) > 1 and arguments else []
            letters = {n.text: n for n in working.letters} | letters
            yield Shown(
                ", ".join(labels),
                working,
                [*notes, *(say("because {case}", case=case) for case in working.cases)],
                formula=True,
            )
    told = [f"{word} = {meaning(say, n.meaning)}" for word, n in letters.items() if n.meaning not in ("", word)]
    if told:
        yield Line(", ".join(told))


def _together(found: dict[str, dict[str, Any]]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """What comes about by the same formulas stands together: height and width."""
    for _, group in groupby(found.items(), key=lambda item: list(item[1])):
        alike = list(group)
        yield [label for label, _ in alike], alike[0][1]


def sample_workings(
    operator: type[Operator], arguments: dict[str, Any], xs: Sequence[Any], say: Words
) -> Iterator[tuple[str, Working]]:
    """The workings of one sample that say something: sizes that are worked out, parameters and MACs."""
    kinds = {a.name: a.kind for a in operator.attributes}
    op = operator({k: kinds[k].read(list(v) if isinstance(v, tuple) else v) for k, v in arguments.items()}, *xs)
    trace = Trace(op, xs)
    for number in range(len(trace.plain_ys or ())):
        which = f"[{number}]" if number else ""
        for working in trace.sizes(number):
            if working.formula and not _passes(working):
                yield f"{which} {say_axis(say, working.quantity)}".strip(), working
    try:
        for name, (working, _) in trace.tensors().items():
            yield name, working
    except UnknownFact:
        return
    macs = trace.macs()
    if macs.formula:
        yield say("MACs"), macs


def _passes(working: Working) -> bool:
    """Whether a size is that of the input, unchanged."""
    return working.bare and working.letters[0].meaning.rpartition(" ")[2].isdigit()


def _said(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())
