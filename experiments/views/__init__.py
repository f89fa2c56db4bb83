"""The console's pages and cards. Each view begins with the authorised fetch; each card has a view, a `card.html` and a `form.html`."""
