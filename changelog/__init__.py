"""What was done, by whom, when: append-only, and the outbox for whoever wants to hear of it."""
