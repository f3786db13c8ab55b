"""Facts of the code have one home: whoever asks, by whichever door, gets the same and the right answer."""

from __future__ import annotations

from typing import Dict

from hogwalk.machine.x86.callees import Callees
from hogwalk.targets.dump import open_dump
from hogwalk.walk.evidence import Request, gather
from hogwalk.walk.facts.links import Link
from hogwalk.walk.rebuild.clues import Clue
from hogwalk.walk.rebuild.collect import Collector
from hogwalk.walk.rebuild.links import Links
from hogwalk.walk.rebuild.nodes import Node
from tests.core.scenes import judge_for, silent
from tests.drawn import Code, DrawnTarget
from tests.stackhog import DUMP

NT, HOG = 0x80800000, 0xB9580000
VERDICTS: Dict[int, Link] = {
    int(Clue.REACHED): Link.MATCH,
    int(Clue.STARTED): Link.MATCH,
    int(Clue.NEAR_TARGET): Link.MATCH,
    int(Clue.TAIL_REACHED): Link.MATCH,
    int(Clue.TAIL_POSSIBLE): Link.UNKNOWN,
    int(Clue.OTHER_TARGET): Link.MISMATCH,
}


def test_a_hot_patched_function_is_one_function_by_both_doors() -> None:
    target = DrawnTarget()
    nt, hog = Code("nt", NT), Code("hog", HOG)
    new = hog.function(0x1800)
    patched = nt.raw(0x1400, b"\xeb\xf9")  # jmp $-5, over the five bytes before the function
    nt.jump(0x13FB, new)
    back, running = nt.call(0x1100, patched), hog.call(0x1820, nt.function(0x1900))
    target.load(nt, hog)
    judge = judge_for(target, [back, running])
    sites = judge.starts.depths.blocks
    assert sites.through_thunks(patched) == Callees(sites).of(patched).address == new
    assert judge.judge(back, running) is Link.MATCH


def test_a_thunk_that_leads_into_data_leads_nowhere_by_both_doors() -> None:
    target = DrawnTarget()
    nt = Code("nt", NT)
    thunk = nt.jump_through(0x1400, nt.pointer(0, NT + 0xF00000))
    target.load(nt)
    blocks = judge_for(target, []).starts.depths.blocks
    assert blocks.through_thunks(thunk) == Callees(blocks).of(thunk).address == thunk


def test_an_export_is_a_known_start_by_both_doors() -> None:
    target = DrawnTarget()
    nt, hog = Code("nt", NT), Code("hog", HOG, 0x20000, "export")
    back = nt.call(0x1100, hog.function(0x1000))
    exported = hog.function(0x1040, "Exported")
    running = hog.call(0x1060, nt.function(0x1900))
    target.load(nt, hog)
    judge = judge_for(target, [back, running])
    assert judge.function_start(running) == judge.starts.start(running) == judge.starts.nearest(running) == exported
    assert judge.judge(back, running) is Link.MISMATCH


def verdict(links: Links, node: Node, older: Node) -> Link:
    """The reconstruction's verdict on a pair, tail calls and all."""
    found = links.link(node, older)
    return VERDICTS[links.tail(node, older) if found == int(Clue.OTHER_TARGET) else found]


def test_both_walks_judge_every_pair_alike() -> None:
    # Without symbols, so that starts come from calls and from the code.
    evidence = gather(open_dump(str(DUMP), ""), Request(), silent)
    found = Collector(evidence).collect()
    nodes, judged = found.nodes, 0
    for node in nodes[:60]:
        for older in nodes[:60]:
            if older.target is None or node.clues & Clue.TRAP_FRAME:
                continue
            judged += 1
            assert verdict(found.links, node, older) is evidence.judge.judge(older.address, node.address)
    assert judged > 500
