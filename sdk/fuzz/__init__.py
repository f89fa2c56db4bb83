"""Breaking the client on purpose: hostile objects, hostile delivery folders, and the command that tries them."""
