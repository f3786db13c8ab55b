"""Benchmarks, printed by `python -m tests.bench`; figures are ratios within one run, never absolute promises."""
