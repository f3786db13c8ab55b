"""x64 code: unwind information, virtual unwinding, call instructions, stack depth of code without unwind data."""
