"""Everybody hears in time, nobody twice: changelog entries and time become messages in Jira, chat and mail."""
