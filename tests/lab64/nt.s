# The parts of the lab's kernel that no compiler makes: trap handlers, thread start, stack switch, bug check.
    .intel_syntax noprefix
    .text
    .macro trap_body routine
    push rbp
    .seh_pushreg rbp
    sub rsp, 0x158
    .seh_stackalloc 0x158
    lea rbp, [rsp+0x80]
    .seh_setframe rbp, 0x80
    .seh_endprologue
    mov [rbp-0x50], rax
    mov [rbp-0x48], rcx
    mov [rbp-0x40], rdx
    mov [rbp-0x38], r8
    mov [rbp-0x30], r9
    mov [rbp-0x28], r10
    mov [rbp-0x20], r11
    call \routine
    mov rax, [rbp-0x50]
    mov rcx, [rbp-0x48]
    mov rdx, [rbp-0x40]
    mov r8, [rbp-0x38]
    mov r9, [rbp-0x30]
    mov r10, [rbp-0x28]
    mov r11, [rbp-0x20]
    lea rsp, [rbp+0xd8]
    pop rbp
    add rsp, 8
    iretq
    .endm

    .globl KiPageFault
    .seh_proc KiPageFault
KiPageFault:
    .seh_pushframe @code
    trap_body MmAccessFault
    .seh_endproc
    .p2align 4
    .globl KiInterruptDispatch
    .seh_proc KiInterruptDispatch
KiInterruptDispatch:
    .seh_pushframe
    sub rsp, 8
    .seh_stackalloc 8
    trap_body KiRunInterrupt
    .seh_endproc
    .p2align 4
    .globl KiDoubleFaultAbort
    .seh_proc KiDoubleFaultAbort
KiDoubleFaultAbort:
    .seh_pushframe @code
    trap_body KiBugCheckDispatch
    .seh_endproc

    .p2align 4
    .globl KiBugCheckDispatch
    .seh_proc KiBugCheckDispatch
KiBugCheckDispatch:
    sub rsp, 0x138
    .seh_stackalloc 0x138
    mov [rsp+0x100], rbx
    .seh_savereg rbx, 0x100
    mov [rsp+0x108], rdi
    .seh_savereg rdi, 0x108
    mov [rsp+0x110], rsi
    .seh_savereg rsi, 0x110
    mov [rsp+0x118], r12
    .seh_savereg r12, 0x118
    mov [rsp+0x120], r13
    .seh_savereg r13, 0x120
    mov [rsp+0x128], r14
    .seh_savereg r14, 0x128
    mov [rsp+0x130], r15
    .seh_savereg r15, 0x130
    .seh_endprologue
    call KeBugCheckEx
    nop
    .seh_endproc
    .p2align 4
    .globl KeBugCheckEx
    .seh_proc KeBugCheckEx
KeBugCheckEx:
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    nop
    hlt
    add rsp, 0x28
    ret
    .seh_endproc

    .p2align 4
    .globl KiStartSystemThread
    .seh_proc KiStartSystemThread
KiStartSystemThread:
    sub rsp, 0x38
    .seh_stackalloc 0x38
    .seh_endprologue
    mov rcx, [rip+KiCtx]
    call PspSystemThreadStartup
    nop
    int3
    .seh_endproc
    .p2align 4
    .globl KiSystemCall64
    .seh_proc KiSystemCall64
KiSystemCall64:
    .seh_pushframe @code
    push rbp
    .seh_pushreg rbp
    sub rsp, 0x158
    .seh_stackalloc 0x158
    lea rbp, [rsp+0x80]
    .seh_setframe rbp, 0x80
    .seh_endprologue
    mov rcx, [rip+KiCtx]
    sub rsp, 0x70
    lea rax, [rip+NtWriteFile]
    call rax
    nop
    int3
    .seh_endproc

    # (fn, c, a, b): a thunk that hides whom it calls
    .p2align 4
    .globl KiDispatch
KiDispatch:
    mov rax, rcx
    mov rcx, rdx
    mov rdx, r8
    mov r8, r9
    jmp rax

    # (fn, argument, top of the new segment)
    .p2align 4
    .globl KiSwitchKernelStackAndCallout
    .seh_proc KiSwitchKernelStackAndCallout
KiSwitchKernelStackAndCallout:
    sub rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    call KxSwitchKernelStackCallout
    nop
    add rsp, 0x48
    ret
    .seh_endproc
    .p2align 4
    .globl KxSwitchKernelStackCallout
    .seh_proc KxSwitchKernelStackCallout
KxSwitchKernelStackCallout:
    mov rax, rsp
    mov rsp, r8
    .seh_pushframe
    push 0x18
    push rax
    pushfq
    push 0x10
    lea rax, [rip+KiSwitchKernelStackContinue]
    push rax
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov rax, rcx
    mov rcx, rdx
    call rax
    nop
    add rsp, 0x28
    iretq
    .seh_endproc
    .p2align 4
    .globl KiSwitchKernelStackContinue
KiSwitchKernelStackContinue:
    ret
