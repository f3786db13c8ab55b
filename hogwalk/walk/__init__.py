"""From words to frames."""
