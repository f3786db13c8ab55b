# Frames as MSVC and assembly programmers make them; _start runs them all.
.intel_syntax noprefix
.globl _start

.macro push_address name           # clang has no relocation for `push offset name`
    .byte 0x68
    .long \name
.endm
_leaf8:                                  # stdcall, 8 bytes
    mov eax, [esp + 4]
    xor eax, [esp + 8]
    ret 8
    int3
    int3
    int3

_plain:                                  # cdecl
    mov edi, edi
    push ebp
    mov ebp, esp
    push [ebp + 8]
    push 5
    call _leaf8
    pop ebp
    ret
    int3

.balign 4
_handler:
    xor eax, eax
    ret 16
    int3

.balign 16
__SEH_prolog:                            # Windows XP and Server 2003
    push_address _handler
    mov eax, fs:[0]
    push eax
    mov eax, [esp + 16]
    mov [esp + 16], ebp
    lea ebp, [esp + 16]
    sub esp, eax
    push ebx
    push esi
    push edi
    mov eax, [ebp - 8]
    mov [ebp - 24], esp
    push eax
    mov eax, [ebp - 4]
    mov dword ptr [ebp - 4], -1
    mov [ebp - 8], eax
    lea eax, [ebp - 16]
    mov fs:[0], eax
    ret

.balign 16
__SEH_epilog:
    mov ecx, [ebp - 16]
    mov fs:[0], ecx
    pop ecx
    pop edi
    pop esi
    pop ebx
    leave
    push ecx
    ret

.balign 16
__SEH_prolog4:                           # Windows Vista and later, with the cookie
    push_address _handler
    push dword ptr fs:[0]
    mov eax, [esp + 16]
    mov [esp + 16], ebp
    lea ebp, [esp + 16]
    sub esp, eax
    push ebx
    push esi
    push edi
    mov eax, [_cookie]
    xor [ebp - 4], eax
    xor eax, ebp
    push eax
    mov [ebp - 24], esp
    push dword ptr [ebp - 8]
    mov eax, [ebp - 4]
    mov dword ptr [ebp - 4], -2
    mov [ebp - 8], eax
    lea eax, [ebp - 16]
    mov fs:[0], eax
    ret

.balign 16
__SEH_epilog4:
    mov ecx, [ebp - 16]
    mov fs:[0], ecx
    pop ecx
    pop edi
    pop edi
    pop esi
    pop ebx
    mov esp, ebp
    pop ebp
    push ecx
    ret

.balign 16
__EH_prolog:                             # C++
    push -1
    push eax
    mov eax, fs:[0]
    push eax
    mov eax, [esp + 12]
    mov fs:[0], esp
    mov [esp + 12], ebp
    lea ebp, [esp + 12]
    push eax
    ret

.balign 16
__chkstk:                                # Visual C++ 2003 and later
    push ecx
    lea ecx, [esp + 4]
    sub ecx, eax
    sbb eax, eax
    not eax
    and ecx, eax
    mov eax, esp
    and eax, 0xfffff000
1:  cmp ecx, eax
    jb 2f
    mov eax, ecx
    pop ecx
    xchg esp, eax
    mov eax, [eax]
    mov [esp], eax
    ret
2:  sub eax, 0x1000
    test [eax], eax
    jmp 1b
    int3

.balign 16
_seh_xp:
    push 0x20
    push_address _scope
    call __SEH_prolog
    push 1
    push [ebp + 8]
    call _leaf8
    mov [ebp - 0x1c], eax
    push 3
    call _plain
    pop ecx
    call __SEH_epilog
    ret 8

.balign 16
_seh4:
    push 0x2c
    push_address _scope
    call __SEH_prolog4
    and dword ptr [ebp - 4], 0
    push 1
    push [ebp + 8]
    call _leaf8
    mov dword ptr [ebp - 4], -2
    push 3
    call _plain
    pop ecx
    call __SEH_epilog4
    ret 8

.balign 16
_cxx:
    mov eax, offset _handler
    call __EH_prolog
    sub esp, 0x34
    push esi
    push 2
    push 4
    call _leaf8
    mov esi, eax
    push esi
    call _plain
    add esp, 4
    pop esi
    mov ecx, [ebp - 12]
    mov fs:[0], ecx
    leave
    ret 8

.balign 16
_inline_seh:                             # the walkthrough's 0x2c4 function
    push ebp
    mov ebp, esp
    push -1
    push_address _scope
    push_address _handler
    mov eax, fs:[0]
    push eax
    mov fs:[0], esp
    add esp, -656
    push ebx
    push esi
    push edi
    mov [ebp - 24], esp
    push 9
    push [ebp + 8]
    call _leaf8
    mov ecx, [ebp - 16]
    mov fs:[0], ecx
    pop edi
    pop esi
    pop ebx
    mov esp, ebp
    pop ebp
    ret 8

.balign 16
_huge:
    push ebp
    mov ebp, esp
    mov eax, 0x2468
    call __chkstk
    push ebx
    push 1
    push 2
    call _leaf8
    lea eax, [ebp - 0x20]
    push eax
    call _plain
    pop ecx
    pop ebx
    leave
    ret 8

.balign 16
_huge_no_frame:
    mov eax, 0x1800
    call __chkstk
    push esi
    push 1
    push 2
    call _leaf8
    pop esi
    add esp, 0x1800
    ret 8

.balign 16
_room:                                   # alloca of an amount that only run time knows
    push ebp
    mov ebp, esp
    push ecx
    push esi
    mov eax, [ebp + 8]
    and eax, 0x70
    add eax, 0x10
    call __chkstk
    mov esi, esp
    push esi
    push 2
    call _leaf8
    lea esp, [ebp - 8]
    push 3
    call _plain
    pop ecx
    pop esi
    leave
    ret 8

.balign 16
_realigned:                              # MSVC's frame for locals that must be aligned
    push ebx
    mov ebx, esp
    sub esp, 8
    and esp, -8
    add esp, 4
    push ebp
    mov ebp, [ebx + 4]
    mov [esp + 4], ebp
    mov ebp, esp
    sub esp, 0x38
    push esi
    push 1
    push [ebx + 8]
    call _leaf8
    pop esi
    mov esp, ebp
    pop ebp
    mov esp, ebx
    pop ebx
    ret 8

.balign 16
_entered:
    enter 0x150, 0
    push edi
    push 1
    push 2
    call _leaf8
    pop edi
    leave
    ret 8

.balign 16
_shifted:                                # EBP in the middle of the locals
    push ebp
    lea ebp, [esp - 0x70]
    sub esp, 0x9c
    push ebx
    push 1
    push 2
    call _leaf8
    pop ebx
    add ebp, 0x70
    leave
    ret 8

.balign 16
_pushes:                                 # room made by pushes
    push ecx
    push ecx
    push edi
    push 1
    push 2
    call _leaf8
    pop edi
    pop ecx
    pop ecx
    ret 8

.balign 16
_everything:
    pushad
    pushfd
    push ds                              # clang: two bytes
    lea esp, [esp - 0x40]
    push 1
    push 2
    call _leaf8
    lea esp, [esp + 0x42]
    popfd
    popad
    ret 8

.balign 16
_where_am_i:                             # call $+5
    push ebx
    call 1f
1:  pop ebx
    sub esp, 12
    push 1
    push ebx
    call _leaf8
    add esp, 12
    pop ebx
    ret 8

.balign 16
_through_register:
    push esi
    push edi
    mov esi, offset _leaf8
    mov edi, 3
1:  push 1
    push edi
    call esi
    dec edi
    jnz 1b
    push 7
    push 8
    .byte 0xff, 0x15                     # call dword ptr [_pointer], which clang takes for a direct call
    .long _pointer
    pop edi
    pop esi
    ret 8

.balign 16
_thunked:
    push 1
    push 2
    call _thunk
    push 3
    push 4
    call _far_thunk
    ret 8

.balign 16
_thunk:
    jmp _leaf8
_far_thunk:
    .byte 0xff, 0x25                     # jmp dword ptr [_pointer]
    .long _pointer

.balign 16
_table:                                  # jmp [table+reg*4]
    sub esp, 0x18
    mov eax, [esp + 0x1c]
    and eax, 3
    jmp dword ptr [_cases + eax*4]
_case0:
    push 0
    push 0
    call _leaf8
    jmp _done
_case1:
    push 1
    call _plain
    add esp, 4
    jmp _done
_case2:
    push 2
    push 3
    push 4
    push 5
    call _leaf8
    call _leaf8
_done:
    add esp, 0x18
    ret 8

.balign 16
_start:
    push ebx
    xor ebx, ebx
    mov fs:[0], ebx
1:
.irp name, seh_xp, seh4, cxx, inline_seh, huge, huge_no_frame, room, realigned, entered, shifted, pushes, everything, where_am_i, through_register, thunked, table
    push ebx
    push ebx
    call _\name
.endr
    inc ebx
    cmp ebx, 8
    jb 1b
    pop ebx
    ret

.data
_cookie: .long 0x1234
_scope: .long 0, 0, 0
_pointer: .long _leaf8
_cases: .long _case0, _case1, _case2, _done
