"""Wake-up calls for packages above; the rows are the truth, so a lost call costs seconds, never correctness."""

from django.dispatch import Signal

# Sent after commit, without arguments: something that test files hold may have changed.
delivered_content_changed = Signal()
