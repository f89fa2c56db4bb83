"""Wiring: settings, URLs, Celery, WSGI. Imported by nobody but the frameworks."""

from usersplit.celery import app as celery_app

__all__ = ["celery_app"]
