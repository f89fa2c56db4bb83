"""Checking and forcing over HTTP."""
