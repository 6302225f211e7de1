"""A loss that is no number -> the step and the layer where it began, by running the batch once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.run import run_layers

if TYPE_CHECKING:
    from torch import nn

    from shapecalc.graph.graph import Graph
    from shapecalc.torchside.training.learner import Learner


def told_divergence(learner: Learner, batch: Any, index: int) -> str:
    """One line: the step, and the first layer whose weights or outputs are no numbers."""
    step = f"the loss is no number in epoch {learner.current_epoch + 1}, step {index + 1}"
    xs = learner.task.fit.inputs(batch[0], learner.task.dtypes)
    graph = learner.task.report.graph
    assert graph is not None
    if any(not torch.isfinite(x).all() for x in xs if x.is_floating_point()):
        return f"{step}: the data of that batch holds values that are no numbers"
    return f"{step}: {_where(learner.network, graph, xs)}; a smaller --lr or --clip may help"


def _where(network: nn.Module, graph: Graph, xs: list[torch.Tensor]) -> str:
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight).all():
            return f"the weights {name} are no numbers since an earlier step"
    # A compiled module would show no values of its own.
    network._compiled_call_impl = None
    with torch.no_grad():
        values = run_layers(network, graph, xs)
    for node in graph.nodes:
        for wire in node.outputs:
            value = values.get(id(wire))
            if isinstance(value, torch.Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
                return f"{node.path} is the first layer whose output is not finite"
    return "all layers are finite, the loss itself is not"
