"""Forms of the QA tools."""
