"""How hogwalk is started: command line, many dumps, launcher, demo."""
