"""How dates and numbers are written in each language, where Django's own way would not do in tables and on axes."""
