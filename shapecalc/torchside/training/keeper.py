"""Writes the best and the last checkpoint, whole or not at all, and keeps the figures of every epoch.

Imported only once `engine.ready` has been called.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Checkpoint

from shapecalc.torchside.training.fault import Fault, why
from shapecalc.torchside.training.resume import BEST, LAST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning.pytorch import LightningModule, Trainer

    from shapecalc.torchside.training.learner import Learner

    Told = Callable[[dict[str, Any], dict[str, Any]], None]


class Keeper(Checkpoint):
    """After each epoch: `last.ckpt`, `best.ckpt` where the held-out figure is the best so far; then `told`."""

    def __init__(self, folder: Path, told: Told) -> None:
        self.folder = folder
        self.told = told
        self.epochs: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs, self.best = state["epochs"], state["best"]

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """From the beginning there is a checkpoint to go on from."""
        if not self.epochs:
            self._write(trainer, LAST)

    def on_train_epoch_end(self, trainer: Trainer, module: Learner) -> None:  # type: ignore[override]
        figures = {"epoch": trainer.current_epoch + 1, **module.figures}
        self.epochs.append(figures)
        better = better_than(figures, self.best)
        if better:
            self.best = figures
            self._write(trainer, BEST)
        self._write(trainer, LAST)
        if trainer.is_global_zero:
            self.told(figures, self.best)

    def _write(self, trainer: Trainer, name: str) -> None:
        path = self.folder / name
        unfinished = path.with_suffix(".unfinished")
        try:
            trainer.save_checkpoint(unfinished)
            if trainer.is_global_zero:
                os.replace(unfinished, path)
        except (OSError, RuntimeError) as error:
            if trainer.is_global_zero:
                unfinished.unlink(missing_ok=True)
            stands = f"; that of epoch {self.epochs[-2]['epoch']} stands" if len(self.epochs) > 1 else ""
            raise Fault(f"{path} cannot be written: {why(error)}{stands}") from None


def better_than(figures: dict[str, Any], best: dict[str, Any]) -> bool:
    """Whether an epoch is better than the best: by accuracy where there is one, then by loss, of held-out samples."""
    if not best:
        return True
    if "held_accuracy" in figures and figures["held_accuracy"] != best["held_accuracy"]:
        return bool(figures["held_accuracy"] > best["held_accuracy"])
    return bool(figures["held_loss"] < best["held_loss"])
