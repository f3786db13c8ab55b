"""Debugger text to records: pure, one grammar per file; nothing here knows a target."""
