"""Short pauses of the garbage collector in a web process, which keeps much for long: code, templates, counts of users.

A full collection looks at every object there is. With a thousand tests that took 240 ms in the middle of somebody's request, and
found next to nothing. What has survived one is therefore set aside (`gc.freeze`), so that the next looks only at what came since;
what was set aside is looked at again now and then, because cycles that were dropped meanwhile are found in no other way.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any, Final

FULL: Final = 2
AGAIN_AFTER: Final = 3_600.0

_looked_at: float = 0.0


def keep_pauses_short() -> None:
    """From now on, in this process. To be called when the code is loaded; calling it twice changes nothing."""
    global _looked_at  # noqa: PLW0603 - the collector is the process's, too
    if _set_aside in gc.callbacks:
        return
    _looked_at = time.monotonic()
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_set_aside)


def _set_aside(phase: str, info: Mapping[str, Any]) -> None:
    """The collector calls this around each of its runs."""
    global _looked_at  # noqa: PLW0603
    if info["generation"] != FULL:
        return
    if phase == "stop":
        gc.freeze()
    elif time.monotonic() - _looked_at >= AGAIN_AFTER:
        _looked_at = time.monotonic()
        gc.unfreeze()
