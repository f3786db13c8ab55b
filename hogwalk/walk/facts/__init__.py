"""The crashed thread's stack: where it lies (region) and what it holds (image)."""
