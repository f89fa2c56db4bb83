"""What packages above hear of people and tokens, inside the transaction of the change."""

from django.dispatch import Signal

# Sent with actor, token (ApiToken) and revoked (bool).
token_changed = Signal()
