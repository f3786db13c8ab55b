"""hogwalk's own walk: the best path over all candidate return slots, fused from every clue at hand."""
