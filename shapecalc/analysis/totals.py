"""Layers -> the figures of the whole network, each made when somebody asks for it. Knows no operator."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shapecalc.analysis.costs import total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.analysis.report import ReceptiveField, Report
    from shapecalc.analysis.training import Phases
    from shapecalc.analysis.work import Effort
    from shapecalc.dims.sym import Dim


class Totals:
    """Figures of the whole network; those named in the report's `lower_bounds` are at least so much."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._phases: Phases | None = None

    @cached_property
    def uncounted(self) -> list[str]:
        """Which of params, MACs and FLOPs leave a layer out."""
        no_params, no_macs, no_flops = self._params[1], self._macs[1], self._flops[1]
        return ["params", "trainable_params"] * no_params + ["macs"] * no_macs + ["flops"] * no_flops

    @cached_property
    def _params(self) -> tuple[Dim, bool]:
        return total([cost.params for cost in self._report.costs])

    @cached_property
    def _macs(self) -> tuple[Dim, bool]:
        return total([cost.macs for cost in self._report.costs])

    @cached_property
    def _flops(self) -> tuple[Dim, bool]:
        if self._report.conditions.convention != "torch":
            return total([layer.flops for layer in self._report.layers])
        macs, missing = self._macs
        return 2 * macs, missing

    @property
    def params(self) -> Dim:
        return self._params[0]

    @property
    def trainable_params(self) -> Dim:
        return self._params[0]

    @cached_property
    def buffers(self) -> Dim:
        return sum(cost.buffer_elements for cost in self._report.costs if cost.buffer_elements is not None)

    @property
    def macs(self) -> Dim:
        return self._macs[0]

    @property
    def flops(self) -> Dim:
        return self._flops[0]

    @property
    def saved_bytes(self) -> Dim:
        """Bytes of what autograd keeps for backward, each storage counted once."""
        return self._report.memory.total

    @property
    def peak_activation_bytes(self) -> Dim | None:
        """Bytes of the values that inference holds where it holds most; None where sizes cannot be compared."""
        return self._report.memory.peak

    @property
    def peak_activation_layer(self) -> str:
        """The path of the layer at which that is."""
        return self._report.memory.peak_layer

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """That of the last layer whose field is finite."""
        return self._field[0]

    @property
    def receptive_field_layer(self) -> str:
        """The path of that layer; of equal fields in a row the first is named."""
        return self._field[1]

    @cached_property
    def _field(self) -> tuple[ReceptiveField | None, str]:
        last: ReceptiveField | None = None
        path = ""
        for layer in reversed(self._report.layers):
            field = layer.receptive_field
            if field is None or not field.finite:
                continue
            if last is not None and not field.same(last):
                break
            last, path = field, layer.path
        return last, path

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

    @cached_property
    def effort(self) -> Effort:
        """The work of all layers beside MACs."""
        from shapecalc.analysis.work import Effort

        return Effort([layer.work for layer in self._report.layers])

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
