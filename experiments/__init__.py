"""Split tests and user groups, their settings groups, variants, forced users, lifecycle and preparation."""
