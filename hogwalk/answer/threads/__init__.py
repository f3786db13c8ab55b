"""All threads of a dump: how deep each one's stack is, and who fills it."""
