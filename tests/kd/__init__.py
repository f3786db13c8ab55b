"""A stopped kernel at the other end of the wire: the KD protocol's target side in front of a kernel dump's memory.

The debugger's engine attaches to it over TCP (`com:ipport=PORT,port=127.0.0.1`).  It serves full x86 (with and without
PAE) and x64 dumps, counts what crosses the wire, refuses and notes every request that would change the target, and can
be slow, lossy, or gone.  `python -m tests.kd DUMP` serves one by hand.
"""
