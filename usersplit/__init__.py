"""Wiring: settings, URLs, Celery, WSGI. Imported by nobody but the frameworks."""
