"""torch.nn's own list of classes, and which of them no spec can name, with the reason."""

from __future__ import annotations

import inspect

from torch import nn

LAZY = "takes its sizes from the first input that it sees, which a spec does for every layer"
REASONS = {
    "Module": "is the base of all layers and has no forward of its own",
    "RNNBase": "is the base of RNN, LSTM and GRU",
    "RNNCellBase": "is the base of the recurrent cells",
    "Container": "is an old name of Module",
    "Sequential": "is the language's own: a list of layers, or `Sequential`",
    "ModuleList": "holds layers and has no forward: lists and loops of the language stand for it",
    "ModuleDict": "holds layers and has no forward: mappings of named layers stand for it",
    "ParameterList": "holds parameters and has no forward: each is a `Parameter`",
    "ParameterDict": "holds parameters and has no forward: each is a `Parameter`",
    "DataParallel": "copies a whole network onto several devices",
}
"""Public classes of torch.nn that are no operators, one by one."""


def classes() -> list[str]:
    """The names of all public nn.Module classes of torch.nn, in order."""
    found = [name for name in dir(nn) if not name.startswith("_") and inspect.isclass(getattr(nn, name))]
    return [name for name in found if issubclass(getattr(nn, name), nn.Module)]


def lazy() -> list[str]:
    """The classes that wait for their first input."""
    mixin = nn.modules.lazy.LazyModuleMixin
    return [name for name in classes() if issubclass(getattr(nn, name), mixin)]


def left_out() -> dict[str, str]:
    """Every class out of scope, with the reason."""
    return REASONS | dict.fromkeys(lazy(), LAZY)
