"""Walks: the debugger's own `kf=` from a triple, read back as frames, checked, and chosen among several."""
