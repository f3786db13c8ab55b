"""The report: the one document that every renderer reads."""
