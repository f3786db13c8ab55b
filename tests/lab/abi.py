"""Addresses and C declarations that the generated drivers and the emulator share."""

from __future__ import annotations

IO = 0x82000000  # the struct io of RUNTIME below; also start of the mapped nonpaged pool
POOL_BYTES = 0x8000
DEVICES = IO + 0x400
IRPS = IO + 0x800
TABLES = IO + 0x1000
STRINGS = IO + 0x2000
DRIVERS = IO + 0x4000
INTERRUPT = IO + 0x6000  # the KINTERRUPT object
PAGED_OUT = 0xE1004000  # a paged-pool address whose first touch faults
PCR = 0xFFDFF000
THREAD = 0x8974AC00  # the address the dump writer gives the current KTHREAD
GDT = 0x8003F000
DOUBLE_FAULT_STACK = 0x80047FEC
USER_PAGE = 0x0012F000
USER_RETURN = 0x7C90E514
PROGRAM, PROGRAM_ROOM, PROGRAM_STACKS = 0x00400000, 0x80000, 0x02000000  # modules and stacks of user styles
KERNEL_STACKS = 0xBA000000
TEB = 0x7FFDE000
NPX_BYTES = 0x210
TRAP_FRAME_BYTES = 0x8C

FIELDS = (
    "seed",
    "budget",
    "paged",
    "countdown",
    "esp0",
    "cr2",
    "seg_base",
    "seg_limit",
    "decoy",
    "decoys",
    "irp",
    "services",
    "arguments",
)
DEVICE_SLOTS = 8
CALLBACK_SLOTS = 16
STRING_SLOTS = 8


def field_address(name: str) -> int:
    """Address of the named word of struct io."""
    return IO + 4 * FIELDS.index(name)


def array_address(name: str) -> int:
    """Address of one of the pointer arrays (devices, callbacks, strings) behind struct io's words."""
    order = {"devices": 0, "callbacks": DEVICE_SLOTS, "strings": DEVICE_SLOTS + CALLBACK_SLOTS}
    return IO + 4 * (len(FIELDS) + order[name])


RUNTIME = f"""\
typedef unsigned int U; typedef unsigned short W; typedef unsigned char B;
#define NOINLINE __attribute__((noinline))
#define CDECL
#define STDCALL __attribute__((stdcall))
#define FASTCALL __attribute__((fastcall))
struct irp; struct dev;
typedef U (STDCALL *dispatch_t)(struct dev *, struct irp *);
typedef U (STDCALL *callback_t)(U, U, U);
struct drv {{ W type, size; struct dev *device; U pad[12]; dispatch_t major[28]; }};
struct dev {{ W type, size; U refs; struct drv *driver; struct dev *next; }};
struct irp {{ W type, size; U mdl; U flags; B major, minor, count, current; U status; U info; U args[8]; }};
struct ustr {{ W length, maximum; const W *buffer; }};
struct io {{ volatile U seed; volatile int budget; volatile U *volatile paged; volatile int countdown;
  U esp0, cr2, seg_base, seg_limit; const U *decoy; U decoys; struct irp *irp; U services, arguments;
  struct dev *devices[{DEVICE_SLOTS}]; callback_t callbacks[{CALLBACK_SLOTS}]; const W *strings[{STRING_SLOTS}]; }};
#define IO ((struct io *)0x{IO:x}u)
#define MAIN_BUDGET 0x40000000
#define IN_MAIN (IO->budget > MAIN_BUDGET / 2)
"""
