/* The wide parts of the debugger engine's interfaces that mingw's dbgeng.h does not declare, up to the methods used. */
#pragma once
#include <windows.h>
#include <dbgeng.h>

struct IDebugOutputCallbacksWide : IUnknown {
    STDMETHOD(Output)(ULONG mask, PCWSTR text) PURE;
};

struct IDebugControl4 : IDebugControl3 {
    STDMETHOD(GetLogFileWide)(PWSTR buffer, ULONG size, PULONG used, PBOOL append) PURE;
    STDMETHOD(OpenLogFileWide)(PCWSTR file, BOOL append) PURE;
    STDMETHOD(InputWide)(PWSTR buffer, ULONG size, PULONG used) PURE;
    STDMETHOD(ReturnInputWide)(PCWSTR buffer) PURE;
    STDMETHODV(OutputWide)(ULONG mask, PCWSTR format, ...) PURE;
    STDMETHOD(OutputVaListWide)(ULONG mask, PCWSTR format, va_list arguments) PURE;
    STDMETHODV(ControlledOutputWide)(ULONG control, ULONG mask, PCWSTR format, ...) PURE;
};

struct IDebugClient5 : IDebugClient4 {
    STDMETHOD(AttachKernelWide)(ULONG flags, PCWSTR options) PURE;
    STDMETHOD(GetKernelConnectionOptionsWide)(PWSTR buffer, ULONG size, PULONG used) PURE;
    STDMETHOD(SetKernelConnectionOptionsWide)(PCWSTR options) PURE;
    STDMETHOD(StartProcessServerWide)(ULONG flags, PCWSTR options, PVOID reserved) PURE;
    STDMETHOD(ConnectProcessServerWide)(PCWSTR options, PULONG64 server) PURE;
    STDMETHOD(StartServerWide)(PCWSTR options) PURE;
    STDMETHOD(OutputServersWide)(ULONG control, PCWSTR machine, ULONG flags) PURE;
    STDMETHOD(GetOutputCallbacksWide)(IDebugOutputCallbacksWide **callbacks) PURE;
    STDMETHOD(SetOutputCallbacksWide)(IDebugOutputCallbacksWide *callbacks) PURE;
};
