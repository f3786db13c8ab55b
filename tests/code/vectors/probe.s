# The stack probe that clang's code for the MSVC target calls: takes EAX bytes of stack, touching every page.
.intel_syntax noprefix
.globl __chkstk
__chkstk:
    push ecx
    lea ecx, [esp + 8]
1:  cmp eax, 0x1000
    jb 2f
    sub ecx, 0x1000
    test [ecx], ecx
    sub eax, 0x1000
    jmp 1b
2:  sub ecx, eax
    test [ecx], ecx
    mov eax, esp
    mov esp, ecx
    mov ecx, [eax]
    push [eax + 4]
    ret
