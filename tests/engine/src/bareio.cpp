#include "bareio.h"
#include <string>

static const size_t kCut = 0x10000;      // the bootstrapper's buffer, in UTF-16 units: the rest of a write is lost
static const ULONG kAmbientDml = 0xfffffffe, kAmbientText = 0xffffffff;     // DEBUG_OUTCTL_AMBIENT_DML and _TEXT
static Session *target;

static PyObject *emit(PyObject *text, ULONG control) {
    ptrdiff_t size = 0;
    wchar_t *wide = PyUnicode_AsWideCharString(text, &size);
    if (!wide) return nullptr;
    if ((size_t)size > target->longest_write) target->longest_write = size;
    std::wstring kept(wide, (size_t)size < kCut ? size : kCut);
    PyMem_Free(wide);
    target->control->ControlledOutputWide(control, DEBUG_OUTPUT_NORMAL, L"%ws", kept.c_str());
    return py_none();
}

static PyObject *write_text(PyObject *, PyObject *text) { return emit(text, kAmbientText); }
static PyObject *write_dml(PyObject *, PyObject *text) { return emit(text, kAmbientDml); }
static PyObject *do_nothing(PyObject *, PyObject *) { return py_none(); }
static PyObject *answer_no(PyObject *, PyObject *) { return py_false(); }
static PyObject *get_no(PyObject *, void *) { return py_false(); }
static PyObject *get_encoding(PyObject *, void *) { return PyUnicode_FromString("ascii"); }
static PyObject *end_of_input(PyObject *, PyObject *) { return PyUnicode_FromString(""); }

static PyGetSetDef labels[] = {{"encoding", get_encoding, nullptr, nullptr, nullptr}, {"closed", get_no, nullptr, nullptr, nullptr}, {}};
static PyMethodDef output_methods[] = {
    {"write", write_text, METH_O, nullptr}, {"writedml", write_dml, METH_O, nullptr}, {"flush", do_nothing, METH_NOARGS, nullptr},
    {"isatty", answer_no, METH_NOARGS, nullptr}, {}};
static PyMethodDef input_methods[] = {{"readline", end_of_input, METH_NOARGS, nullptr}, {"isatty", answer_no, METH_NOARGS, nullptr}, {}};
static PyType_Slot output_slots[] = {{Py_tp_methods, output_methods}, {Py_tp_getset, labels}, {}};
static PyType_Slot input_slots[] = {{Py_tp_methods, input_methods}, {Py_tp_getset, labels}, {}};
static PyType_Spec output_spec = {"host.DbgOut", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, output_slots};
static PyType_Spec input_spec = {"host.DbgIn", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, input_slots};

static bool set_stream(const char *name, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    PyObject *stream = type ? PyObject_CallNoArgs(type) : nullptr;
    return stream && PySys_SetObject(name, stream) == 0;
}

bool set_bare_streams(Session *session) {
    target = session;
    return set_stream("stdout", &output_spec) && set_stream("stderr", &output_spec) && set_stream("stdin", &input_spec);
}
