"""What x86 machine code says about the stack: calls, function starts, stack depths."""
