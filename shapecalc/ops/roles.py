"""What operators do in a network, in the words that lint rules ask for. An operator states its roles in its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES: Mapping[str, str] = {
    "affine": "a learned map that a second one behind it, with nothing between, could be merged with",
    "conv": "a convolution (kernel_size, stride, padding, dilation, groups)",
    "transposed": "a transposed convolution",
    "linear": "a linear map of the last axis",
    "norm": "a normalisation",
    "batch_norm": "a normalisation whose statistics run over the batch",
    "activation": "an elementwise nonlinearity",
    "idempotent": "applied twice it does what it does once",
    "rectifier": "cuts off what is negative",
    "softmax": "turns scores into probabilities",
    "log_softmax": "turns scores into log-probabilities",
    "sigmoid": "turns scores into independent probabilities",
    "loss": "compares an output with a target",
    "takes_scores": "a loss that applies softmax or sigmoid itself",
    "takes_log_probabilities": "a loss that wants log-softmax before it",
    "takes_probabilities": "a loss that wants values from 0 to 1",
    "by_value": "a loss that compares each value with a value of the target",
    "by_class": "a loss whose input has an axis of classes, behind the batch",
    "dropout": "drops values in training",
    "keeps_variance": "a dropout that leaves mean and variance as they were",
    "pool": "a pooling window (kernel_size, stride, padding)",
    "adaptive": "a pool to a given size",
    "reduction": "a mean, sum, extremum ... over axes that go",
    "reshape": "moves values and computes none",
    "identity": "gives back its input",
    "passes_shift": "what is added to a whole channel of its input is added to that of its output",
    "sum": "adds its inputs",
    "cat": "joins its inputs along an axis",
    "elementwise_merge": "combines its inputs element by element, broadcasting",
}
