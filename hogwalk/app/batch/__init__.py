"""Many dumps: worker processes that take one at a time, and one line for each."""
