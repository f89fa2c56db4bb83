"""Pages made of everything below."""
