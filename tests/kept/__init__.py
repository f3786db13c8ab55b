"""Twenty lab cases with their truth, kept as files, and what hogwalk is worth on each: it may not fall below.

`python -m tests.kept` measures them; `--refresh` writes the figures anew (look at git diff: they are floors);
`--generate` makes the cases anew with tests/lab, from the same styles and seeds.
"""
