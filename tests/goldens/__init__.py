"""What every command prints, kept as files: tests/goldens/expected/DOOR/NAME.txt and .json.

`python -m tests.goldens` lists what differs, `python -m tests.goldens --refresh` also writes it anew; either ends with
exit code 1 if anything differed, so that a refresh is looked at (git diff) and run again before it is believed.
"""
