"""A layer's workings -> the blocks of its page: sizes, parameters, MACs, receptive field, memory, in one language."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from shapecalc.explain.page import Grid, Heading, Line, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shapecalc.explain.field import AxisField
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.page import Block
    from shapecalc.explain.steps import Working
    from shapecalc.explain.words import Words

LONGEST = 160
"""A formula of more characters is a sum over many parts, and no one's to read: its parts are shown instead."""


def shown(say: Words, label: str, working: Working, *, unit: str = "", brief: bool = False) -> Shown:
    """A working with what is to be said of it."""
    notes = [
        say("{top}/{bottom} = {quotient}, rounded down", top=top, bottom=bottom, quotient=f"{top / bottom:.6g}")
        for top, bottom in dict.fromkeys(working.roundings)
    ]
    notes += [say("because {case}", case=case) for case in working.cases]
    if working.reason:
        notes.append(say.told(working.reason))
    return Shown(label, working, notes, "" if brief else _letters(say, working), unit=unit, brief=brief)


def _letters(say: Words, working: Working) -> str:
    """What the letters stand for: "i = 224, k = 11 (kernel_size)"; of a single one its meaning alone."""
    if working.bare:
        return meaning(say, working.letters[0].meaning)
    told = [(n, meaning(say, n.meaning)) for n in working.letters if n.meaning]
    return ", ".join(f"{n.text} = {n.value}" + (f" ({word})" if word != n.text else "") for n, word in told)


def meaning(say: Words, what: str) -> str:
    """What a letter stands for: attributes go by torch's name; an axis of an input or output is called one."""
    slot, _, axis = what.rpartition(" ")
    if axis.isdigit():
        return say("{slot}, axis {axis}", slot=say(slot) if slot in ("input", "output") else slot, axis=axis)
    return say(what) if " " in what or what == "bytes" else what


def output_blocks(say: Words, work: LayerWork, *, brief: bool = False) -> Iterator[Block]:
    """The sizes of all outputs; axes that are worked out alike stand together."""
    every = work.sizes()
    for number, sizes in enumerate(every):
        which = f"[{number}] " if len(every) > 1 else ""
        for workings in _alike(sizes):
            names = ", ".join(say_axis(say, w.quantity) for w in workings)
            if not (brief and workings[0].bare):
                yield shown(say, which + names, workings[0], brief=brief)


def say_axis(say: Words, quantity: str) -> str:
    """The name of an axis: "height", or "axis 2"."""
    word, _, number = quantity.partition(" ")
    return say("axis {axis}", axis=number) if number else say(word)


def _alike(sizes: Iterable[Working]) -> Iterator[list[Working]]:
    for _, group in groupby(sizes, key=lambda w: (w.formula, w.substitution, str(w.answer))):
        yield list(group)


def params_blocks(say: Words, work: LayerWork, *, brief: bool = False) -> Iterator[Block]:
    """Each tensor, then all together."""
    whole = work.params()
    if work.node.owner is not work.node:
        yield Line(say("The parameters are those of {path}, which are counted there.", path=work.node.owner.path))
        return
    tensors = work.tensors() or {}
    if not tensors:
        yield from _lone(say, whole, brief)
        return
    for name in work.node.ties:
        yield Line(say("{name} is tied to another layer's and not counted again.", name=name))
    if brief:
        yield shown(say, say("parameters"), whole, brief=True)
        return
    for name, (working, shape) in tensors.items():
        yield shown(say, f"{name} [{', '.join(map(str, shape))}]", working)
    if len(tensors) > 1:
        yield shown(say, say("all parameters"), _summed(work, whole, {n: w.answer for n, (w, _) in tensors.items()}))


def _lone(say: Words, whole: Working, brief: bool) -> Iterator[Block]:
    """A count without tensors: none at all, which goes without saying in brief, or one that is not known."""
    if whole.answer != 0:
        yield shown(say, say("parameters"), whole)
    elif not brief:
        yield Line(say("No parameters."))


def _summed(work: LayerWork, whole: Working, parts: dict[str, Any]) -> Working:
    """The total in letters, or as a sum of the tensors where that would be too long to read."""
    from shapecalc.explain.layer import sum_of

    if len(whole.formula) <= LONGEST or work.node.ties:
        return whole
    return sum_of("params", list(parts.items()))


def macs_blocks(say: Words, work: LayerWork, *, brief: bool = False) -> Iterator[Block]:
    working = work.macs()
    if working.answer == 0 and working.constant:
        if not brief:
            yield Line(say("No multiply-accumulates."))
        return
    yield shown(say, say("MACs"), working, brief=brief)


def field_blocks(say: Words, work: LayerWork, *, brief: bool = False) -> Iterator[Block]:
    """The field along each axis, from that of the layer before."""
    fields = work.fields()
    if not fields:
        yield Line(say("It sees no position of the input."))
    for _, group in groupby(fields, key=_field_key):
        alike = list(group)
        first, places = alike[0], ", ".join(say_axis(say, f.place) for f in alike)
        label = say("receptive field, {places}", places=places)
        if first.size.answer is None:
            yield Line(say("{places}: {reason}", places=label, reason=say.told(first.size.reason)))
            continue
        yield shown(say, label, first.size, brief=brief)
        if first.jump is not None and not brief:
            yield shown(say, say("jump J, {places}", places=places), first.jump)
        if first.start is not None and not brief:
            yield shown(say, say("first position A, {places}", places=places), first.start)


def _field_key(field: AxisField) -> tuple[Any, ...]:
    parts = (field.size, field.jump, field.start)
    return tuple((str(w.answer), w.substitution, w.reason) for w in parts if w is not None)


def memory_blocks(say: Words, work: LayerWork, *, brief: bool = False) -> Iterator[Block]:
    """Bytes of the outputs, and what autograd keeps for the backward pass."""
    yield shown(say, say("bytes of the output"), work.output_bytes(), unit="B", brief=brief)
    saved = work.layer.saved_bytes
    if saved is None:
        reason = say.told(work.layer.reasons.get("saved_bytes", ""))
        yield Line(f"{say('What is kept for the backward pass is not known.')} {reason}".strip())
        return
    held = work.held()
    if not held:
        if not brief:
            yield Line(say("Nothing is kept for the backward pass."))
        return
    if brief:
        yield Line(say("kept for the backward pass: {bytes} bytes", bytes=counted(saved)))
        return
    rows = [
        [
            say("a tensor of its own") if not h.owner else say("the value of {path}", path=h.owner),
            counted(h.bytes),
            say("counted at {path} already", path=h.earlier) if h.earlier else "",
        ]
        for h in held
    ]
    yield Grid([say("kept for the backward pass"), say("bytes"), ""], rows, [False, True, False])


def counted(value: Any) -> str:
    """A number with separators, a closed form as it is."""
    return f"{value:,}" if isinstance(value, int) else str(value)


SECTIONS: dict[str, tuple[str, Callable[..., Iterator[Block]]]] = {
    "output": ("Output size", output_blocks),
    "params": ("Parameters", params_blocks),
    "macs": ("Multiply-accumulates", macs_blocks),
    "field": ("Receptive field", field_blocks),
    "memory": ("Memory", memory_blocks),
}
"""What can be asked for, with its title and how its blocks are made."""


def layer_blocks(say: Words, work: LayerWork, what: Sequence[str], *, brief: bool = False) -> Iterator[Block]:
    """The sections of one layer; in brief without headings."""
    for key in what:
        title, blocks = SECTIONS[key]
        if not brief:
            yield Heading(2, say(title))
        yield from blocks(say, work, brief=brief)
