"""Candidate triples: every chain of saved EBPs in the stack, scored from facts, each fact named."""
