"""`shapecalc train`: the emitted module learns, on Lightning's loop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.extras import need
from shapecalc.cli.settings import settings_of
from shapecalc.pipeline import check
from shapecalc.source.names import TRAIN_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.analysis.report import Report
    from shapecalc.torchside.training.run import Options, Outcome
    from shapecalc.torchside.training.task import Task

RUNS = "runs"
NEWEST = "<newest>"
ACCELERATORS = ("auto", "cpu", "gpu", "mps")
DATA = (
    "digits, fashion-mnist, mnist, mnist1d, folder:PATH, npz:PATH, text:PATH, shapes, masks, edges or copy."
    "  [default: digits]"
)
BATCH = "Samples of a step, over all devices; auto takes the largest power of two that fits.  [default: 64]"
SCHEDULE = "By its name in torch.optim.lr_scheduler: cosine, step, linear, onecycle, plateau ..."
INIT = "Of the weights, by its name in torch.nn.init: kaiming, xavier, orthogonal ...  [default: the layers' own]"
RESUME = "Go on from a run's folder or checkpoint; without a path from the newest run."
PRECISIONS = ("32", "16-mixed", "bf16-mixed", "64", "16-true", "bf16-true")


class Batch(click.ParamType[Any]):
    """A number, or `auto`."""

    name = "n|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "auto" else click.IntRange(1).convert(value, param, ctx)


class Named(click.ParamType[Any]):
    """A name, or `NAME:key=value,key=value`."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name, colon, rest = str(value).partition(":")
        return {name: settings_of(tuple(rest.split(",")))} if colon else name


def _of_data(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--classes", type=click.IntRange(1), help="Classes, where the data does not show them all."),
        click.option("--resize", type=click.IntRange(1), help="Size for the symbols of the input."),
        click.option("--data-dir", metavar="DIR", help="Folder of the IDX files of mnist or fashion-mnist."),
        click.option("--data", "dataset", metavar="NAME", help=DATA),
        click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size."),
    ):  # fmt: skip
        command = option(command)
    return command


def _of_learning(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--precision", type=click.Choice(PRECISIONS), help="Of the arithmetic.  [default: 32]"),
        click.option("--init", type=Named(), help=INIT),
        click.option("--patience", type=click.IntRange(1), help="Epochs to wait for a better held-out loss."),
        click.option("--clip", type=click.FloatRange(0, min_open=True), help="Largest norm of the gradient."),
        click.option("--seed", type=click.IntRange(0), help="Of weights, order and dropout.  [default: 0]"),
        click.option("--loss", type=Named(), help="By its name in torch.nn."),
        click.option("--schedule", type=Named(), help=SCHEDULE),
        click.option("--weight-decay", type=click.FloatRange(0), help="Of the optimizer."),
        click.option("--momentum", type=click.FloatRange(0), help="Of the optimizer."),
        click.option("--optimizer", type=Named(), help="By its name in torch.optim.  [default: Adam]"),
        click.option("--lr", type=click.FloatRange(0), help="Learning rate.  [default: the optimizer's own]"),
        click.option("--batch-size", type=Batch(), help=BATCH),
        click.option("--epochs", type=click.IntRange(1), help="How often all data is seen.  [default: 10]"),
    ):  # fmt: skip
        command = option(command)
    return command


def _of_running(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--format", type=click.Choice(["safetensors", "pt"]), default="safetensors", show_default=True),
        click.option("--resume", is_flag=False, flag_value=NEWEST, metavar="[PATH]", help=RESUME),
        click.option("-o", "--output", metavar="DIR", help="Folder of the run.  [default: runs/NAME]"),
        click.option("--limit-batches", "limit", type=click.IntRange(1), help="Steps of an epoch at most."),
        click.option("--log-interval", type=click.IntRange(1), help="Steps between two logged losses.  [default: 10]"),
        click.option("--workers", type=click.IntRange(0), default=0, help="Processes that read images."),
        click.option("--compile", is_flag=True, help="Run the network through torch.compile."),
        click.option("--strategy", metavar="NAME", help="ddp or fsdp, for several devices."),
        click.option("--num-nodes", type=click.IntRange(1), default=1, help="Machines."),
        click.option("--devices", type=click.IntRange(1), help="Devices of each machine."),
        click.option("--accelerator", type=click.Choice(ACCELERATORS), default="auto", show_default=True),
        click.option("--no-cuda", is_flag=True, help="Stay on the CPU."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command("train")
@click.argument("path")
@_of_data
@_of_learning
@_of_running
def command(path: str, assignments: tuple[str, ...], **given: Any) -> int:
    """Train the network of a spec on digits, or on other data, and leave weights, figures and curves.

    The spec's `train` section gives defaults, the command line wins. Before the first step are told: what the check
    finds, whether the data fits, and the memory and time that are due. Needs the extra train
    (pip install 'shapecalc-nn[train]').
    """
    need("train", "train", "torch", "lightning")
    settings = settings_of(assignments)
    again = reader(path, settings)
    if again is None:
        return 1
    return faultless(lambda: _train(path, settings, again, given))


def reader(path: str, settings: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Report] | None:
    """What gives the report with further sizes put in; None where the spec has errors, which are told."""
    from shapecalc.analysis.verdict import Verdict
    from shapecalc.render.text import render_full

    try:
        report = check(path, settings)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    if report.has_errors:
        for text in render_full(Verdict(report)):
            click.echo(text, err=True)
        return None
    return lambda sizes: check(path, {**settings, **sizes}) if sizes else report


def faultless(work: Callable[[], int]) -> int:
    """The exit status of some work; a fault of the user's is one line."""
    from shapecalc.torchside.training.fault import Fault

    try:
        return work()
    except Fault as fault:
        from shapecalc.torchside.training.run import rank

        if rank() == 0:
            click.echo(f"shapecalc: {fault}", err=True)
        return fault.status


def _train(path: str, settings: Mapping[str, Any], again: Callable[..., Report], given: dict[str, Any]) -> int:
    from shapecalc.render import trained
    from shapecalc.torchside.training import run
    from shapecalc.torchside.training.resume import checkpoint
    from shapecalc.torchside.training.task import make_task

    main = run.rank() == 0
    say = click.echo if main else _silent
    task = make_task(again, {key: given[key] for key in TRAIN_KEYS}, {**given, "settings": settings})
    accelerator = "cpu" if given["no_cuda"] else given["accelerator"]
    folder, start = _places(path, given)
    options = run.Options(**{**given, "accelerator": accelerator, "progress": main and sys.stderr.isatty()})
    _settle_batch(task, options)
    network = run.fresh_network(task)
    options.resume = checkpoint(start, task, network) if start is not None else None
    for line in trained.heading(task):
        say(line)
    if (options.devices not in (1, "auto") or options.num_nodes > 1) and task.batch_sensitive:
        say(f"         {' and '.join(task.batch_sensitive)} will not act as in one process: each sees its own share")
    for line in _forecast(task, network, options, main):
        say(line)
    say(trained.table_head(task))
    outcome = run.train(task, network, folder, options, lambda f, best: say(trained.row(f, best)))
    return _told(outcome)


def _silent(*_: Any) -> None:
    """Of several processes one speaks."""


def _places(path: str, given: Mapping[str, Any]) -> tuple[Path, Path | None]:
    """The folder of the run, and where to go on from."""
    stem = Path(path).stem
    if given["resume"] is None:
        return Path(given["output"]) if given["output"] else _free(stem), None
    start = Path(given["output"] or _newest(stem)) if given["resume"] == NEWEST else Path(given["resume"])
    return start if start.is_dir() else start.parent, start


def _runs(stem: str) -> list[Path]:
    found: list[Path] = []
    while (folder := Path(RUNS, f"{stem}-{len(found) + 1}" if found else stem)).exists():
        found.append(folder)
    return [*found, folder]


def _free(stem: str) -> Path:
    return _runs(stem)[-1]


def _newest(stem: str) -> Path:
    return _runs(stem)[:-1][-1] if len(_runs(stem)) > 1 else Path(RUNS, stem)


def _settle_batch(task: Task, options: Options) -> None:
    """Put a number in the place of `auto`."""
    from shapecalc.torchside.training.fault import Fault
    from shapecalc.torchside.training.memory import device_bytes, largest_batch
    from shapecalc.torchside.training.run import on_cuda

    if task.batch:
        return
    if options.devices not in (1, "auto"):
        raise Fault("--batch-size auto is for one device: give a number for several")
    task.batch = largest_batch(task.report, task.plan, device_bytes(on_cuda(options)), len(task.data.learn))


def _forecast(task: Task, network: Any, options: Options, main: bool) -> list[str]:
    """Memory and time of what is to come. Raises Fault where one step takes more than the device has."""
    from shapecalc.render import trained
    from shapecalc.torchside.training.engine import ready
    from shapecalc.torchside.training.fault import Fault
    from shapecalc.torchside.training.memory import device_bytes, step_bytes
    from shapecalc.torchside.training.run import on_cuda

    cuda = on_cuda(options)
    needed, whole = step_bytes(task.report, task.batch, task.plan)
    free = device_bytes(cuda)
    told = trained.memory(needed, whole, free)
    if needed is not None and free is not None and needed > free and options.devices in (1, "auto"):
        raise Fault(f"{told}: --batch-size auto takes what fits", 1)
    if not main or options.devices not in (1, "auto"):
        return [told]
    ready()
    from shapecalc.torchside.training.pace import seconds_per_step

    return [told, trained.pace(task, seconds_per_step(task, network, "cuda" if cuda else "cpu"))]


def _told(outcome: Outcome) -> int:
    from shapecalc.render import trained

    if outcome.main:
        for line in trained.ending(outcome):
            click.echo(line)
    return 130 if outcome.interrupted else 0
