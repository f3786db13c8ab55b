"""hogwalk: who ate the kernel stack."""

__version__ = "0.1.0"
