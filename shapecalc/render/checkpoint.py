"""Checkpoint -> text for a terminal, Markdown for a comment, plain objects for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.record import shape_list
from shapecalc.render.paint import PLAIN, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.checkpoint import Checkpoint
    from shapecalc.render.paint import Paint


def render_text(found: Checkpoint, paint: Paint = PLAIN) -> str:
    """Whether it fits, what stands around the keys, then each key that does not fit."""
    lines = [_verdict(found), *(f"  {line}" for line in _around(found))]
    for sign, style, line in _keys(found):
        lines.append(paint(f"{sign} {line}", style))
    return printable("\n".join(lines))


def render_markdown(found: Checkpoint) -> str:
    """A comment for a review."""
    parts = [f"### {_verdict(found, '`')}", *_around(found)]
    keys = "\n".join(f"{sign} {line}" for sign, _, line in _keys(found))
    if keys:
        parts.append(f"```diff\n{keys.replace('```', '')}\n```")
    return printable("\n\n".join(parts)) + "\n"


def _verdict(found: Checkpoint, quote: str = "") -> str:
    spec, file = (f"{quote}{path.replace('`', '')}{quote}" for path in (found.report.path, found.path))
    if found.fits:
        return f"{file} fits {spec}: {len(found.names)} tensors, every key and shape"
    counts = (
        (len(found.missing), "missing"),
        (len(found.extra), "extra"),
        (len(found.reshaped), "of another shape"),
        (len(found.untold), "that cannot be told"),
    )
    return f"{file} does not fit {spec}: {', '.join(f'{n} {what}' for n, what in counts if n)}"


def _around(found: Checkpoint) -> Iterator[str]:
    """What the file has around the keys, and what is passed over."""
    if found.entry:
        yield f"the tensors are in its entry {found.entry!r}"
    if found.prefix:
        yield f"its keys begin with {found.prefix!r}"
    if found.wrapped:
        yield "its keys have steps of wrappers (module, _orig_mod)"
    if found.filled:
        yield f"{len(found.filled)} counters such as {found.filled[0]} are in no key: an old file, which torch loads"
    if found.open:
        yield f"{len(found.open)} keys are of blocks whose weights the spec does not state"


def _keys(found: Checkpoint) -> Iterator[tuple[str, str, str]]:
    for missing in found.missing:
        near = f", did you mean {missing.near}?" if missing.near else ""
        yield "-", "red", f"{missing.key} {_sizes(missing.shape)} is missing{near}"
    for key, shape in found.extra.items():
        yield "+", "green", f"{key} {_sizes(shape)} is extra"
    for key, (ours, theirs) in found.reshaped.items():
        yield "!", "yellow", f"{key} is {_sizes(theirs)}, and {_sizes(ours)} is due"
    for key in found.untold:
        yield "!", "yellow", f"{key} depends on sizes that are not known: --set them"


def _sizes(shape: Sequence[Any]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def checkpoint_object(found: Checkpoint) -> dict[str, Any]:
    """The object of `diff --output-format json` for a checkpoint."""
    return {
        "spec": found.report.path,
        "checkpoint": found.path,
        "fits": found.fits,
        "entry": found.entry,
        "prefix": found.prefix,
        "wrapped": found.wrapped,
        "missing": {m.key: {"shape": shape_list(m.shape), "nearest": m.near} for m in found.missing},
        "extra": {key: list(shape) for key, shape in found.extra.items()},
        "reshaped": {
            key: {"spec": shape_list(ours), "checkpoint": list(theirs)}
            for key, (ours, theirs) in found.reshaped.items()
        },
        "untold": found.untold,
        "filled": found.filled,
        "unstated": {key: list(shape) for key, shape in found.open.items()},
    }
