"""The demo: people, users, and a dozen tests with a past, made by the same services that people use."""
