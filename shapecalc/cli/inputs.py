"""The paths that a run names -> the files that it reads, with what is in them, and one hash of all of that.

Knows nothing of options or networks: a run that is asked for again is known by what it read, before those are loaded.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shapecalc.lint.config import Finder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = "-"


class Inputs:
    """What a run reads: the files `named`, the specs below folders, and the settings of each, or those of `config`.

    `here` holds the settings of the run as a whole. Raises ConfigError.
    """

    __slots__ = ("config", "finder", "here", "named")

    def __init__(self, named: Sequence[str], config: str | None) -> None:
        self.named = named
        self.config = config
        self.finder = Finder(config)
        self.here = self.finder.of("." if named[0] == STDIN else named[0])

    def files(self) -> Iterator[tuple[str, bytes | OSError]]:
        """Each path with what is in its file, or why it cannot be read."""
        for path in dict.fromkeys(self.named):
            if os.path.isdir(path):
                from shapecalc.cli.files import specs_below

                yield from ((p, data) for p, data in specs_below(path) if not self._excludes(p, data))
            else:
                yield path, _content(path)

    def _excludes(self, path: str, data: bytes | OSError) -> bool:
        """Whether settings exclude what a walk found, or all that may be in a folder that cannot be read."""
        settings = self.finder.of_file(path)
        return settings.excludes(path) or (
            isinstance(data, OSError) and os.path.isdir(path) and settings.excludes(os.path.join(path, "any.yaml"))
        )

    def digest(self, files: Sequence[tuple[str, bytes]]) -> bytes:
        """A hash of files with their paths and settings, and of the settings of the run."""
        from hashlib import sha256

        told = sha256(self.here.said.encode("utf-8", "surrogatepass"))
        for path, data in files:
            head = f"\0{path}\0{self.finder.of(path).said}\0{len(data)}\0"
            told.update(head.encode("utf-8", "surrogatepass"))
            told.update(data)
        return told.digest()


def lasting(named: Sequence[str], config: str | None) -> bool:
    """Whether all that a run names can be read twice, as standard input and pipes cannot."""
    files = [*named, *([] if config is None else [config])]
    return STDIN not in named and all(os.path.isdir(path) or os.path.isfile(path) for path in files)


def _content(path: str) -> bytes | OSError:
    try:
        if path == STDIN:
            return sys.stdin.buffer.read()
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        return error
