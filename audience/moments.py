"""Sums of a measure per split group, from which means and variances follow; plain numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of one column, per split group: users who have a value (int64[2400]), the sum and the sum of squares of their
    values' distances from `center` (float64[2400]); true counts as 1.

    `center` is near the mean: squares of large numbers themselves would leave no digits for their variance. `fourth` is the
    sum of the fourth powers of all distances; it says how much few users weigh.
    """

    count: NDArray[np.int64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    center: float = 0.0
    fourth: float = 0.0
