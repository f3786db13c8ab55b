"""The tests of the core: from a target's stack to the printed report."""
