"""Tests and user groups over HTTP. One set of views for both kinds; everything that changes goes through the services."""
