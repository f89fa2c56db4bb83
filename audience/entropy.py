"""Random split groups for new users."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS

_RANGE: Final = 2**16
# The largest multiple of 2400 below 2^16: numbers beyond it would make some split groups likelier than others.
_FAIR: Final = _RANGE - _RANGE % SPLIT_GROUPS


def random_split_groups(count: int) -> NDArray[np.int16]:
    """`count` independent split groups, uniform over 1..2400, from the system's entropy."""
    groups = np.empty(count, dtype=np.int16)
    filled = 0
    while filled < count:
        wanted = count - filled
        numbers = np.frombuffer(os.urandom(2 * (wanted + wanted // 64 + 16)), dtype=np.uint16)
        fair = numbers[numbers < _FAIR][:wanted]
        groups[filled : filled + len(fair)] = fair % SPLIT_GROUPS + 1
        filled += len(fair)
    return groups
