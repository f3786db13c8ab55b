"""Where the stack's range comes from: each source in its order, each refusal with its reason."""

from __future__ import annotations

import pytest

from hogwalk.errors import BadInput
from hogwalk.model import Region
from hogwalk.walk.facts.region import find_region
from tests.core.scenes import BASE, LIMIT, THREAD, block_with_initial_stack, with_processor, with_thread
from tests.drawn import DrawnTarget

THREAD_TEXT = f"""THREAD {THREAD:08x}  Cid 01b4.0998  Teb: 7ffd9000 Win32Thread: 00000000 RUNNING on processor 0
Owning Process            897a1020       Image:         services.exe
Stack Init b8ae9000 Current b8ae8504 Base b8ae9000 Limit b8ae6000 Call 0
"""


def found(target: DrawnTarget) -> Region:
    return find_region(target, None, None, None)


def refusal(limit: int, base: int) -> str:
    with pytest.raises(BadInput) as caught:
        find_region(DrawnTarget(), limit, base, None)
    assert "--limit" in caught.value.remedy
    assert "--base" in caught.value.remedy
    return caught.value.wrong


def drawn_with_every_source() -> DrawnTarget:
    # Every source gives another Limit, so that the answer tells who was asked.
    target = DrawnTarget()
    with_processor(target, LIMIT + 0x3000, BASE + 0x4000, (0, 0, 0))
    assert target.block is not None
    target.block = target.block[:0x29E] + block_with_initial_stack(0x18)[0x29E:]
    with_thread(target)
    target.put_words(THREAD + 0x18, BASE, LIMIT + 0x1000)
    target.fields = {("_KTHREAD", "StackLimit"): 0x2C, ("_KTHREAD", "StackBase"): 0x158}
    target.put_words(THREAD + 0x2C, LIMIT)
    target.answers[f"!thread ffffffff{THREAD:08x}"] = THREAD_TEXT.replace("Limit b8ae6000", "Limit b8ae8000")
    return target


def test_options_come_first_and_ask_the_target_nothing() -> None:
    target = drawn_with_every_source()
    assert find_region(target, 0x1000, 0x4000, None) == Region(0x1000, 0x4000, None, "the command line")
    assert target.reads == []
    assert target.commands() == []


def test_then_the_threads_types() -> None:
    assert found(drawn_with_every_source()) == Region(LIMIT, BASE, THREAD, "nt!_KTHREAD")


def test_then_the_data_blocks_offsets() -> None:
    target = drawn_with_every_source()
    target.fields.clear()
    region = found(target)
    assert (region.limit, region.base) == (LIMIT + 0x1000, BASE)
    assert region.source == "the debugger data block's _KTHREAD offsets"


def test_then_the_text_of_thread() -> None:
    target = drawn_with_every_source()
    target.fields.clear()
    assert target.block is not None
    target.block = target.block[:0x29E] + bytes(2) + target.block[0x2A0:]
    assert found(target) == Region(LIMIT + 0x2000, BASE, THREAD, "!thread")
    assert target.commands() == [f"!thread ffffffff{THREAD:08x}"]


def test_then_the_processors_tib() -> None:
    target = drawn_with_every_source()
    target.fields.clear()
    target.answers.clear()
    assert target.block is not None
    target.block = target.block[:0x29E] + bytes(2) + target.block[0x2A0:]
    assert found(target) == Region(LIMIT + 0x3000, BASE + 0x4000, THREAD, "the KPCR's NT_TIB")


def test_the_processor_is_the_one_that_runs_the_thread() -> None:
    target = DrawnTarget()
    with_processor(target, LIMIT, BASE, (0, 0, 0))
    target.put_words(0x808A0000, 0xF7727120, 0xFFDFF120, 0)
    target.put_words(0xF7727124, 0x12345678)
    target.current_thread = THREAD
    assert found(target).source == "the KPCR's NT_TIB"
    target.current_thread = 0x12345678
    target.put_words(0xF7727004, 0xF8002000, 0xF8000000)
    assert (found(target).limit, found(target).base) == (0xF8000000, 0xF8002000)


def test_initial_stack_serves_where_the_types_have_no_stack_base() -> None:
    target = DrawnTarget()
    with_thread(target)
    target.fields = {("_KTHREAD", "StackLimit"): 0x1C, ("_KTHREAD", "InitialStack"): 0x18}
    target.put_words(THREAD + 0x18, BASE)
    assert found(target) == Region(LIMIT, BASE, THREAD, "nt!_KTHREAD")


def test_another_thread_is_looked_at_when_asked_for() -> None:
    target = DrawnTarget()
    with_thread(target)
    other = 0x89000000
    target.put_words(other + 0x1C, 0xF7000000)
    target.put_words(other + 0x158, 0xF7003000)
    assert find_region(target, None, None, other) == Region(0xF7000000, 0xF7003000, other, "nt!_KTHREAD")


def test_another_thread_is_named_to_the_debugger() -> None:
    target = DrawnTarget()
    target.answers["!thread ffffffff89000000"] = THREAD_TEXT.replace(f"{THREAD:08x}", "89000000")
    region = find_region(target, None, None, 0x89000000)
    assert region == Region(LIMIT, BASE, 0x89000000, "!thread")
    target.answers["!thread ffffffff89000000"] = THREAD_TEXT
    with pytest.raises(BadInput, match="no stack range found of thread 89000000"):
        find_region(target, None, None, 0x89000000)


def test_without_a_thread_the_debugger_is_asked_for_its_own() -> None:
    target = DrawnTarget()
    target.answers["!thread"] = THREAD_TEXT
    assert found(target) == Region(LIMIT, BASE, THREAD, "!thread")


def test_a_user_thread_tells_by_its_teb() -> None:
    target = DrawnTarget("user dump")
    target.current_thread = 0x7FFD9000
    target.put_words(0x7FFD9004, 0x00130000, 0x0012E000)
    assert found(target) == Region(0x0012E000, 0x00130000, 0x7FFD9000, "the TEB")
    assert target.commands() == []


def test_a_user_thread_whose_teb_is_missing_is_refused() -> None:
    target = DrawnTarget("live user")
    target.current_thread = 0x7FFD9000
    with pytest.raises(BadInput, match="no stack range found"):
        found(target)


def test_what_the_source_itself_states_comes_last() -> None:
    target = DrawnTarget()
    target.stated = Region(LIMIT, BASE, None, "the log's dps")
    assert found(target) == target.stated
    target.answers["!thread"] = THREAD_TEXT
    assert found(target).source == "!thread"


def test_nonsense_from_one_source_passes_on_to_the_next() -> None:
    target = drawn_with_every_source()
    target.put_words(THREAD + 0x2C, BASE + 0x1000)
    assert found(target).source == "the debugger data block's _KTHREAD offsets"


def test_nonsense_from_every_source_is_told_source_by_source() -> None:
    target = DrawnTarget()
    with_thread(target, BASE, LIMIT)
    target.answers[f"!thread ffffffff{THREAD:08x}"] = THREAD_TEXT.replace("Limit b8ae6000", "Limit b8ae6002")
    with pytest.raises(BadInput) as caught:
        found(target)
    assert caught.value.wrong == (
        "no usable stack range: nt!_KTHREAD says b8ae9000..b8ae6000: Base is not above Limit; "
        "!thread says b8ae6002..b8ae9000: not aligned to 4 bytes"
    )


def test_no_source_at_all_is_refused_with_what_to_pass() -> None:
    with pytest.raises(BadInput) as caught:
        found(DrawnTarget())
    assert caught.value.line() == (
        "no stack range found: no thread, no types, no !thread answer; pass --limit and --base as !thread prints them"
    )


def test_a_thread_that_was_asked_for_is_that_thread_or_an_error() -> None:
    target = DrawnTarget()
    with_thread(target)
    target.stated = found(target)
    with pytest.raises(BadInput) as caught:
        find_region(target, None, None, THREAD + 0x100)
    assert (
        caught.value.line()
        == (
            "no stack range found of thread 8974ad00: no thread, no types, no !thread answer; "
            "the current thread is 8974ac00: --limit b8ae6000 --base b8ae9000"
        )
        or "no usable stack range of thread 8974ad00" in caught.value.line()
    )
    assert find_region(target, None, None, THREAD).thread == THREAD


def test_a_range_error_quotes_this_targets_own_range() -> None:
    target = DrawnTarget()
    with_thread(target, 0x9B000000, 0x9B003000)
    with pytest.raises(BadInput) as caught:
        find_region(target, 0x9B000001, 0x9B003000, None)
    assert caught.value.remedy == "this target's is --limit 9b000000 --base 9b003000"


def test_unaligned_ends_are_refused() -> None:
    assert refusal(LIMIT + 2, BASE) == "the range b8ae6002..b8ae9000 cannot be a stack: not aligned to 4 bytes"
    assert refusal(LIMIT, BASE - 1) == "the range b8ae6000..b8ae8fff cannot be a stack: not aligned to 4 bytes"


def test_a_base_not_above_limit_is_refused() -> None:
    assert refusal(BASE, LIMIT) == "the range b8ae9000..b8ae6000 cannot be a stack: Base is not above Limit"
    assert refusal(BASE, BASE).endswith("Base is not above Limit")


def test_more_than_16_mb_is_refused_and_16_mb_is_not() -> None:
    assert find_region(DrawnTarget(), 0x80000000, 0x81000000, None).size == 16 << 20
    assert refusal(0x80000000, 0x81000004).endswith("16777220 bytes are more than any stack has (16 MB)")


def test_the_32_bit_space_is_not_left() -> None:
    assert find_region(DrawnTarget(), 0xFFFFF000, 0x100000000, None).size == 0x1000
    assert refusal(0xFFFFF000, 0x100001000).endswith("outside the 32-bit address space")


def test_one_end_alone_is_refused() -> None:
    for limit, base in ((LIMIT, None), (None, BASE)):
        with pytest.raises(BadInput) as caught:
            find_region(DrawnTarget(), limit, base, None)
        assert caught.value.line() == (
            "one end of the stack range is missing; pass --limit and --base as !thread prints them"
        )


def test_address_zero_counts_as_given() -> None:
    assert find_region(DrawnTarget(), 0, 0x1000, None).source == "the command line"
