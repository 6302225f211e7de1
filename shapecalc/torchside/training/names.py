"""Names of optimisers, schedules, losses and initial weights -> what torch has by them, with their arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from shapecalc.lint.plan import ALIASES
from shapecalc.ops.registry import find
from shapecalc.source.nearest import nearest
from shapecalc.torchside.training.data.samples import VALUES
from shapecalc.torchside.training.fault import Fault, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch.optim import Optimizer

    from shapecalc.torchside.training.plan import Plan

MOMENTUM = 0.9
"""That of `momentum` as the name of an optimizer."""
NO_SCHEDULE = ("", "none", "constant")
BY_STEP = ("OneCycleLR", "CyclicLR")
"""Schedules that move after every step; the others do so after every epoch."""
SHORT = {"plateau": "reducelronplateau", "cosine": "cosineannealinglr"}
SHORT_INIT = {"kaiming": "kaimingnormal", "he": "kaimingnormal", "xavier": "xavieruniform", "glorot": "xavieruniform"}


def optimizer(plan: Plan, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimizer by its name in torch.optim. Raises Fault for a name or an argument that it does not know."""
    name, extra = plan.named("optimizer")
    kind = optimizer_class(name)
    arguments = {k: plan[k] for k in ("lr", "weight_decay", "momentum") if plan[k] is not None} | extra
    if name.lower() == "momentum":
        arguments.setdefault("momentum", MOMENTUM)
    made: Optimizer = _made(kind, "the optimizer", {"params": list(parameters)}, arguments)
    return made


def optimizer_class(name: str) -> type:
    """The class of torch.optim."""
    plain = "sgd" if _plain(name) == "momentum" else _plain(name)
    kind: type = _found("optimizer", plain, _classes(torch.optim, torch.optim.Optimizer))
    return kind


def schedule(plan: Plan, made: Optimizer, epochs: int, steps: int) -> Any:
    """The schedule by its name in torch.optim.lr_scheduler, or None; `epochs` and `steps` fill what it must know."""
    name, extra = plan.named("schedule")
    plain = _plain(name)
    if plain in NO_SCHEDULE:
        return None
    classes = _classes(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler)
    plain = SHORT.get(plain, plain)
    kind = _found("schedule", plain if plain in classes else f"{plain}lr", classes)
    lr = made.param_groups[0]["lr"]
    own: dict[str, dict[str, Any]] = {
        "CosineAnnealingLR": {"T_max": epochs},
        "ExponentialLR": {"gamma": 0.9},
        "LinearLR": {"start_factor": 1.0, "end_factor": 0.01, "total_iters": epochs},
        "MultiStepLR": {"milestones": sorted({max(1, epochs // 2), max(1, epochs * 3 // 4)})},
        "OneCycleLR": {"max_lr": lr, "total_steps": epochs * steps},
        "PolynomialLR": {"total_iters": epochs},
        "StepLR": {"step_size": max(1, epochs // 3)},
    }
    return _made(kind, "the schedule", {"optimizer": made}, {**own.get(kind.__name__, {}), **extra})


def loss(plan: Plan, kind: str, count: int | None, last: frozenset[str]) -> nn.Module:
    """The loss by its name in torch.nn; where none is named, the one that targets and last layer are made for."""
    name, extra = plan.named("loss")
    plain = _plain(name or _usual_loss(kind, count, last))
    plain = ALIASES.get(plain, plain)
    classes = {k: c for k, c in _classes(nn, nn.Module).items() if k.endswith("loss")}
    made: nn.Module = _made(
        _found("loss", plain if plain in classes else f"{plain}loss", classes), "the loss", {}, extra
    )
    return made


def initialise(plan: Plan, network: nn.Module) -> None:
    """Weights of two dimensions and more anew, by a name in torch.nn.init; all others stay as their layers begin.

    Deep stacks of plain convolutions and ReLUs want it: torch's own beginning shrinks what runs through them.
    """
    name, extra = plan.named("init")
    if not name:
        return
    plain = _plain(name)
    rules = {_plain(n): f for n, f in vars(nn.init).items() if n.endswith("_") and not n.startswith("_")}
    rules |= {short: rules[whole] for short, whole in SHORT_INIT.items()}
    rule = _found("initialisation", plain, rules)
    for weight in network.parameters():
        if weight.ndim > 1:
            _made(rule, "the initialisation", {"tensor": weight}, extra)


def takes_classes(made: nn.Module) -> bool:
    """Whether a loss takes numbers of classes; for the others a class is a one among zeros."""
    operator = find(type(made).__name__)
    return operator is not None and "by_class" in operator.roles


def _usual_loss(kind: str, count: int | None, last: frozenset[str]) -> str:
    if kind != VALUES:
        return "NLLLoss" if "log_softmax" in last else "CrossEntropyLoss"
    if count == 2:
        return "BCELoss" if "sigmoid" in last else "BCEWithLogitsLoss"
    return "MSELoss"


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _classes(module: Any, base: type) -> dict[str, type]:
    found = {n: c for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, base) and c is not base}
    return {name.lower(): kind for name, kind in found.items()}


def _found(what: str, plain: str, classes: Mapping[str, Any]) -> Any:
    if plain in classes:
        return classes[plain]
    near = nearest(plain, classes)
    known = ", ".join(sorted({kind.__name__ for kind in classes.values()}))
    hint = f"did you mean {classes[near].__name__}?" if near else f"torch has {known}"
    raise Fault(f"torch has no {what} by the name {plain!r}: {hint}")


def _made(kind: Any, what: str, fixed: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    known = inspect.signature(kind).parameters
    unknown = [k for k in arguments if k not in known]
    if unknown:
        raise Fault(f"{what} {kind.__name__} has no {', '.join(unknown)}")
    try:
        return kind(**fixed, **arguments)
    except (TypeError, ValueError) as error:
        raise Fault(f"{what} {kind.__name__}: {why(error)}") from None
