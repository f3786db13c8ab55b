/* kd.exe: the debugger engine alone. */
#include "session.h"

int main(int argc, char **argv) { return run_session(argc, argv, nullptr); }
