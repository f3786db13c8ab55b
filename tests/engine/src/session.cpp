#include "session.h"
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <io.h>

static const GUID kClient5  = {0xe3acb9d7, 0x7ec2, 0x4f0c, {0xa0, 0xda, 0xe8, 0x1e, 0x0c, 0xbb, 0xe6, 0x28}};
static const GUID kControl4 = {0x94e60ce9, 0x9b41, 0x4b19, {0x9f, 0xc0, 0x6d, 0x9e, 0xb3, 0x52, 0x72, 0xb3}};
static const GUID kSymbols2 = {0x3a707211, 0xafdd, 0x4495, {0xad, 0x4f, 0x56, 0xfe, 0xcd, 0xf8, 0x16, 0x3f}};
static const GUID kObjects2 = {0x0ae9f5ff, 0x1852, 0x4679, {0xb0, 0x55, 0x49, 0x4b, 0xee, 0x64, 0x07, 0xee}};
static const GUID kUnknown  = {0x00000000, 0x0000, 0x0000, {0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46}};
static const GUID kOutputCallbacks  = {0x4bf58045, 0xd654, 0x4c40, {0xb0, 0xaf, 0x68, 0x30, 0x90, 0xf3, 0x56, 0xdc}};
static const GUID kOutputCallbacks2 = {0x67721fe9, 0x56d2, 0x4a44, {0xa3, 0x25, 0x2b, 0x65, 0x51, 0x3c, 0xe6, 0xeb}};
static const GUID kOutputCallbacksWide = {0x4c7fd663, 0xc394, 0x4e26, {0x8e, 0xf1, 0x34, 0xad, 0x5e, 0xd3, 0x76, 0x4c}};

static void print(PCWSTR text) {
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
    std::string utf8(size, '\0');
    WideCharToMultiByte(CP_UTF8, 0, text, -1, &utf8[0], size, nullptr, nullptr);
    fwrite(utf8.data(), 1, size - 1, stdout);
}

struct Printer : IDebugOutputCallbacksWide {
    // Refuse every other interface: the engine would call IDebugOutputCallbacks2 methods this table does not have.
    STDMETHOD(QueryInterface)(REFIID iid, PVOID *object) {
        bool mine = IsEqualGUID(iid, kUnknown) || IsEqualGUID(iid, kOutputCallbacksWide);
        *object = mine ? this : nullptr;
        return mine ? S_OK : E_NOINTERFACE;
    }
    STDMETHOD_(ULONG, AddRef)() { return 1; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    STDMETHOD(Output)(ULONG, PCWSTR text) {
        print(text);
        return S_OK;
    }
};

// Takes the debugger's markup (DML) as WinDbg's window does: text arrives with its entities, links with their tags.
struct MarkupPrinter : IUnknown {      // the table of IDebugOutputCallbacks2
    STDMETHOD(QueryInterface)(REFIID iid, PVOID *object) {
        bool mine = IsEqualGUID(iid, kUnknown) || IsEqualGUID(iid, kOutputCallbacks) || IsEqualGUID(iid, kOutputCallbacks2);
        *object = mine ? this : nullptr;
        return mine ? S_OK : E_NOINTERFACE;
    }
    STDMETHOD_(ULONG, AddRef)() { return 1; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    virtual HRESULT STDMETHODCALLTYPE Output(ULONG, PCSTR text) { fputs(text, stdout); return S_OK; }
    virtual HRESULT STDMETHODCALLTYPE GetInterestMask(PULONG mask) { *mask = 4; return S_OK; }      // DEBUG_OUTCBI_DML
    virtual HRESULT STDMETHODCALLTYPE Output2(ULONG, ULONG, ULONG64, PCWSTR text) { if (text) print(text); return S_OK; }
};

struct Options {
    const char *dump, *connect, *program, *symbol_path, *image_path, *token, *markup;
    int first_step;
};

static bool parse(int argc, char **argv, Options *options) {
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        const char **field = !strcmp(argv[i], "-z") ? &options->dump : !strcmp(argv[i], "-k") ? &options->connect :
            !strcmp(argv[i], "-p") ? &options->program :
            !strcmp(argv[i], "-y") ? &options->symbol_path : !strcmp(argv[i], "-i") ? &options->image_path :
            !strcmp(argv[i], "-t") ? &options->token : !strcmp(argv[i], "-d") ? &options->markup : nullptr;
        if (!field) return false;
        *field = argv[i + 1];
    }
    options->first_step = i;
    return !!options->dump + !!options->connect + !!options->program == 1;
}

static bool connect(Session *session) {
    HMODULE engine = LoadLibraryA("dbgeng.dll");
    auto create = engine ? (HRESULT(__stdcall *)(REFIID, PVOID *))(void *)GetProcAddress(engine, "DebugCreate") : nullptr;
    return create && SUCCEEDED(create(kClient5, (void **)&session->client)) &&
        SUCCEEDED(session->client->QueryInterface(kControl4, (void **)&session->control)) &&
        SUCCEEDED(session->client->QueryInterface(kSymbols2, (void **)&session->symbols)) &&
        SUCCEEDED(session->client->QueryInterface(kObjects2, (void **)&session->objects));
}

static HRESULT open_target(Session &session, const Options &options) {
    session.symbols->SetSymbolPath(options.symbol_path ? options.symbol_path : "");
    session.symbols->SetImagePath(options.image_path ? options.image_path : "");
    if (options.program) {
        session.control->AddEngineOptions(DEBUG_ENGOPT_INITIAL_BREAK);
        HRESULT created = session.client->CreateProcess(0, (PSTR)options.program, DEBUG_ONLY_THIS_PROCESS);
        return FAILED(created) ? created : session.control->WaitForEvent(0, 60000);
    }
    HRESULT opened = options.connect ? session.client->AttachKernel(DEBUG_ATTACH_KERNEL_CONNECTION, options.connect)
                                     : session.client->OpenDumpFile(options.dump);
    if (FAILED(opened)) return opened;
    return session.control->WaitForEvent(0, options.connect ? INFINITE : 60000);   // live kernels take no finite wait
}

void Session::execute(const char *command, ULONG *status) {
    *status = control->Execute(DEBUG_OUTCTL_ALL_CLIENTS, command, DEBUG_EXECUTE_DEFAULT);
    ULONG running = DEBUG_STATUS_BREAK;
    control->GetExecutionStatus(&running);
    if (running != DEBUG_STATUS_BREAK && running != DEBUG_STATUS_NO_DEBUGGEE) control->WaitForEvent(0, 60000);
}

static void run_step(Session &session, const Options &options, const std::string &step, OwnStep own_step) {
    ULONG status = S_OK;
    session.longest_write = 0;
    printf("%s begin %s\n", options.token, step.c_str());
    if (step == ":state") session.print_state();
    else if (!own_step || !own_step(session, step, &status)) session.execute(step.c_str(), &status);
    printf("\n%s done %08lx %zu\n", options.token, (unsigned long)status, session.longest_write);
    fflush(stdout);
}

int run_session(int argc, char **argv, OwnStep own_step) {
    static Printer printer;
    static MarkupPrinter markup_printer;
    Options options = {nullptr, nullptr, nullptr, nullptr, nullptr, "kd>", nullptr, 0};
    Session session = {};
    _setmode(_fileno(stdout), _O_BINARY);
    if (!parse(argc, argv, &options)) { fputs("usage: [-y SYMBOLS] [-i IMAGES] [-t TOKEN] [-d 1] -z DUMP | -k CONNECT | -p PROGRAM STEP...\n", stderr); return 2; }
    if (!connect(&session)) { fprintf(stderr, "no usable dbgeng.dll (error %lu)\n", GetLastError()); return 1; }
    if (options.markup) session.client->SetOutputCallbacks((IDebugOutputCallbacks *)&markup_printer);
    else session.client->SetOutputCallbacksWide(&printer);
    printf("%s begin open\n", options.token);
    HRESULT opened = open_target(session, options);
    printf("\n%s done %08lx 0\n", options.token, (unsigned long)opened);
    for (int i = options.first_step; opened == S_OK && i < argc; i++) run_step(session, options, argv[i], own_step);
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), opened == S_OK ? 0 : 3);   // the engine's own threads need no goodbye
    return 0;
}
