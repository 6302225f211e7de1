"""Resize and Upsample -> Interpolate, where torch takes its samples at the same places. Knows nothing of files."""

from __future__ import annotations

from typing import Any

from shapecalc.onnxside.call import Call, Open

LINEAR = {3: "linear", 4: "bilinear", 5: "trilinear"}


def resize(call: Call) -> None:
    """The factors where they are told, else the size."""
    if call.version < 10 or call.op == "Upsample":
        factors = call.listed("scales", 1)
    else:
        factors = call.numbers(1 if call.version == 10 else 2)
    sizes = call.out().shape
    if call.get("antialias", 0) or call.get("axes") or sizes[:2] != call.shape[:2] or not 3 <= call.rank <= 5:
        raise Open("torch takes no such samples")
    if not all(isinstance(n, int) for n in sizes[2:]):
        raise Open("its size depends on the batch")
    if sizes == call.shape:
        return call.pass_on()
    args = _mode(call, factors)
    if (
        factors
        and not call.has(3)
        and all(s == int(n * f) for n, f, s in zip(call.shape, factors, sizes, strict=True) if isinstance(n, int))
    ):
        args["scale_factor"] = _one([_whole(f) for f in factors[2:]])
    else:
        args["size"] = _one(list(sizes[2:]))
    return call.end("Upsample", args, call.value())


def _one(numbers: list[Any]) -> Any:
    return numbers[0] if len(set(numbers)) == 1 else numbers


def _whole(number: float) -> Any:
    """Torch takes floats here; a whole one is written as an integer."""
    return int(number) if float(number).is_integer() else float(f"{number:.9g}")


def _mode(call: Call, factors: Any) -> dict[str, Any]:
    mode = call.get("mode", "nearest")
    places = call.get("coordinate_transformation_mode", "half_pixel" if call.version > 10 else "asymmetric")
    up = all(s % n == 0 for n, s in zip(call.shape[2:], call.out().shape[2:], strict=True))
    if mode == "nearest":
        lower = places == "asymmetric" and (call.version < 11 or call.get("nearest_mode") == "floor")
        middle = places in ("half_pixel", "pytorch_half_pixel") and not call.get("nearest_mode", "round").startswith(
            "ceil"
        )
        if not lower and not (up and (middle and call.get("nearest_mode", "round_prefer_floor").startswith("round"))):
            raise Open("torch takes no such samples")
        return {"mode": "nearest"}
    if mode not in ("linear", "cubic") or places not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise Open("torch takes no such samples")
    if mode == "cubic" and (
        call.get("cubic_coeff_a", -0.75) != -0.75 or call.get("exclude_outside", 0) or call.rank != 4
    ):
        raise Open("torch takes no such samples")
    corners = {"align_corners": True} if places == "align_corners" else {}
    return {"mode": LINEAR[call.rank] if mode == "linear" else "bicubic", **corners}


READERS = {"Resize": resize, "Upsample": resize}
