"""The command line: options, commands, and where the target comes from."""
