"""What app servers read and client apps ask over HTTP."""
