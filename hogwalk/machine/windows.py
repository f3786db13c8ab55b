"""What 32-bit Windows lays down in memory: offsets of its structures, in bytes, each in this one place.

Sources: wdbgexts.h (KDDEBUGGER_DATA64), ntddk.h (NT_TIB, CONTEXT), the public symbols' types (_KTHREAD, _KPCR, _KTSS,
_KTRAP_FRAME), Geoff Chappell's tables of these by version.  The trap frame's fields named here lie alike from NT 4 to
Windows 10.
"""

from __future__ import annotations

KERNEL = "nt"  # the engine's name of the kernel
SYSTEM = (KERNEL, "ntdll")  # its names of the modules that belong to the operating system for certain
PAGE = 0x1000  # of every x86
GUARD = 0x1000  # the guard page below Limit
USER_END = 0x80000000  # kernel addresses start here (with /3GB at C0000000: then more looks like user space, not less)


# _KPCR.KdVersionBlock by the size of a pointer (0 from Windows 8 on): a DBGKD_GET_VERSION64.
PCR_VERSION_BLOCK = {4: 0x34, 8: 0x108}
VERSION_DATA_LIST = 0x20  # .DebuggerDataList: a list of debugger data blocks, or one by itself


class Kdbg:
    """Offsets in the debugger data block (_KDDEBUGGER_DATA64); its pointers take 64 bits, sign-extended on x86.

    From INITIAL_STACK's neighbours on each is a USHORT that holds an offset in another structure.
    """

    TAG = 0x10  # KDBG_TAG
    SIZE = 0x14
    MODULE_LIST = 0x48  # PsLoadedModuleList
    PROCESS_LIST = 0x50  # PsActiveProcessHead
    PROCESSOR_BLOCK = 0x218  # KiProcessorBlock: address of the array of KPRCB pointers
    UNLOADED, UNLOADED_COUNT = 0x220, 0x228
    KERNEL_STACK = 0x29C  # OffsetKThreadKernelStack
    INITIAL_STACK = 0x29E  # OffsetKThreadInitialStack
    THREAD_PROCESS = 0x2A0  # OffsetKThreadApcProcess
    THREAD_STATE = 0x2A2  # OffsetKThreadState
    PROCESS_BYTES = 0x2A8  # SizeEProcess
    PRCB_THREAD = 0x2B4  # OffsetPrcbCurrentThread
    PRCB_CONTEXT = 0x2BC  # OffsetPrcbProcStateContext
    THREAD_BYTES = 0x2C0  # SizeEThread
    BYTES = 0x340


MAX_PROCESSORS = 32  # x86 Windows' own bound (KAFFINITY is 32 bits wide)

BOOT_PCR = 0xFFDFF000  # where x86 kernels before Vista map the first processor's _KPCR
PCR_PRCB = 0x20  # _KPCR.Prcb
PRCB_IN_PCR = 0x120  # _KPCR.PrcbData
PCR_GDT = 0x3C  # _KPCR.GDT
RUNNING = 2  # _KTHREAD.State (KTHREAD_STATE): its KernelStack is from the last time it was not
PRCB_CURRENT_THREAD = 4  # _KPRCB.CurrentThread
TIB_BASE, TIB_LIMIT = 4, 8  # _NT_TIB.StackBase, .StackLimit; a TEB begins with one
LOADER_BASE = {4: 0x18, 8: 0x30}  # _LDR_DATA_TABLE_ENTRY.DllBase, by the size of a pointer
TEB_DEALLOCATION_STACK = {4: 0xE0C, 8: 0x1478}  # _TEB.DeallocationStack: the lowest address reserved for the stack
# What a user stack cannot grow into of what is reserved for it: its last page and one guard page, on x64 two of these.
USER_LAST_PAGES = 0x3000
TIB_FPU_ROOM = 0x210  # the KPCR's NT_TIB.StackBase leaves out the room for the FPU state below Base

DOUBLE_FAULT = (0x7F, 8)  # bug check and its first argument; the second is the TSS's address (0 on Windows 2000)
MAIN_TSS = 0x28  # the selector every x86 Windows thread runs on; the double fault's task gate leaves its state there
TSS_EIP, TSS_ESP, TSS_EBP = 0x20, 0x38, 0x3C  # _KTSS
TSS_BYTES = 0x68
CONTEXT_FLAGS, CONTEXT_EBP, CONTEXT_EIP, CONTEXT_ESP = 0x00, 0xB4, 0xB8, 0xC4  # _CONTEXT
CONTEXT_CS = 0xBC
CONTEXT_I386 = 0x00010000  # in every x86 CONTEXT's flags
CONTEXT_CONTROL = 0x1  # in the flags: EIP, ESP, EBP, CS, SS and EFLAGS are set
CONTEXT_EVER = 0xF801007F  # all flags that an x86 CONTEXT can have
CONTEXT_BYTES = 0xCC

EXCEPTION_CHAIN_END = 0xFFFFFFFF  # Next of the last EXCEPTION_REGISTRATION_RECORD
STACK_OVERFLOW = 0xC00000FD  # STATUS_STACK_OVERFLOW: a user stack that cannot grow any more
ACCESS_VIOLATION, PAGE_ERROR, GUARD_PAGE = 0xC0000005, 0xC0000006, 0x80000001
ACCESSES = (STACK_OVERFLOW, ACCESS_VIOLATION, PAGE_ERROR, GUARD_PAGE)  # these name the memory that was wanted
RECORD_INFORMATION, RECORD64_INFORMATION = 0x14, 0x20  # _EXCEPTION_RECORD.ExceptionInformation
BUGCHECK_SAME = 0x10000000  # a minidump's bug check code has this bit besides (1000007E is 7E)
EXCEPTION_CHECKS = (0x1E, 0x3B, 0x7E, 0x8E)  # bug checks for an exception: argument 1 is its code

# _KTRAP_FRAME
TRAP_MARK = 0xBADB0D00  # DbgArgMark: proves a trap frame (late XP and later; Windows 2000 has none)
TRAP_DEBUG_EIP, TRAP_MARK_AT, TRAP_FS, TRAP_EBP, TRAP_ERROR = 0x04, 0x08, 0x50, 0x60, 0x64
TRAP_EIP, TRAP_CS, TRAP_FLAGS = 0x68, 0x6C, 0x70
TRAP_KERNEL_BYTES = 0x74  # of a trap out of the kernel: ESP and SS above are not pushed then
TRAP_RESUMES = TRAP_KERNEL_BYTES - TRAP_EIP  # from Eip's slot to where ESP is when that code runs on
TRAP_ESP, TRAP_SS, TRAP_BYTES = 0x74, 0x78, 0x8C
KERNEL_CS, KERNEL_FS, USER_FS, USER_SS, USER_PRIVILEGE = 0x08, 0x30, 0x3B, 0x23, 3
# A service's stub in the x86 kernel, nt!Zw*, pushes nothing of its own: B8 imm32 / 8D 54 24 04 / 9C / 6A 08 / E8 rel32
# / C2, in every version seen.  So at its ret, where its call of KiSystemService returns to, ESP is at its return slot.
SERVICE_STUB, STUB_RESUMES = "Zw", 0x11
# What a switch away from a thread leaves at its KernelStack (ctxswap.asm as ReactOS has it; XP, Vista and 7 alike): the
# exception list, an IRQL, the return address into KiSwapContext, then EBP.
SWITCH_EIP, SWITCH_EBP = 0x8, 0xC
# Right below the top of a DPC stack: EBP of the interrupted, the return address in KiDispatchInterrupt, its ESP.
DPC_EBP = 0xC
FLAGS_SET, FLAGS_NEVER, FLAGS_INTERRUPTS = 0x2, 0xFFC08028, 0x200  # EFLAGS: read as one, as zero; interrupts on
# A handler's own stack below its trap frame: arguments of a system service (17 at most), its own call.  From Windows
# 8.1 on traps and interrupts save xmm0..xmm7 there too.
HANDLER_REACH, HANDLER_REACH_XMM = 0x60, 0x60 + 0x80
INITIAL_STACK_8 = 0x20  # _KTHREAD.InitialStack from Windows 8 on; 0x28 in Vista and 7, 0x18 before
# The oldest frame lies at most this far below InitialStack: the FPU area (0x210) and a trap frame.  InitialStack
# itself lies below Base, by 0x30 to 0x130 bytes in Windows 7, further in 10.
BASE_REACH, BASE_REACH_UNKNOWN, INITIAL_BELOW_BASE = 0x2A0, 0x500, 0x400

# x64: _KTRAP_FRAME, _CONTEXT, and _KSWITCH_FRAME, what lies at a waiting thread's KernelStack.
TRAP64_RBP, TRAP64_RIP, TRAP64_CS, TRAP64_FLAGS, TRAP64_RSP, TRAP64_SS = 0x158, 0x168, 0x170, 0x178, 0x180, 0x188
CONTEXT64_FLAGS, CONTEXT64_CS, CONTEXT64_RSP, CONTEXT64_RBP, CONTEXT64_RIP = 0x30, 0x38, 0x98, 0xA0, 0xF8
CONTEXT64_AMD64 = 0x00100000  # in every x64 CONTEXT's flags
CONTEXT64_EVER = 0xF810007F
SWITCH64_RBP, SWITCH64_RIP = 0x30, 0x38
KERNEL64_CS, USER64_CS = 0x10, (0x33, 0x23)
KERNEL64_SS, USER64_SS = (0x18, 0), (0x2B,)
IST_BYTES = 0x6000  # of a stack that the processor switches to for a fault that cannot be taken on the thread's own
