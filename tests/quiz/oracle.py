"""Torch's answer to a question on sizes, unknown arguments or small matrices, and plain arithmetic for every mistake.

Everything is made again from `given` alone: torch modules by name, and formulas as textbooks have them. Nothing of the
program's own rules is used.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
import yaml
from torch import nn

Given = dict[str, Any]
Sizes = tuple[int, ...]


def answer(given: Given, ask: str = "") -> Any:
    """Torch's answer, by the form of the problem."""
    if "by_hand" in given:
        return cell_of(output(given), given["cell"] if "cell" in given else cell_named(ask))
    if "unknown" in given:
        return only_value(given)
    if "in_features_of" in given:
        return shapes(given["spec"], given["in_features_of"])[-1][-1]
    return figure(shapes(given["spec"])[-1], given["what"])


def mistake(name: str, given: Given, ask: str = "") -> Any:
    """What the mistake leads to; None where it leads to nothing that could be."""
    if "by_hand" in given:
        return by_hand(name, given, ask)
    if "unknown" in given:
        return mistaken_unknown(name, given)
    if "in_features_of" in given:
        return mistaken_features(name, given)
    return mistaken_size(name, given)


# torch's own sizes


def read(spec: str) -> tuple[Sizes, list[tuple[str, str, Given]]]:
    """Input sizes, and the layers as (name, operator, arguments)."""
    data = yaml.safe_load(spec)
    layers = []
    for name, body in ((n, b) for n, b in data["layers"].items()):
        operator, args = (body, {}) if isinstance(body, str) else next(iter(body.items()))
        layers.append((name, operator, args))
    return tuple(data["input"]), layers


def built(operator: str, args: Given, channels: int, device: str) -> nn.Module:
    """The torch module, of which convolutions are told their channels."""
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}
    lead = (
        {"in_channels": channels} if "Conv" in operator else {"in_features": channels} if operator == "Linear" else {}
    )
    with torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kernels without a cell
        module: nn.Module = getattr(nn, operator)(**lead, **plain)
    return module


def after(operator: str, args: Given, shape: Sizes, device: str = "meta") -> Sizes:
    """The sizes behind a layer, as torch has them, for a batch of one."""
    module = built(operator, args, shape[0], device)
    with torch.no_grad():
        return tuple(module(torch.empty(1, *shape, device=device)).shape[1:])


def shapes(spec: str, until: str = "", device: str = "meta") -> list[Sizes]:
    """The sizes before the first layer and behind each, up to a layer."""
    shape, layers = read(spec)
    found = [shape]
    for name, operator, args in layers:
        if name == until:
            break
        found.append(after(operator, args, found[-1], device))
    return found


def figure(shape: Sizes, what: str) -> Any:
    return shape if what == "shape" else shape[{"channels": 0, "height": 1, "length": 1, "width": 2}[what]]


# unknown arguments


def filled(spec: str, values: Given) -> str:
    for name, value in values.items():
        spec = spec.replace(f'"?{name}"', str(value))
    return spec


def reaches(given: Given, values: Given) -> bool:
    """Whether torch's layer with these values has the wanted figure; only a real run refuses all that torch does."""
    wanted = tuple(given["wanted"]) if isinstance(given["wanted"], list) else given["wanted"]
    return all(reached(given, values, device) == wanted for device in ("meta", "cpu"))


def reached(given: Given, values: Given, device: str) -> Any:
    try:
        return figure(shapes(filled(given["spec"], values), device=device)[-1], given["what"])
    except (RuntimeError, ValueError, TypeError, ZeroDivisionError):
        return None


def only_value(given: Given) -> int:
    right = [v for v in range(40) if reaches(given, {given["unknown"]: v})]
    assert len(right) == 1, right
    return right[0]


# formulas of textbooks, right and wrong


def known(operator: str, args: Given, rank: int) -> list[Given]:
    """Numbers of a layer, axis by axis."""
    kernel = args["kernel_size"]
    stride = args.get("stride", kernel if "Pool" in operator else 1)
    values = {
        "k": kernel,
        "s": stride,
        "p": args.get("padding", 0),
        "d": args.get("dilation", 1),
        "o": args.get("output_padding", 0),
    }
    return [{n: v[axis] if isinstance(v, list) else v for n, v in values.items()} for axis in range(rank)]


def conv(i: int, k: int, s: int, p: float, d: int) -> int:
    return math.floor((i + 2 * p - d * (k - 1) - 1) / s) + 1


def ceiled(i: int, k: int, s: int, p: int, d: int) -> int:
    """The last window must begin in the input or in the left padding."""
    size = math.ceil((i + 2 * p - d * (k - 1) - 1) / s) + 1
    return size - 1 if (size - 1) * s >= i + p else size


def transposed(i: int, k: int, s: int, p: float, d: int, o: int) -> float:
    return (i - 1) * s - 2 * p + d * (k - 1) + o + 1


def sized(operator: str, args: Given, i: int, n: Given) -> Any:
    """The right size along one axis."""
    if "Transpose" in operator:
        return transposed(i, **n)
    rule = ceiled if args.get("ceil_mode") else conv
    return rule(i, n["k"], n["s"], n["p"], n["d"])


def spoilt(name: str, operator: str, args: Given, i: int, n: Given) -> Any:
    """The size along one axis under a mistake; KeyError for a mistake of another kind."""
    k, s, p, d, o = (n[letter] for letter in "kspdo")
    turned = "Transpose" in operator
    top = i + 2 * p - d * (k - 1) - 1
    if name in ("no-plus-one", "plus-one-forgotten"):
        return sized(operator, args, i, n) - 1
    if name in ("rounded-up", "ceil-without-rule"):
        return math.ceil(top / s) + 1
    if name == "padding-once":
        return sized(operator, args, i, n | {"p": p / 2})
    if name == "kernel-whole":
        return transposed(i, k + 1, s, p, d, o) if turned else conv(i, k + 1, s, p, d)
    if name == "dilation-times-kernel":
        return conv(i, d * k, s, p, 1)
    if name == "floor-for-ceil":
        return math.floor(top / s) + 1
    if name == "transposed-for-conv":
        return transposed(i, k, s, p, d, 0)
    if name == "conv-for-transposed":
        return conv(i, k, s, p, d) if top >= 0 else 0
    if name == "padding-added":
        return transposed(i, k, s, -p, d, o)
    if name == "no-minus-one":
        return transposed(i + 1, k, s, p, d, o)
    changed = {
        "padding-forgotten": {"p": 0},
        "stride-forgotten": {"s": 1},
        "stride-default-one": {"s": 1},
        "stride-is-kernel": {"s": k},
        "dilation-forgotten": {"d": 1},
        "dilation-as-gap": {"d": d + 1},
        "output-padding-forgotten": {"o": 0},
    }
    return sized(operator, args, i, n | changed[name])


def mistaken_size(name: str, given: Given) -> Any:
    shape, [(_, operator, args)] = read(given["spec"])
    rank = int(operator[-2])
    axes = known(operator, args, rank)
    channels = args.get("out_channels", shape[0])
    if name == "channels-kept":
        return (shape[0], *answer(given)[1:])
    if name == "kernel-turned":
        turned = args | {"kernel_size": args["kernel_size"][::-1]}
        return figure(after(operator, turned, shape), given["what"])
    found = [spoilt(name, operator, args, i, n) for i, n in zip(shape[1:], axes, strict=True)]
    return figure((channels, *found), given["what"]) if min(found) > 0 else None


OF_THE_KERNEL = {
    "half-the-kernel": lambda k: k // 2,
    "half-up": lambda k: (k + 1) // 2,
    "kernel-less-one": lambda k: k - 1,
    "kernel-for-padding": lambda k: k,
}


def mistaken_unknown(name: str, given: Given) -> Any:
    """The first value that the spoilt formula asks for."""
    shape, [(_, operator, args)] = read(given["spec"])
    if name in OF_THE_KERNEL:
        return OF_THE_KERNEL[name](args["kernel_size"])
    for value in range(100):
        put = args | {given["unknown"]: value}
        (n, *_) = known(operator, put, 1)
        if spoilt(name, operator, put, shape[1], n) == given["wanted"]:
            return value
    return None


# a trunk of layers


def mistaken_features(name: str, given: Given) -> Any:
    last, start = shapes(given["spec"], given["in_features_of"])[-2], read(given["spec"])[0]
    products = {
        "channels-forgotten": math.prod(last[1:]),
        "input-channels": start[0] * math.prod(last[1:]),
        "one-axis": last[0] * last[1],
        "channels-only": last[0],
    }
    if name in products:
        return products[name]
    _, layers = read(given["spec"])
    if name == "last-pool-forgotten":
        pools = [n for n, (_, operator, _) in enumerate(layers) if "Pool" in operator]
        return math.prod(shapes(given["spec"])[pools[-1]])
    return spoilt_trunk(name, start, layers)


def spoilt_trunk(name: str, shape: Sizes, layers: list[tuple[str, str, Given]]) -> int:
    channels, *sizes = shape
    for _, operator, args in layers:
        if not operator.startswith(("Conv", "MaxPool", "AvgPool")):
            continue
        # A pool without a stride of its own has none that could be forgotten.
        forgets = not (name == "stride-forgotten" and "Pool" in operator and "stride" not in args)
        axes = known(operator, args, 2)
        pairs = list(zip(sizes, axes, strict=True))
        sizes = [(spoilt(name, operator, args, i, n) if forgets else sized(operator, args, i, n)) for i, n in pairs]
        channels = args.get("out_channels", channels)
    return channels * math.prod(sizes)


# small matrices


def tensor(values: Any, rank: int) -> torch.Tensor:
    """Numbers with axes for batch and channels before the spatial ones."""
    found = torch.tensor(values, dtype=torch.float64)
    return found.reshape((1,) * (rank + 2 - found.dim()) + tuple(found.shape))


def output(given: Given, **changes: Any) -> torch.Tensor:
    """What torch makes of the numbers, with other numbers or arguments where told."""
    given = {**given, **changes}
    operator, args = given["by_hand"], given.get("args") or {}
    rank = int(operator[-2])
    image = tensor(given["image"], rank)
    functional: Any = torch.nn.functional
    if "Pool" in operator:
        pool = getattr(functional, operator[:3].lower() + f"_pool{rank}d")
        return pool(image, **args)[0, 0]
    kernel = tensor(given["kernel"], rank)
    rule = getattr(functional, f"conv_transpose{rank}d" if "Transpose" in operator else f"conv{rank}d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rule(image, kernel, **args)[0, 0]


def cell_named(name: str) -> list[int]:
    return [int(part) for part in name.replace("r", " ").replace("c", " ").split()]


def cell_of(found: torch.Tensor, cell: list[int]) -> float | None:
    """The number in a cell counted from 1; None where there is no such cell."""
    if any(n > size for n, size in zip(cell, found.shape, strict=True)):
        return None
    return found[tuple(n - 1 for n in cell)].item()


def by_hand(name: str, given: Given, ask: str) -> Any:
    cell = given["cell"] if "cell" in given else cell_named(ask)
    args, rank, operator = given.get("args") or {}, int(given["by_hand"][-2]), given["by_hand"]
    spatial = list(range(-rank, 0))
    simple = {
        "stride-not-applied": {"stride": 1},
        "padding-not-applied": {"padding": 0},
        "dilation-not-applied": {"dilation": 1},
        "padding-not-counted": {"count_include_pad": False},
        "padding-counted": {"count_include_pad": True},
    }
    if name in simple:
        return cell_of(output(given, args=args | simple[name]), cell)
    if name == "cell-turned":
        return cell_of(output(given), cell[::-1])
    if name == "overlap-replaced":
        return cell_of(overwritten(given), cell)
    if name in ("mean-for-max", "max-for-mean", "sum-for-mean"):
        return cell_of(pooled(name, given, args, rank), cell)
    if name == "padding-not-zeros":
        pads = [args["padding"]] * (2 * rank)
        image = torch.nn.functional.pad(tensor(given["image"], rank), pads, mode="replicate")
        return cell_of(
            output(given, image=image[0].tolist(), args={k: v for k, v in args.items() if k != "padding"}), cell
        )
    kernel = tensor(given["kernel"], rank)
    changed: dict[str, Any] = {
        "kernel-flipped": lambda: kernel.flip(spatial),
        "kernel-correlated": lambda: kernel.flip(spatial),
        "kernel-transposed": lambda: kernel.transpose(-1, -2),
        "window-summed": lambda: torch.ones_like(kernel),
    }
    if name in changed:
        return cell_of(output(given, kernel=changed[name]()[0].tolist()), cell)
    assert name == "first-channel-only", (name, operator)
    return cell_of(output(given, image=given["image"][0], kernel=given["kernel"][0]), cell)


def pooled(name: str, given: Given, args: Given, rank: int) -> torch.Tensor:
    """The other kind of pool, or sums."""
    kept = {k: v for k, v in args.items() if k in ("kernel_size", "stride", "padding")}
    if name == "mean-for-max":
        return output(given, by_hand=f"AvgPool{rank}d", args=kept | {"count_include_pad": False})
    if name == "max-for-mean":
        return output(given, by_hand=f"MaxPool{rank}d", args=kept)
    cells = args["kernel_size"] ** rank
    return output(given, args=kept | {"count_include_pad": True}) * cells


def overwritten(given: Given) -> torch.Tensor:
    """Kernels laid down row by row, each over what lies there; then the padding is cut off."""
    args = given.get("args") or {}
    step, cut = args.get("stride", 1), args.get("padding", 0)
    image, kernel = torch.tensor(given["image"]), torch.tensor(given["kernel"])
    found = torch.zeros_like(output(given, args={"stride": step}))
    height, width = kernel.shape
    for r, row in enumerate(image.tolist()):
        for c, value in enumerate(row):
            found[r * step : r * step + height, c * step : c * step + width] = value * kernel
    return found[cut : found.shape[0] - cut, cut : found.shape[1] - cut]
