"""The WSGI application: `granian --interface wsgi usersplit.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")

application = get_wsgi_application()
