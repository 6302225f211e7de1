"""A task -> a trained network: Lightning's Trainer with our callbacks, and what it leaves in the run's folder."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.build import build
from shapecalc.torchside.training.engine import ready
from shapecalc.torchside.training.fault import Fault, of_worker, why
from shapecalc.torchside.training.names import initialise
from shapecalc.torchside.training.record import record, write_curves, write_page, write_record, write_weights
from shapecalc.torchside.training.resume import BEST, LAST, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from shapecalc.torchside.training.task import Task

FORMATS = ("safetensors", "pt")
PRECISIONS = ("32", "16-mixed", "bf16-mixed", "64", "16-true", "bf16-true")
LOG_INTERVAL = 10


class Options:
    """How to run: devices, strategy and what else is no matter of the network; None leaves a thing to Lightning."""

    __slots__ = (
        "accelerator", "clip", "compile", "devices", "format", "log_interval", "num_nodes", "patience", "progress",
        "resume", "strategy",
    )  # fmt: skip

    def __init__(self, **given: Any) -> None:
        self.accelerator: str = given.get("accelerator") or "auto"
        self.devices: Any = given.get("devices") or (1 if self.accelerator == "cpu" else "auto")
        self.num_nodes: int = given.get("num_nodes") or 1
        self.strategy: str = given.get("strategy") or "auto"
        self.clip: float | None = given.get("clip")
        self.compile: bool = bool(given.get("compile"))
        self.patience: int | None = given.get("patience")
        self.log_interval: int = given.get("log_interval") or LOG_INTERVAL
        self.progress: bool = bool(given.get("progress"))
        self.resume: Path | None = given.get("resume")
        self.format: str = given.get("format") or FORMATS[0]


class Outcome:
    """What a run came to: its folder, figures by epoch, the best ones, the network, whether it was cut short."""

    __slots__ = ("best", "epochs", "folder", "interrupted", "main", "network", "weights")

    def __init__(self, folder: Path, network: nn.Module, epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any]):
        self.folder = folder
        self.network = network
        self.epochs = epochs
        self.best = best
        self.interrupted = False
        self.main = True
        self.weights: Path | None = None


def fresh_network(task: Task) -> nn.Module:
    """The emitted module with the weights that the seed gives it; every generator starts from the seed."""
    import random

    seed = int(task.plan["seed"])
    random.seed(seed)
    torch.manual_seed(seed)
    network = build(task.report)
    initialise(task.plan, network)
    return network


def train(task: Task, network: nn.Module, folder: Path, options: Options, told: Callable[..., None]) -> Outcome:
    """Train and write down. `told` gets the figures of each epoch and the best ones. Raises Fault."""
    ready()
    _check_strategy(options)
    from shapecalc.torchside.training.keeper import Keeper
    from shapecalc.torchside.training.learner import Learner

    _writable(folder)
    learner = Learner(network, task, task.steps, options.log_interval)
    keeper = Keeper(folder, told)
    trainer = _trainer(task, folder, options, keeper)
    _check_world(task, trainer.world_size)
    device = str(trainer.strategy.root_device)

    def noted(figures: Mapping[str, Any], best: Mapping[str, Any]) -> None:
        write_record(folder, record(task, keeper.epochs, best, device))
        told(figures, best)

    keeper.told = noted
    if options.compile:
        network.compile()
    outcome = Outcome(folder, network, keeper.epochs, keeper.best)
    outcome.interrupted = _fitted(trainer, learner, options.resume)
    outcome.epochs, outcome.best, outcome.main = keeper.epochs, keeper.best, trainer.is_global_zero
    if outcome.main:
        _leave(task, outcome, options, device)
    return outcome


def _check_strategy(options: Options) -> None:
    if _sharded(options) and not on_cuda(options):
        raise Fault(f"--strategy {options.strategy} shares the weights out among GPUs, here is the CPU: there is ddp")


def _sharded(options: Options) -> bool:
    return options.strategy.startswith("fsdp")


def _check_world(task: Task, world: int) -> None:
    if task.batch % world:
        raise Fault(f"a batch of {task.batch} cannot be shared evenly by {world} processes")


def _writable(folder: Path) -> None:
    """Said before the first step, not after the last one."""
    probe = folder / ".unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise Fault(f"{folder} cannot be written: {why(error)}") from None


def _trainer(task: Task, folder: Path, options: Options, keeper: Any) -> Any:
    from lightning.pytorch import Trainer

    from shapecalc.torchside.training.bar import bar

    try:
        return Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            num_nodes=options.num_nodes,
            strategy=options.strategy,
            precision=task.plan["precision"],
            max_epochs=task.plan["epochs"],
            gradient_clip_val=options.clip,
            callbacks=[keeper, *_stopping(task, options), *bar(options.progress)],
            logger=_loggers(folder),
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            enable_model_summary=False,
            enable_checkpointing=True,
            enable_progress_bar=options.progress,
            default_root_dir=folder,
        )
    except (ValueError, RuntimeError, TypeError) as error:
        raise Fault(f"Lightning: {why(error)}") from None
    except Exception as error:  # Lightning's own kind for devices that are not there, which is public in no module
        if type(error).__name__ != "MisconfigurationException":
            raise
        raise Fault(why(error)) from None


def _stopping(task: Task, options: Options) -> list[Any]:
    from lightning.pytorch.callbacks import EarlyStopping

    if options.patience is None:
        return []
    return [EarlyStopping("held_loss", patience=options.patience, mode="min", check_finite=True, verbose=False)]


def _loggers(folder: Path) -> list[Any]:
    from importlib.util import find_spec

    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    made: list[Any] = [CSVLogger(folder, name="steps")]
    if find_spec("tensorboard") is not None:
        made.append(TensorBoardLogger(folder, name="", version="", sub_dir="tensorboard"))
    return made


def _fitted(trainer: Any, learner: Any, resume: Path | None) -> bool:
    """Whether training was interrupted. Lightning turns Ctrl-C into an exit of its own, which is undone here."""
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(learner, ckpt_path=resume, weights_only=True if resume else None)
    except (SystemExit, KeyboardInterrupt):
        return True
    except Fault as fault:
        raise of_worker(fault) from None
    except torch.OutOfMemoryError:
        raise Fault("the device's memory is full: a smaller --batch-size is due", 1) from None
    except OSError as error:
        raise Fault(f"{getattr(error, 'filename', None) or trainer.default_root_dir}: {why(error)}") from None
    finally:
        signal.signal(signal.SIGINT, before)
    return False


def _leave(task: Task, outcome: Outcome, options: Options, device: str) -> None:
    """Record, page, curves and weights: those of the last step, and the best ones."""
    found = record(task, outcome.epochs, outcome.best, device)
    write_record(outcome.folder, found)
    write_page(outcome.folder, task.report, found, outcome.interrupted)
    if outcome.epochs:
        write_curves(outcome.folder, outcome.epochs, f"{task.report.name} on {task.data.name}")
    name = "interrupted" if outcome.interrupted else "last"
    outcome.weights = outcome.folder / f"{name}.{options.format}"
    # Weights that are shared out are whole in the checkpoint alone.
    sharded = _sharded(options) and (outcome.folder / LAST).exists()
    write_weights(outcome.weights, _of_checkpoint(outcome.folder / LAST) if sharded else outcome.network.state_dict())
    if outcome.best:
        best = outcome.folder / f"best.{options.format}"
        write_weights(best, _of_checkpoint(outcome.folder / BEST))
        outcome.weights = outcome.weights if outcome.interrupted else best


def _of_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}


def rank() -> int:
    """The number of this process among those that train together, as torchrun or Lightning set it."""
    return int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0)


def on_cuda(options: Options) -> bool:
    """Whether Lightning will train on a CUDA device."""
    return options.accelerator in ("auto", "gpu") and torch.cuda.is_available()
