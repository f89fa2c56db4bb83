"""Checking, forcing and evaluating over HTTP."""
