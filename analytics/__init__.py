"""What users saw and what they did: hits and events, counted, drawn, and judged."""
