"""What people type, read into what the services take, and kept for them when it is refused."""
