"""Renderers: from the report's records to lines of ASCII text, at most 100 columns wide."""
