"""Targets: what holds the crashed machine, behind one protocol."""
