"""The manners of today's engine (dbgeng 10.0.29507), to be laid over an older one (10.0.15063).

`today` says what they are; `sitecustomize`, which Python runs by itself where this folder is on its path, lays them
over pykd as soon as it is imported.
"""
