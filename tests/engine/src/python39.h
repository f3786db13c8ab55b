/* The few declarations of CPython 3.9's stable ABI that the host uses (docs.python.org/3.9/c-api/stable.html). */
#pragma once
#include <windows.h>
#include <stdio.h>

struct PyObject { ptrdiff_t reference_count; PyObject *type; };
struct PyThreadState;
typedef PyObject *(*PyCFunction)(PyObject *self, PyObject *argument);
struct PyMethodDef { const char *name; PyCFunction function; int flags; const char *doc; };
struct PyGetSetDef { const char *name; PyObject *(*get)(PyObject *, void *); void *set; const char *doc; void *closure; };
struct PyType_Slot { int slot; void *function; };
struct PyType_Spec { const char *name; int size, item_size; unsigned flags; PyType_Slot *slots; };
enum { METH_NOARGS = 4, METH_O = 8, Py_tp_methods = 64, Py_tp_getset = 73, Py_TPFLAGS_DEFAULT = 1 << 18, Py_file_input = 257 };

#define PY_API extern "C" __declspec(dllimport)
PY_API PyObject *PyExc_RuntimeError, *PyExc_SystemExit, *PyExc_TypeError, _Py_NoneStruct, _Py_FalseStruct;
PY_API void PyDict_Clear(PyObject *);
PY_API void PyErr_Clear();
PY_API void PyErr_Fetch(PyObject **type, PyObject **value, PyObject **traceback);
PY_API void PyErr_NormalizeException(PyObject **type, PyObject **value, PyObject **traceback);
PY_API void PyErr_SetString(PyObject *type, const char *message);
PY_API PyObject *PyImport_AddModule(const char *);
PY_API PyObject *PyImport_ImportModule(const char *);
PY_API PyObject *PyList_GetItem(PyObject *, ptrdiff_t);
PY_API ptrdiff_t PyList_Size(PyObject *);
PY_API void PyMem_Free(void *);
PY_API PyObject *PyModule_GetDict(PyObject *);
PY_API PyObject *PyObject_CallMethod(PyObject *, const char *name, const char *format, ...);
PY_API PyObject *PyObject_CallNoArgs(PyObject *);
PY_API PyObject *PyRun_FileExFlags(FILE *, const char *name, int start, PyObject *globals, PyObject *locals, int close, void *flags);
PY_API PyObject *PyRun_StringFlags(const char *, int start, PyObject *globals, PyObject *locals, void *flags);
PY_API void PySys_SetArgv(int, wchar_t **);
PY_API int PySys_SetObject(const char *, PyObject *);
PY_API PyThreadState *PyThreadState_Swap(PyThreadState *);
PY_API PyObject *PyType_FromSpec(PyType_Spec *);
PY_API wchar_t *PyUnicode_AsWideCharString(PyObject *, ptrdiff_t *);
PY_API PyObject *PyUnicode_FromString(const char *);
PY_API PyObject *PyUnicode_FromWideChar(const wchar_t *, ptrdiff_t);
PY_API void Py_EndInterpreter(PyThreadState *);
PY_API void Py_Initialize();
PY_API PyThreadState *Py_NewInterpreter();
PY_API FILE *_Py_fopen(const char *, const char *);

inline PyObject *py_none() { _Py_NoneStruct.reference_count++; return &_Py_NoneStruct; }
inline PyObject *py_false() { _Py_FalseStruct.reference_count++; return &_Py_FalseStruct; }
