"""`check` and `check_text` without rules on style and cost, for networks that are made to show something else."""

from __future__ import annotations

from functools import partial

import shapecalc

LANGUAGE = ("SC0", "SC1", "SC2", "SC5")
check = partial(shapecalc.check, select=LANGUAGE)
check_text = partial(shapecalc.check_text, select=LANGUAGE)
