"""Lightning's progress bar, on standard error and gone once an epoch is over: its figures are a line of the table.

Imported only once `engine.ready` has been called.
"""

from __future__ import annotations

import sys
from typing import Any

from lightning.pytorch.callbacks import TQDMProgressBar


class Bar(TQDMProgressBar):
    """One bar for the steps of an epoch."""

    def init_train_tqdm(self) -> Any:
        return self._quiet(super().init_train_tqdm())

    def init_validation_tqdm(self) -> Any:
        return self._quiet(super().init_validation_tqdm())

    def _quiet(self, bar: Any) -> Any:
        bar.fp = sys.stderr
        bar.leave = False
        return bar

    def get_metrics(self, trainer: Any, module: Any) -> dict[str, Any]:
        found = super().get_metrics(trainer, module)
        return {"loss": found["step_loss"]} if "step_loss" in found else {}


def bar(shown: bool) -> list[TQDMProgressBar]:
    """The bar, where there is somebody to see it."""
    return [Bar()] if shown else []
