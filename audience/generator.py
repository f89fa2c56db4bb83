"""Plausible users that do not exist: for the demo, tests and benchmarks. The same arguments give the same users."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS

DEFAULT_COUNT: Final = 200_000
DEFAULT_SEED: Final = 2400
DEFAULT_TODAY: Final = dt.date(2026, 11, 1)
NEW_USER_DAYS: Final = 30
FIRST_ID: Final = 100_001
_PART: Final = 1_000_000

# ISO 3166-1 numeric code, share of the users, languages with their shares.
_COUNTRIES: Final[tuple[tuple[int, float, dict[str, float]], ...]] = (
    (840, 0.19, {"en": 0.88, "es": 0.12}),
    (276, 0.14, {"de": 0.9, "en": 0.05, "tr": 0.05}),
    (826, 0.10, {"en": 1.0}),
    (250, 0.09, {"fr": 0.95, "en": 0.05}),
    (76, 0.08, {"pt": 1.0}),
    (724, 0.06, {"es": 0.9, "ca": 0.1}),
    (380, 0.06, {"it": 1.0}),
    (616, 0.05, {"pl": 1.0}),
    (356, 0.05, {"en": 0.6, "hi": 0.4}),
    (484, 0.04, {"es": 1.0}),
    (528, 0.03, {"nl": 0.9, "en": 0.1}),
    (40, 0.03, {"de": 1.0}),
    (756, 0.025, {"de": 0.65, "fr": 0.25, "it": 0.1}),
    (752, 0.02, {"sv": 1.0}),
    (792, 0.02, {"tr": 1.0}),
    (50, 0.015, {"bn": 0.8, "en": 0.2}),
)
_VERSIONS: Final = ("1.8", "1.9", "1.9.2", "1.10", "1.10.1", "2.0", "2.0.3", "2.1", "2.1.1", "2.2")
_VERSION_SHARES: Final = (0.02, 0.03, 0.04, 0.05, 0.08, 0.08, 0.12, 0.15, 0.18, 0.25)
_PLATFORMS: Final = ("android", "ios", "web", "mobile_web")
_PLATFORM_SHARES: Final = (0.38, 0.27, 0.23, 0.12)


def write_users(
    path: Path, *, count: int = DEFAULT_COUNT, seed: int = DEFAULT_SEED, today: dt.date = DEFAULT_TODAY
) -> None:
    """Write `count` users as Parquet, one column per default profile filter, plus `id`, `split_group` and `platform`.

    About 1 in 100 is a test user, 1 in 12 pays, nobody registered after `today`; users who registered within
    NEW_USER_DAYS before it are new. Split groups come from the seed too: load them with `split_group_column`.
    Millions are made a million at a time, in bounded memory, by way of a file beside `path`.
    """
    beside = path.with_name(f"{path.name}.parts")
    try:
        with duckdb.connect(str(beside) if count > _PART else ":memory:") as connection:
            for part, start in enumerate(range(0, count, _PART)):
                users = generate_users(min(_PART, count - start), seed + part, today, FIRST_ID + start)
                connection.register("part", users)
                connection.execute(
                    "INSERT INTO users FROM part" if part else "CREATE TABLE users AS FROM part"
                )
            connection.table("users").write_parquet(str(path))
    finally:
        beside.unlink(missing_ok=True)


def generate_users(
    count: int, seed: int, today: dt.date, first_id: int = FIRST_ID
) -> dict[str, NDArray[Any]]:
    """The users as columns, all of length `count`; masked where a value is missing."""
    rng = np.random.default_rng(seed)
    country = rng.choice(len(_COUNTRIES), size=count, p=_shares([share for _, share, _ in _COUNTRIES]))
    platform = rng.choice(len(_PLATFORMS), size=count, p=_shares(_PLATFORM_SHARES))
    # Ages crowd around 29 with a long tail; some never say.
    age = np.clip(np.rint(16 + rng.gamma(2.6, 6.0, size=count)), 14, 95).astype(np.int64)
    days_ago = _registration_days(rng, count)
    is_test = rng.random(count) < 0.01
    is_paying = rng.random(count) < np.where(platform == 1, 0.12, 0.065)
    midnight = np.datetime64(today, "s")
    seconds = rng.integers(0, 86_400, size=count)
    # Web users have no app, so no app version.
    version = _pick(rng, _VERSIONS, _VERSION_SHARES, count)
    return {
        "id": np.arange(first_id, first_id + count).astype(str).astype(object),
        "split_group": rng.integers(1, SPLIT_GROUPS + 1, size=count).astype(np.int16),
        "is_test_user": is_test,
        "is_new_user": days_ago <= NEW_USER_DAYS,
        "is_paying": is_paying,
        "country_id": np.array([code for code, _, _ in _COUNTRIES])[country],
        "age": np.ma.masked_array(age, mask=rng.random(count) < 0.08),
        "gender": _missing_where(
            rng.random(count) < 0.05, _pick(rng, ("female", "male", "other"), (0.49, 0.49, 0.02), count)
        ),
        "language": _languages(rng, country),
        "registered_at": (
            midnight - days_ago.astype("timedelta64[D]") - (seconds * np.timedelta64(1, "s"))
        ).astype("datetime64[us]"),
        "app_version": _missing_where(platform >= 2, version),
        "platform": np.array(_PLATFORMS, dtype=object)[platform],
    }


def _registration_days(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Days before today: the product has grown over five years, so recent days have more."""
    return np.minimum(rng.exponential(400.0, size=count), 1_825).astype(np.int64)


def _shares(shares: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(shares, dtype=np.float64)
    shares_of_one: NDArray[np.float64] = array / array.sum()
    return shares_of_one


def _pick(
    rng: np.random.Generator, values: Sequence[str], shares: Sequence[float], count: int
) -> NDArray[Any]:
    return np.array(values, dtype=object)[rng.choice(len(values), size=count, p=_shares(shares))]


def _missing_where(missing: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    values[missing] = None
    return values


def _languages(rng: np.random.Generator, country: NDArray[np.int64]) -> NDArray[Any]:
    languages = np.empty(len(country), dtype=object)
    for index, (_, _, shares) in enumerate(_COUNTRIES):
        here = np.flatnonzero(country == index)
        languages[here] = _pick(rng, tuple(shares), tuple(shares.values()), len(here))
    return languages
