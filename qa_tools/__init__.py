"""For QA: force users, ask why a user sees what they see, switch tests off for autotests."""
