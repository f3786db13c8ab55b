"""A lab of x64 kernel stacks: generated drivers, run to the guard page in an emulator, with exact truth."""
