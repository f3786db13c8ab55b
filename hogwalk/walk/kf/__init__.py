"""Starts for the debugger's own walk, and the walks that `kf=` makes from them."""
