"""The emitted module, data that fits it and a plan -> what Lightning trains, with the figures of each epoch.

Imported only once `engine.ready` has been called.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from torch.nn import functional
from torch.utils.data import DataLoader

from shapecalc.torchside.training import names
from shapecalc.torchside.training.data.samples import IGNORED, VALUES, Order
from shapecalc.torchside.training.diverge import told_divergence
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from torch import nn

    from shapecalc.torchside.training.task import Task

SELDOM = 10
"""Steps between two looks at the loss on a device that would have to be waited for."""


class Sums:
    """Loss, right answers and their counts of one epoch, added up on the device."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(4, dtype=torch.float64 if device.type == "cpu" else torch.float32, device=device)

    def add(self, loss: torch.Tensor, samples: int, right: torch.Tensor | None, answers: torch.Tensor | None) -> None:
        zero = self.sums.new_zeros(())
        found = [loss.detach(), zero + samples, zero if right is None else right, zero if answers is None else answers]
        self.sums += torch.stack([x.to(self.sums.dtype) for x in found])


class Learner(LightningModule):
    """Runs the network on batches that are made to fit it, and keeps the mean figures of each epoch."""

    def __init__(self, network: nn.Module, task: Task, steps: int, log_interval: int) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.steps = steps
        self.log_interval = log_interval
        self.loss = task.loss()
        self.plateau: Any = None
        self.figures: dict[str, float] = {}
        self.restored: list[dict[str, Any]] | None = None
        self.order: Order | None = None

    # data

    def train_dataloader(self) -> DataLoader[Any]:
        task, world = self.task, self.trainer.world_size
        batch, rank = task.batch, self.trainer.global_rank
        self.order = Order(len(task.data.learn), batch, task.plan["seed"], rank=rank, world=world, limit=task.limit)
        return _loader(task, task.data.learn, self.order)

    def val_dataloader(self) -> DataLoader[Any]:
        task, trainer = self.task, self.trainer
        order = Order(
            len(task.data.held),
            max(task.batch, trainer.world_size),
            None,
            rank=trainer.global_rank,
            world=trainer.world_size,
            limit=task.limit,
        )
        return _loader(task, task.data.held, order)

    # steps

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = self.measured(batch, self.learning)
        if (index + 1) % self.log_interval == 0:
            self.log("step_loss", loss, on_step=True, on_epoch=False, prog_bar=True, batch_size=len(batch[1]))
        if (loss.device.type == "cpu" or index % SELDOM == 0) and not torch.isfinite(loss):
            raise Fault(told_divergence(self, batch, index), 1)
        return loss * self._share(len(batch[1]), index)

    def _share(self, samples: int, index: int) -> float:
        """What makes the mean over processes, which Lightning takes of gradients, that of the whole batch."""
        assert self.order is not None
        world = self.trainer.world_size
        if world == 1:
            return 1
        return world if self.summed else samples * world / self.order.size(index)

    def validation_step(self, batch: Any, index: int) -> None:
        if len(batch[1]):
            self.measured(batch, self.held)

    @property
    def summed(self) -> bool:
        """Whether the loss is a sum over the batch and no mean."""
        return getattr(self.loss, "reduction", "mean") == "sum"

    def measured(self, batch: Any, sums: Sums) -> torch.Tensor:
        """The loss of a batch, whose figures are added to the sums."""
        xs, y = batch
        outputs = self.network(*self.task.fit.inputs(xs, self._dtypes()))
        output = outputs[0] if isinstance(outputs, tuple) else outputs
        scores, targets = self.task.fit.scores(output), self.task.fit.targets(y)
        wanted = self.loss_targets(scores, targets)
        loss: torch.Tensor = self.loss(scores, wanted)
        sums.add(loss if self.summed else loss * len(y), len(y), *_right(self.task, scores, targets))
        return loss

    def _dtypes(self) -> list[torch.dtype]:
        """Those of the inputs; a precision such as 64 makes all weights of another dtype than the spec's."""
        return [
            self.dtype if d == torch.float32 and isinstance(self.dtype, torch.dtype) else d for d in self.task.dtypes
        ]

    def loss_targets(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Targets as the loss takes them: ones among zeros where it knows no classes."""
        if self.task.fit.kind == VALUES or names.takes_classes(self.loss):
            return targets.to(scores.dtype) if targets.is_floating_point() else targets
        return functional.one_hot(targets, scores.shape[1]).movedim(-1, 1).to(scores.dtype)

    # epochs

    def on_train_epoch_start(self) -> None:
        assert self.order is not None
        self.order.set_epoch(self.current_epoch)
        if self.restored is not None:
            restore_random(self.restored, self.trainer.global_rank)
            self.restored = None
        # Lightning moves a schedule before the held-out samples are seen: the epoch's own rate is known here only.
        self.rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.learning, self.begun = Sums(self.device), time.perf_counter()

    def on_validation_epoch_start(self) -> None:
        self.held = Sums(self.device)

    def on_validation_epoch_end(self) -> None:
        sums = self.trainer.strategy.reduce(self.held.sums, reduce_op="sum").tolist()
        self.held_figures = _means(sums)
        if self.trainer.state.fn == "fit":
            learning = self.trainer.strategy.reduce(self.learning.sums.clone(), reduce_op="sum").tolist()
            self.figures = {f"train_{k}": v for k, v in _means(learning).items()}
        self.figures |= {f"held_{k}": v for k, v in self.held_figures.items()}
        if self.trainer.state.fn == "fit":
            self.figures["lr"] = self.rate
        self.log_dict(self.figures, sync_dist=False)

    def on_train_epoch_end(self) -> None:
        self.figures["seconds"] = time.perf_counter() - self.begun
        if self.plateau is not None:
            self.plateau.step(self.figures["held_loss"])

    def configure_optimizers(self) -> Any:
        plan = self.task.plan
        optimizer = names.optimizer(plan, self.network.parameters())
        schedule = names.schedule(plan, optimizer, plan["epochs"], self.steps)
        if schedule is None:
            return optimizer
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            # Lightning moves it after the checkpoint has been written, which a run that goes on would miss.
            self.plateau = schedule
            return optimizer
        interval = "step" if type(schedule).__name__ in names.BY_STEP else "epoch"
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": interval}}

    # what a checkpoint holds beside Lightning's own

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["shapecalc"] = {
            **self.task.identity(),
            "random": gathered(random_state()),
            "plateau": None if self.plateau is None else self.plateau.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.restored = checkpoint["shapecalc"]["random"]
        if self.plateau is not None and checkpoint["shapecalc"]["plateau"]:
            self.plateau.load_state_dict(checkpoint["shapecalc"]["plateau"])


def _loader(task: Task, samples: Any, order: Order) -> DataLoader[Any]:
    # A loader draws a seed whenever it begins: with a generator of its own it leaves dropout's random numbers alone.
    return DataLoader(
        samples,
        batch_sampler=order,
        collate_fn=_as_is,
        num_workers=task.workers,
        generator=torch.Generator().manual_seed(0),
    )


def _as_is(batch: Any) -> Any:
    """Batches are whole when they are fetched."""
    return batch


def _right(task: Task, scores: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """How many answers are right, and of how many; None where answers are numbers."""
    if task.fit.kind == VALUES:
        if task.data.count != 2:
            return None, None
        return ((scores > task.threshold) == (y > 0.5)).sum(), torch.tensor(y.numel(), device=y.device)
    counted = y != IGNORED
    return ((scores.argmax(1) == y) & counted).sum(), counted.sum()


def _means(sums: list[float]) -> dict[str, float]:
    loss, samples, right, answers = sums
    found = {"loss": loss / samples if samples else float("nan")}
    return found | ({"accuracy": right / answers} if answers else {})


# random state


def random_state() -> dict[str, Any]:
    """The state of every generator of random numbers here, of plain values."""
    import random

    version, numbers, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": [version, list(numbers), gauss],
    }


def gathered(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The states of all processes, by rank."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return [state]
    found: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(found, state)
    return found


def restore_random(states: list[dict[str, Any]], rank: int) -> None:
    """Go on with the state of that rank; a rank that was not there before keeps its own."""
    import random

    if rank >= len(states):
        return
    state = states[rank]
    torch.set_rng_state(state["torch"])
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
