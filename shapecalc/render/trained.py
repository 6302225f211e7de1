"""A task and its figures -> the lines that training prints. Knows no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.render.number import count, size_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FEW = 32
"""Numbers that a network may have for all of them to be printed."""


def heading(task: Any) -> Iterator[str]:
    """The network, the data and what it is trained with."""
    data, fit, plan = task.data, task.fit, task.plan
    sizes = f" with {', '.join(f'{n} = {s}' for n, s in task.sizes.items())}" if task.sizes else ""
    yield f"{task.report.name}{sizes}: {count(task.report.totals.params)} parameters"
    shape = _by(fit.raw) + (f" made {_by(fit.shapes[0])}" if fit.resized else "")
    classes = f", {data.count} classes" if data.count is not None else ""
    yield f"data     {data.name}: {len(data.learn):,} to learn from, {len(data.held):,} held out, {shape}{classes}"
    if data.kind != "values" and data.count is not None and (extra := _spare(task)):
        yield f"         the network gives {extra} scores more than there are classes"
    optimizer, schedule = (plan.named(key)[0] for key in ("optimizer", "schedule"))
    rate = f" lr {plan['lr']:g}" if plan["lr"] is not None else ""
    steps = f"batch {task.batch}, {task.steps:,} steps an epoch"
    loss = type(task.loss()).__name__
    yield f"plan     {loss}, {optimizer}{rate}{f', {schedule}' if schedule else ''}, {steps}, seed {plan['seed']}"
    findings = sum(d.severity == "warning" for d in task.report.diagnostics)
    if findings:
        yield f"check    {findings} warning{'s' * (findings > 1)}: shapecalc check {task.report.path}"


def _spare(task: Any) -> int:
    axis = -1 if task.data.kind == "tokens" else 0
    return int(task.fit.output[axis]) - int(task.data.count) if task.fit.output != (1,) else 0


def memory(needed: int | None, whole: bool, free: int | None) -> str:
    """What a step takes of what there is."""
    least = "" if whole else "at least "
    told = "not known" if needed is None else f"{least}{size_bytes(needed)}"
    return f"memory   a step takes {told}{'' if free is None else f' of {size_bytes(free)} free'}"


def pace(task: Any, seconds: float) -> str:
    """The time of an epoch by that of a step."""
    return f"time     a step takes {_seconds(seconds)}, an epoch about {_seconds(seconds * task.steps)}"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < 90:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def table_head(task: Any) -> str:
    """The heads of the columns of `row`."""
    answers = task.data.kind != "values" or task.data.count == 2
    return f"\nepoch      loss  held out{'  accuracy      best' if answers else '      best'}   seconds"


def row(figures: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    """One epoch: mean loss of what is learned from and of what is held out, accuracy of the latter, the best so far."""
    losses = f"{figures['epoch']:5d}  {_loss(figures['train_loss'])}  {_loss(figures['held_loss'])}"
    if "held_accuracy" in figures:
        losses += f"  {figures['held_accuracy']:8.2%}  {best['held_accuracy']:8.2%}"
    else:
        losses += f"  {_loss(best['held_loss'])}"
    return f"{losses}  {figures['seconds']:8.1f}"


def _loss(value: float) -> str:
    return f"{value:8.4f}" if 1e-3 <= value < 1e3 or value == 0 else f"{value:8.2e}"


def ending(outcome: Any) -> Iterator[str]:
    """What was reached and where it lies."""
    yield ""
    if outcome.interrupted:
        done = outcome.epochs[-1]["epoch"] if outcome.epochs else 0
        last = outcome.folder / "last.ckpt"
        yield f"interrupted: {last} holds the end of epoch {done}; go on with --resume {outcome.folder}"
    elif outcome.best:
        accuracy = f"accuracy {outcome.best['held_accuracy']:.2%}, " if "held_accuracy" in outcome.best else ""
        yield f"best     epoch {outcome.best['epoch']}: {accuracy}held-out loss {outcome.best['held_loss']:.4g}"
    yield from _learned(outcome)
    yield f"report   {outcome.folder / 'report.html'}"
    yield f"weights  {outcome.weights}"


def _learned(outcome: Any) -> Iterator[str]:
    """All weights of a tiny network, so that one sees what it learned."""
    weights = dict(outcome.network.named_parameters())
    if sum(w.numel() for w in weights.values()) > FEW:
        return
    for name, weight in weights.items():
        yield f"learned  {name} {_rounded(weight.tolist())}"


def _rounded(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_rounded, values))}]"
    return f"{values:.3f}"


def evaluated(task: Any, found: Mapping[str, float]) -> str:
    """Figures of the held-out samples."""
    accuracy = f", accuracy {found['accuracy']:.2%}" if "accuracy" in found else ""
    return (
        f"{task.report.name} on {task.data.name}: {len(task.data.held):,} samples, loss {found['loss']:.4f}{accuracy}"
    )


def _by(sizes: Any) -> str:
    return " x ".join(map(str, sizes)) or "one number"
