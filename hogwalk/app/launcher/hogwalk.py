"""The file `!py hogwalk` finds: it lands in PythonXY\\Scripts and hands over to the package of the same name.

Python puts this file's folder first on its path, for `!py` and for the console command beside it, and there this file
would stand in the package's way; so it takes the folder off the path first.
"""

import importlib
import os
import sys

# Under `!py` there is no __file__.
here = os.path.normcase(os.path.dirname(os.path.abspath(globals().get("__file__") or sys.argv[0])))
sys.path[:] = [folder for folder in sys.path if os.path.normcase(os.path.abspath(folder or os.curdir)) != here]

if __name__ == "__main__":
    finder = importlib.import_module("hogwalk.bundle").install()
    try:
        sys.exit(importlib.import_module("hogwalk.__main__").main())
    finally:
        finder.keep()

# Imported in the package's place: whoever asked gets the package instead.
del sys.modules[__name__]
importlib.import_module(__name__)
