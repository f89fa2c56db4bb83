"""Hits and events come in here, and what was counted goes out."""
