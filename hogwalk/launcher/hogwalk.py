"""The file `!py hogwalk` finds: it lands in PythonXY\\Scripts and hands over to the package of the same name."""

import os
import sys

# The debugger puts this file's folder first on the path, where its name would shadow the package.
here = os.path.normcase(os.path.dirname(os.path.abspath(sys.argv[0])))
sys.path[:] = [folder for folder in sys.path if os.path.normcase(os.path.abspath(folder or os.curdir)) != here]

from hogwalk.__main__ import main  # noqa: E402

sys.exit(main())
