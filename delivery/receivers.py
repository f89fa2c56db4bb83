"""What wakes delivery."""

from __future__ import annotations

from core.tasks import enqueue_on_commit


def enqueue_delivery(sender: object, **kwargs: object) -> None:
    """Something that test files hold may have changed. Without a broker the sweep delivers it later."""
    enqueue_on_commit("delivery.tasks.deliver")
