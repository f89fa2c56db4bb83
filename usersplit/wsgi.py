"""The WSGI application: `granian --interface wsgi usersplit.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from core.pauses import keep_pauses_short

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")

application = get_wsgi_application()
# Views are loaded before the first request, not by it, and then set aside with the rest of the code.
_ = get_resolver().url_patterns
keep_pauses_short()
