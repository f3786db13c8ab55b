/* The step ":state": everything of the debugger's own state that a script could leave changed, one "name value" a line. */
#include "session.h"
#include <cstdio>

static void line(const char *name, HRESULT status, unsigned long long value) {
    if (status == S_OK) printf("%s 0x%llx\n", name, value);
    else printf("%s none %08lx\n", name, (unsigned long)status);
}

template <class Object, class Base, class Value>
static void ask(const char *name, Object *object, HRESULT (STDMETHODCALLTYPE Base::*get)(Value *)) {
    Value value = 0;
    HRESULT status = (object->*get)(&value);
    line(name, status, value);
}

static void print_scope(IDebugSymbols2 *symbols) {
    ULONG64 instruction = 0;
    DEBUG_STACK_FRAME frame = {};
    HRESULT status = symbols->GetScope(&instruction, &frame, nullptr, 0);
    line("scope_instruction", status, instruction);
    line("scope_frame", status, frame.FrameNumber);
    line("scope_stack", status, frame.StackOffset);
}

static void print_path(const char *name, IDebugSymbols2 *symbols, HRESULT (STDMETHODCALLTYPE IDebugSymbols2::*get)(PSTR, ULONG, PULONG)) {
    char text[4096] = "";
    (symbols->*get)(text, sizeof text, nullptr);
    printf("%s %s\n", name, text);
}

static void print_prompt(IDebugControl4 *control) {
    char text[256] = "";
    control->GetPromptText(text, sizeof text, nullptr);
    printf("prompt %s\n", text);
}

void Session::print_state() {
    ask("radix", control, &IDebugControl3::GetRadix);
    ask("effective_machine", control, &IDebugControl3::GetEffectiveProcessorType);
    ask("expression_evaluator", control, &IDebugControl3::GetExpressionSyntax);
    ask("code_level", control, &IDebugControl3::GetCodeLevel);
    ask("engine_options", control, &IDebugControl3::GetEngineOptions);
    ask("log_mask", control, &IDebugControl3::GetLogMask);
    ask("execution_status", control, &IDebugControl3::GetExecutionStatus);
    ask("breakpoints", control, &IDebugControl3::GetNumberBreakpoints);
    ask("output_mask", client, &IDebugClient4::GetOutputMask);
    ask("output_width", client, &IDebugClient4::GetOutputWidth);
    ask("symbol_options", symbols, &IDebugSymbols2::GetSymbolOptions);
    ask("thread_id", objects, &IDebugSystemObjects2::GetCurrentThreadId);
    ask("process_id", objects, &IDebugSystemObjects2::GetCurrentProcessId);
    ask("implicit_thread", objects, &IDebugSystemObjects2::GetImplicitThreadDataOffset);
    ask("implicit_process", objects, &IDebugSystemObjects2::GetImplicitProcessDataOffset);
    print_scope(symbols);
    print_path("symbol_path", symbols, &IDebugSymbols2::GetSymbolPath);
    print_path("image_path", symbols, &IDebugSymbols2::GetImagePath);
    print_path("source_path", symbols, &IDebugSymbols2::GetSourcePath);
    print_prompt(control);
}
