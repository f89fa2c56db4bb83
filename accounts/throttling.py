"""How often somebody may ask: counters in the shared cache, the same for all processes. No request is held up by a cache that is down."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache
from redis.exceptions import RedisError

from core import clock

WINDOW_SECONDS: Final = 60
# After a failure the cache is left alone for so long: a broker that hangs must not cost every request its time limit.
_RETRY_SECONDS: Final = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of `limit` requests in this window, which ends in `reset` seconds. Refuse when `is_used_up`."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)

    @property
    def is_used_up(self) -> bool:
        return self.used > self.limit


class _CacheHealth:
    """Whether the cache may be asked. What went wrong is logged once, and once when it is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at = 0.0
        self.is_down = False

    def may_ask(self) -> bool:
        # Not core.clock: this is about the machine, and goes on while the product's clock stands still.
        return not self.is_down or time.monotonic() >= self._ask_again_at

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._ask_again_at = time.monotonic() + _RETRY_SECONDS
            if not self.is_down:
                logger.error("Requests are not counted: the cache does not answer (%s)", type(error).__name__)
            self.is_down = True

    def worked(self) -> None:
        if self.is_down:
            with self._lock:
                self.is_down = False
            logger.warning("Requests are counted again: the cache answers")


_health = _CacheHealth()


def take(kind: str, who: str, limit: int) -> Allowance:
    """Count one request of `who` (at most `limit` of this kind a minute) and say what is left."""
    key, reset = _window(kind, who)
    return Allowance(limit, _asked(lambda: _increment(key)), reset)


def look(kind: str, who: str, limit: int) -> Allowance:
    """The same without counting: `is_used_up` tells that one more would be too many."""
    key, reset = _window(kind, who)
    return Allowance(limit, _asked(lambda: int(cache.get(key, 0))) + 1, reset)


def _window(kind: str, who: str) -> tuple[str, int]:
    """The key of the counter, and the seconds until the next one begins: at another moment for everybody."""
    name = f"{kind}:{who}"
    fingerprint = zlib.crc32(name.encode())
    number, elapsed = divmod(int(clock.now().timestamp()) + fingerprint % WINDOW_SECONDS, WINDOW_SECONDS)
    return f"requests:{name}:{number}", WINDOW_SECONDS - elapsed


def _increment(key: str) -> int:
    try:
        return int(cache.incr(key))
    except ValueError:
        # The first of this window. It is kept for longer than the window, so that a counter never ends while it is counted in.
        if cache.add(key, 1, timeout=2 * WINDOW_SECONDS):
            return 1
        return int(cache.incr(key))


def _asked(question: Callable[[], int]) -> int:
    """The cache's answer; 0 (let everybody pass) while it has none."""
    if not _health.may_ask():
        return 0
    try:
        answer = question()
    except (RedisError, OSError) as error:
        _health.failed(error)
        return 0
    _health.worked()
    return answer
