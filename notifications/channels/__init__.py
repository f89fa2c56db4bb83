"""The ways out: mail, chat, Jira. Each is one module behind the interface in `base`."""
