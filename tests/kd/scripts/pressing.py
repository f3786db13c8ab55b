"""`!py pressing FILE ARGUMENTS`: runs hogwalk, and interrupts the engine as Ctrl+Break does once FILE is there."""

from __future__ import annotations

import os
import sys
import threading

import pykd

from hogwalk.__main__ import main

pressed, *arguments = sys.argv[1:]
ended = threading.Event()


def press() -> None:
    """Waits for the file."""
    while not ended.wait(0.02):
        if os.path.exists(pressed):
            pykd.breakin()
            return


thread = threading.Thread(target=press)
thread.start()
try:
    main(arguments)
finally:
    ended.set()
    thread.join()
