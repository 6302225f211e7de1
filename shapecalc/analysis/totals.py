"""A report's figures of the whole network; those that take another pass over the layers are made when asked for.

Knows no operator; the report fills in the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.analysis.report import ReceptiveField, Report
    from shapecalc.analysis.training import Phases
    from shapecalc.analysis.work import Effort
    from shapecalc.dims.sym import Dim


class Totals:
    """Figures of the whole network; those named in the report's `lower_bounds` are at least so much."""

    __slots__ = (
        "_effort",
        "_phases",
        "_report",
        "buffers",
        "flops",
        "macs",
        "params",
        "peak_activation_bytes",
        "peak_activation_layer",
        "receptive_field",
        "receptive_field_layer",
        "saved_bytes",
        "trainable_params",
    )

    def __init__(self, report: Report) -> None:
        self._report = report
        self._effort: Effort | None = None
        self._phases: Phases | None = None
        self.params: Dim = 0
        self.trainable_params: Dim = 0
        self.buffers: Dim = 0
        self.macs: Dim = 0
        self.flops: Dim = 0
        self.peak_activation_bytes: Dim | None = None
        self.peak_activation_layer = ""
        self.saved_bytes: Dim | None = None
        self.receptive_field: ReceptiveField | None = None
        self.receptive_field_layer = ""

    @property
    def phases(self) -> Phases | None:
        """Bytes of the phases of one training step; None where the report's reasons for `train_bytes` say why."""
        if self._phases is None and "train_bytes" not in self._report.reasons:
            self._phases = self._report.phases()
        return self._phases

    @property
    def train_bytes(self) -> int | None:
        """The peak of one training step in bytes: `docs/costs.md` says what is in it."""
        return None if self.phases is None else self.phases.peak

    @property
    def effort(self) -> Effort:
        """The work of all layers beside MACs."""
        if self._effort is None:
            from shapecalc.analysis.work import Effort

            self._effort = Effort([layer.work for layer in self._report.layers])
        return self._effort

    @property
    def macs_backward_input(self) -> Dim:
        """Multiply-accumulates of the gradients of layers' inputs in one backward pass."""
        return self.effort.input_macs

    @property
    def macs_backward_weight(self) -> Dim:
        """Multiply-accumulates of the gradients of weights in one backward pass."""
        return self.effort.weight_macs

    @property
    def operations(self) -> Mapping[str, Dim]:
        """Operations beside MACs by class, of a forward pass in inference."""
        return self.effort.operations
