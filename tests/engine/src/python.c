/* python.exe, for a folder that has python39.dll beside it. */
#include <wchar.h>
int Py_Main(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
