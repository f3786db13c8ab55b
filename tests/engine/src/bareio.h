/* sys.stdout and sys.stdin as a script in the debugger finds them: the fewest methods, every write goes to the engine. */
#pragma once
#include "python39.h"
#include "session.h"

/* Sets sys.stdout, sys.stderr and sys.stdin of the current interpreter; false with a Python error set if it cannot. */
bool set_bare_streams(Session *session);
