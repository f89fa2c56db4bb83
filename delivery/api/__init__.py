"""What app servers read over HTTP."""
