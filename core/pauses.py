"""Short pauses of the garbage collector in a web process, which keeps much for long: code, templates, counts of users.

A full collection looks at every object there is. With a thousand tests that took 240 ms in the middle of somebody's request, and
found next to nothing. What has survived one is therefore set aside (`gc.freeze`), so that the next looks only at what came since.
What was set aside is looked at again now and then, because cycles that were dropped meanwhile, such as those of the request that
ran just then, are found in no other way: every hour, and when a quarter has come to it, as CPython itself has it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any, Final

FULL: Final = 2
AGAIN_AFTER: Final = 3_600.0
GROWN: Final = 1.25


class _Whole:
    """The last look at everything: when, and how many objects were left."""

    at = 0.0
    left = 0
    is_now = False


def keep_pauses_short() -> None:
    """From now on, in this process. To be called when the code is loaded; calling it twice changes nothing."""
    if _set_aside in gc.callbacks:
        return
    gc.collect()
    gc.freeze()
    _note_whole()
    gc.callbacks.append(_set_aside)


def _set_aside(phase: str, info: Mapping[str, Any]) -> None:
    """The collector calls this around each of its runs."""
    if info["generation"] != FULL:
        return
    if phase == "stop":
        gc.freeze()
        if _Whole.is_now:
            _note_whole()
    elif time.monotonic() - _Whole.at >= AGAIN_AFTER or gc.get_freeze_count() > GROWN * _Whole.left:
        _Whole.is_now = True
        gc.unfreeze()


def _note_whole() -> None:
    _Whole.at, _Whole.left, _Whole.is_now = time.monotonic(), gc.get_freeze_count(), False
