"""A checkpoint file -> its tensors, or their shapes alone, by the entry of the file that holds them; and back.

`.pt`, `.pth`, `.ckpt` and `.bin` are read by torch with `weights_only`, so that no pickle of a stranger runs anything;
the shapes of `.safetensors` are in its header, for which no torch is loaded. Format of that: 8 bytes with the header's
length, the header as JSON, the tensors' bytes (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    Sizes = tuple[int, ...]

PICKLED = (".pt", ".pth", ".ckpt", ".bin")
SUFFIXES = (*PICKLED, ".safetensors")
LONGEST_HEADER = 100_000_000
"""Bytes of a header that are read at most, as the format's own library has it."""
DEEPEST = 3
"""Levels of mappings in which tensors are looked for."""
DTYPES = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1), "U8": ("uint8", 1),
    "BOOL": ("bool", 1), "C64": ("complex64", 8), "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
    "U16": ("uint16", 2), "U32": ("uint32", 4), "U64": ("uint64", 8),
}  # fmt: skip
"""Names of the format's element types: torch's, and bytes."""


class Unreadable(Exception):
    """A checkpoint that cannot be read; the text is one line that says why."""


def shapes_of(path: str) -> dict[str, dict[str, Sizes]]:
    """Shapes by key, by the entry of the file ("" for the file itself). Raises Unreadable, or OSError."""
    if path.endswith(".safetensors"):
        return {"": {key: tuple(entry["shape"]) for key, entry in _header(path)[0].items()}}
    found = _loaded(path, "meta")
    return {name: {key: tuple(t.shape) for key, t in tensors.items()} for name, tensors in found.items()}


def tensors_of(path: str) -> dict[str, dict[str, Tensor]]:
    """Tensors by key, by the entry of the file. Raises Unreadable, or OSError."""
    return {"": _tensors(path)} if path.endswith(".safetensors") else _loaded(path, "cpu")


def write(path: str, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by key, in the format of the suffix. Raises OSError."""
    if path.endswith(".safetensors"):
        _write_safetensors(path, tensors)
        return
    import torch

    torch.save(dict(tensors), path)


# pickles


def _loaded(path: str, device: str) -> dict[str, dict[str, Tensor]]:
    import warnings

    import torch

    with open(path, "rb"):  # a missing file is the system's matter, and is said in its words
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever the archive, the pickle or the storage made it stumble over
        raise Unreadable(f"{path}: {_why(error)}") from None
    found = dict(_entries(content, "", set()))
    if not found:
        raise Unreadable(f"{path}: no tensors by name are in it")
    return found


def _why(error: Exception) -> str:
    from pickle import UnpicklingError

    text = str(error)
    if isinstance(error, UnpicklingError) and ("GLOBAL" in text or "nsupported" in text):
        return "it holds more than weights, which only running it could read: save the state_dict alone"
    return f"it cannot be read as a checkpoint ({type(error).__name__}: {next(iter(text.splitlines()), '')[:100]})"


def _entries(content: Any, name: str, seen: set[int], depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Mappings that hold tensors by name, outermost first, each once: a pickle may hold one that holds itself."""
    if not isinstance(content, dict) or depth > DEEPEST or id(content) in seen:
        return
    seen.add(id(content))
    import torch

    own = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
    if own:
        yield name, own
    for key, value in content.items():
        if isinstance(key, str):
            yield from _entries(value, f"{name}.{key}" if name else key, seen, depth + 1)


# safetensors


def _header(path: str) -> tuple[dict[str, Any], int]:
    """The entries of the header by key, each checked, and where the tensors begin."""
    import json

    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(LONGEST_HEADER, size - 8):
            raise Unreadable(f"{path}: it is no safetensors file, or is cut off: its header has {length} bytes")
        raw = file.read(length)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable(f"{path}: its header is no JSON") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{path}: its header is no mapping")
    found.pop("__metadata__", None)
    for key, entry in found.items():
        if not _sound(entry, size - 8 - length):
            raise Unreadable(f"{path}: the entry {key[:80]!r} of its header is not as the format has it")
    return found, 8 + length


def _sound(entry: Any, size: int) -> bool:
    """Whether an entry has an element type, a shape, and as many bytes within the file as they need."""
    if not isinstance(entry, dict):
        return False
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2 or not isinstance(entry.get("dtype"), str):
        return False
    count = 1
    for each in shape:
        count *= each
        if count > size:
            return False
    begin, end = offsets
    width = DTYPES.get(entry["dtype"], ("", None))[1]
    return begin <= end <= size and (width is None or end - begin == count * width)


def _naturals(values: Any) -> bool:
    return isinstance(values, list) and len(values) <= 64 and all(type(v) is int and v >= 0 for v in values)


def _tensors(path: str) -> dict[str, Tensor]:
    import torch

    header, start = _header(path)
    unknown = next((e["dtype"] for e in header.values() if e["dtype"] not in DTYPES), None)
    if unknown is not None:
        raise Unreadable(f"{path}: its element type {unknown[:20]!r} is not known here")
    found = {}
    with open(path, "rb") as file:
        for key, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            dtype = getattr(torch, DTYPES[entry["dtype"]][0])
            data = bytearray(file.read(end - begin))
            flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            found[key] = flat.reshape(entry["shape"])
    return found


def _write_safetensors(path: str, tensors: Mapping[str, Tensor]) -> None:
    import json

    import torch

    names = {f"torch.{name}": ours for ours, (name, _) in DTYPES.items()}
    header: dict[str, Any] = {}
    end = 0
    for key, tensor in tensors.items():
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[key] = {"dtype": names[str(tensor.dtype)], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)  # the tensors begin at a multiple of 8
    with open(path, "wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for tensor in tensors.values():
            file.write(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
