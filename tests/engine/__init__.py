"""The real Windows debugger engine and the real pykd, under Wine, as a test resource."""
