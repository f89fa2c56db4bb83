"""Pages that are made of everything below: home, the list of tests, the calendar, the overlap map, search."""
