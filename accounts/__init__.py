"""People and their roles, API tokens and their scopes, signing in."""
