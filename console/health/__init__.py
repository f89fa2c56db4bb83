"""How the system is: every part with a state, a sentence, and what to do. Nothing here changes anything, or shows a secret."""
