"""The tests of hogwalk."""
