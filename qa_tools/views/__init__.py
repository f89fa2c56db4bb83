"""Pages of the QA tools: check a user, forced users, all tests off."""
