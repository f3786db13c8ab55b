/* pyhost.exe: the debugger engine and, for steps that start with "!py", what pykd's bootstrapper does with a script. */
#include "bareio.h"
#include "session.h"
#include <string>
#include <vector>

typedef std::vector<std::string> Words;

// The bootstrapper's own splitting: blanks and tabs separate, only the double quote quotes, a backslash is a backslash.
static Words split(const std::string &text) {
    Words words;
    std::string word;
    bool quoted = false, started = false;
    for (char c : text + " ") {
        if (c == '"') { quoted = !quoted; started = true; }
        else if ((c == ' ' || c == '\t') && !quoted) {
            if (started) words.push_back(word);
            word.clear();
            started = false;
        } else { word += c; started = true; }
    }
    return words;
}

static void show(Session &session, ULONG mask, const wchar_t *text) {
    session.control->ControlledOutputWide(DEBUG_OUTCTL_ALL_CLIENTS, mask, L"%ws", text);
}

static void show_traceback(Session &session, PyObject *type, PyObject *value, PyObject *traceback) {
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = module ? PyObject_CallMethod(module, "format_exception", "OOO", type, value, traceback ? traceback : py_none()) : nullptr;
    show(session, DEBUG_OUTPUT_ERROR, L"\n\n");
    for (ptrdiff_t i = 0; lines && i < PyList_Size(lines); i++) {
        wchar_t *line = PyUnicode_AsWideCharString(PyList_GetItem(lines, i), nullptr);
        if (line) { show(session, DEBUG_OUTPUT_ERROR, line); show(session, DEBUG_OUTPUT_ERROR, L"\n"); }
        PyMem_Free(line);
    }
    show(session, DEBUG_OUTPUT_ERROR, L"\n");
    PyErr_Clear();
}

static void finish(Session &session, PyObject *result) {
    if (result) return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (type != PyExc_SystemExit) show_traceback(session, type, value, traceback);   // SystemExit is silent, its code is lost
}

static void set_arguments(const Words &words) {
    std::vector<std::wstring> wide;
    std::vector<wchar_t *> pointers;
    for (auto &word : words) {
        std::wstring text(word.size() + 1, L'\0');
        text.resize(MultiByteToWideChar(CP_ACP, 0, word.c_str(), -1, &text[0], (int)text.size()));
        wide.push_back(text);
    }
    for (auto &text : wide) pointers.push_back(&text[0]);
    PySys_SetArgv((int)pointers.size(), pointers.data());
}

static PyObject *run_module(const std::string &name, PyObject *globals) {
    std::string code = "import runpy\nrunpy.run_module('" + name + "', run_name='__main__', alter_sys=True)\n";
    return PyRun_StringFlags(code.c_str(), Py_file_input, globals, globals, nullptr);
}

static PyObject *run_file(const std::string &path, PyObject *globals) {
    FILE *file = _Py_fopen(path.c_str(), "rb");
    if (!file) { PyErr_SetString(PyExc_RuntimeError, "cannot open the script"); return nullptr; }
    return PyRun_FileExFlags(file, path.c_str(), Py_file_input, globals, globals, 1, nullptr);
}

// A new interpreter for every local run: nothing of one is left for the next.  All global runs (-g) share one.
static void run_interpreted(Session &session, const Words &argv, const std::string &module, bool global) {
    static PyThreadState *shared;
    bool used = global && shared;
    PyThreadState *interpreter = used ? shared : Py_NewInterpreter();
    if (global) shared = interpreter;
    PyThreadState_Swap(interpreter);
    PyObject *globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *ready = used || set_bare_streams(&session)
        ? PyRun_StringFlags("import sys\nsys.setrecursionlimit(500)\ndel sys\n", Py_file_input, globals, globals, nullptr) : nullptr;
    if (ready) set_arguments(argv);
    finish(session, !ready ? nullptr : module.empty() ? run_file(argv[0], globals) : run_module(module, globals));
    if (global) return;
    PyDict_Clear(globals);
    Py_EndInterpreter(interpreter);
}

static void start_python() {
    static bool started = false;
    if (started) return;
    started = true;
    Py_Initialize();
    PyObject *globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyRun_StringFlags("__import__('pykd').initialize()", Py_file_input, globals, globals, nullptr);
    PyErr_Clear();      // the bootstrapper does not ask either: a script without pykd still runs
}

static bool find_script(const std::string &name, std::string *path) {
    char found[MAX_PATH] = "";
    DWORD size = SearchPathA(nullptr, name.c_str(), ".py", sizeof found, found, nullptr);
    *path = found;
    return size > 0 && size < sizeof found;
}

static void run_python(Session &session, Words words) {
    bool global = false;
    for (; !words.empty(); words.erase(words.begin())) {
        if (words[0] == "-g" || words[0] == "--global") global = true;
        else if (words[0] == "-l" || words[0] == "--local") global = false;
        else if (words[0] != "-3" && words[0] != "-3.9") break;
    }
    bool by_module = words.size() > 1 && (words[0] == "-m" || words[0] == "--module");
    std::string module = by_module ? words[1] : "", path;
    if (words.empty() || (words[0][0] == '-' && !by_module)) { show(session, DEBUG_OUTPUT_ERROR, L"usage: !py [options] [file]\n"); return; }
    if (by_module) words.erase(words.begin());
    else if (!find_script(words[0], &path)) { show(session, DEBUG_OUTPUT_ERROR, L"script not found\n\n"); return; }
    words[0] = path;
    start_python();
    PyThreadState *main_interpreter = PyThreadState_Swap(nullptr);
    PyThreadState_Swap(main_interpreter);
    run_interpreted(session, words, module, global);
    PyThreadState_Swap(main_interpreter);
}

static bool own_step(Session &session, const std::string &step, ULONG *) {
    if (step.compare(0, 4, "!py ") != 0) return false;
    run_python(session, split(step.substr(4)));
    return true;
}

int main(int argc, char **argv) { return run_session(argc, argv, own_step); }
