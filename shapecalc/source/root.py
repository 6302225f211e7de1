"""The folder of the repository that one stands in."""

from __future__ import annotations

import os


def source_root() -> str:
    """The folder of the repository that one stands in, else the current one: build servers count paths from there."""
    here = folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return here
        folder = parent
    return folder
