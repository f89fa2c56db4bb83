"""The way of a hit from a check to the sink."""

from __future__ import annotations

from datetime import datetime, timezone
from time import monotonic, time

from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.engine import Subject, forced_in, read_subject
from usersplit_sdk.hit_window import HitWindow
from usersplit_sdk.hits import HitSink
from usersplit_sdk.model import Environment, Hit, User
from usersplit_sdk.reporting import Reporter

HIT_WINDOW_SECONDS = 3600.0


class HitLog:
    """Hands each user's first hit in a window to the sink. ``window`` may be looked into, to save asking."""

    def __init__(self, sink: HitSink, environment: str, seconds: float, reporter: Reporter) -> None:
        if not seconds >= 0:
            raise ValueError("hit_window must be a number of seconds, 0 or more")
        self.window = HitWindow(seconds, monotonic())
        self._sink = sink
        self._environment = environment
        self._reporter = reporter

    def log(
        self,
        test: CompiledTest,
        check: object,
        variant: str,
        user: User | None,
        request: Environment | None,
    ) -> bool:
        """Log that the user was shown the variant, unless this window has it; False if the sink would not take it.

        ``check`` (None: nobody asked one yet) will find in the window that it need not come again. Hits of a finished test are logged as well: that
        they go on coming tells that it is still in somebody's code.
        """
        try:
            subject, now = read_subject(user, request), time()
            window = self.window = self.window.at(monotonic())
            who = subject.user_id or subject.device_id
            if who is None:
                # Nobody knows whether two such hits are of one user: they are all logged.
                self._sink.record(self._hit(test, variant, subject, now))
                return True
            entry = test.key, test.settings_group, variant, subject.user_id is None, who
            if window.add(entry):
                try:
                    self._sink.record(self._hit(test, variant, subject, now))
                except BaseException:
                    window.forget(entry)
                    raise
            # What the next check looks for, with the id as the host has it.
            if check is not None and user is not None and subject.user_id is not None:
                window.shorten(check, user.id, variant)
            elif check is not None and user is None and request is not None:
                window.shorten(check, (request.device_id,), variant)
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            self._reporter.report_failure("hits", problem)
            return False
        return True

    @property
    def dropped(self) -> int:
        """Hits that the sink has lost, if it counts them."""
        dropped = getattr(self._sink, "dropped", 0)
        return dropped if isinstance(dropped, int) else 0

    def close(self) -> None:
        """Close the sink."""
        try:
            self._sink.close()
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            self._reporter.report_failure("hits", problem)

    def _hit(self, test: CompiledTest, variant: str, subject: Subject, now: float) -> Hit:
        forced = forced_in(test, self._environment)
        return Hit(
            test=test.key,
            settings_group=test.settings_group,
            variant=variant,
            user_id=subject.user_id,
            device_id=subject.device_id,
            split_group=subject.split_group or None,
            environment=self._environment,
            time=datetime.fromtimestamp(now, timezone.utc),
            forced=subject.user_id in forced.users or subject.device_id in forced.devices,
            test_user=subject.is_test_user,
        )
