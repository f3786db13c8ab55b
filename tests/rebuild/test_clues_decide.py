"""Facts that decide between walks which are alike in all else: take the fact away and the other walk may win.

Each scene has two candidates for one frame, with like code, and is played both ways round.
"""

from __future__ import annotations

from itertools import cycle
from typing import Dict, List, Optional, Sequence, Set, Tuple

import pytest

from hogwalk.model import BugCheck, Module, Symbol
from hogwalk.walk.rebuild import Rebuilt, rebuild
from hogwalk.walk.rebuild.confidence import confidence
from hogwalk.walk.rebuild.graph import Posterior
from tests.rebuild.machine import CHKSTK, Machine

LIMIT, BASE = 0xB8000000, 0xB8002000
NT = Module("nt", 0x80800000, 0x80803000, "none")
HOG = Module("hog", 0xB9000000, 0xB9003000, "none")
PIG = Module("pig", 0xB9100000, 0xB9103000, "none")
OVERFLOW = BugCheck(0x7F, (8, 0, 0, 0))
NT_CODE, HOG_CODE, PIG_CODE = (module.start + 0x1000 for module in (NT, HOG, PIG))
TWINS = ("hog", "pig")


def near(start: int, code: str, target: int) -> str:
    """The code at `start`, with a `call target` added."""
    behind = start + len(bytes.fromhex(code)) + 5
    return code + "e8" + (target - behind & 0xFFFFFFFF).to_bytes(4, "little").hex()


class Scene:
    """Code and a stack, written down as a test goes; `returns` collects the return addresses."""

    def __init__(self, bugcheck: Optional[BugCheck] = None) -> None:
        self.code: Dict[int, str] = {}
        self.words: Dict[int, int] = {}
        self.returns: List[int] = []
        self.data: Dict[int, Sequence[int]] = {}
        self._bugcheck = bugcheck

    def function(self, start: int, before: str, behind: str) -> int:
        """A function that calls at the end of `before`; the address that the call returns to."""
        self.code[start] = before + behind
        self.returns.append(start + len(bytes.fromhex(before)))
        return self.returns[-1]

    def walked(self) -> Rebuilt:
        """hogwalk's own walk of the stack."""
        return rebuild(self.machine().evidence(LIMIT, BASE))

    def machine(self) -> Machine:
        modules = (NT, HOG, PIG)
        symbols = {
            at: Symbol(module.name, "", at - module.start)
            for at in self.returns
            for module in modules
            if module.start <= at < module.end
        }
        machine = Machine(modules, symbols, self._bugcheck)
        for start, text in self.code.items():
            machine.write(start, bytes.fromhex(text))
        for start, words in self.data.items():
            machine.write_words(start, words)
        machine.write_words(LIMIT, [self.words.get(at, 0) for at in range(LIMIT, BASE, 4)])
        return machine


def slots(found: Rebuilt) -> Set[int]:
    return {frame.return_slot for frame in found.frames}


def dispatched(listed: Optional[str]) -> Tuple[Scene, Dict[str, int]]:
    """nt calls a driver through its dispatch table, which lists one of the twins; both fit below the call's slot."""
    scene = Scene()
    device, driver = 0x89000000, 0x89000100  # _DEVICE_OBJECT, _DRIVER_OBJECT
    in_hog = scene.function(HOG_CODE, "83ec20ffd0", "83c420c20800")  # sub esp,20h; call eax; add esp,20h; ret 8
    in_pig = scene.function(PIG_CODE, "83ec1cffd0", "83c41cc20800")
    in_nt = scene.function(NT_CODE, "5152ff548138", "c3")  # push ecx; push edx; call [ecx+eax*4+38h]; ret
    older = LIMIT + 0x68
    twins = {"hog": older - 0x24, "pig": older - 0x20}
    scene.words = {twins["hog"]: in_hog, twins["pig"]: in_pig, older: in_nt, older + 4: device}
    entry = {"hog": HOG_CODE, "pig": PIG_CODE}
    if listed is not None:
        scene.data = {device: (3, 0, driver), driver: (4, *[0] * 13, *[entry[listed]] * 28)}
    return scene, twins


@pytest.mark.parametrize("listed", TWINS)
def test_the_drivers_dispatch_table_tells_who_was_called(listed: str) -> None:
    scene, twins = dispatched(listed)
    (other,) = set(TWINS) - {listed}
    found = slots(scene.walked())
    assert twins[listed] in found
    assert twins[other] not in found


def probed(large: str) -> Tuple[Scene, Dict[str, int]]:
    """The overflow happened in a stack probe; one twin asked for more than lies below its slot, the other did not."""
    scene, distance = Scene(OVERFLOW), 0x900
    probe = NT_CODE + 0x100
    scene.code[probe] = CHKSTK
    older = LIMIT + distance
    twins = {"hog": older - 8, "pig": older - 12}
    for name, start, pushes in (("hog", HOG_CODE, "51"), ("pig", PIG_CODE, "5151")):
        asked = (0x1200 if name == large else 0x40).to_bytes(4, "little").hex()
        ret = "81c4" + asked + "59" * len(bytes.fromhex(pushes)) + "c3"
        scene.words[twins[name]] = scene.function(start, near(start, f"{pushes}b8{asked}", probe), ret)
    scene.words[older] = scene.function(NT_CODE, "5152ffd0", "5959c3")
    return scene, twins


@pytest.mark.parametrize("large", TWINS)
def test_what_a_stack_probe_is_asked_for_tells_where_the_stack_ran_out(large: str) -> None:
    scene, twins = probed(large)
    (other,) = set(TWINS) - {large}
    found = slots(scene.walked())
    assert twins[large] in found
    assert twins[other] not in found
    first = scene.walked().frames[0]
    assert first.bytes == 8  # its return address and ECX: it dies before it moves ESP


def called(large: str) -> Tuple[Scene, Dict[str, int]]:
    """The overflow happened in the frame of a function that was called; one twin's asks a probe for enough for that."""
    scene, distance = Scene(OVERFLOW), 0x900
    probe = NT_CODE + 0x200
    scene.code[probe] = CHKSTK
    older = LIMIT + distance
    twins = {"hog": older - 8, "pig": older - 12}
    for name, start, pushes in (("hog", HOG_CODE, "51"), ("pig", PIG_CODE, "5151")):
        asked, deep = (0x1200 if name == large else 0x40).to_bytes(4, "little").hex(), start + 0x200
        scene.code[deep] = near(deep, f"b8{asked}", probe) + "ffd0" + "81c4" + asked + "c3"
        ret = "59" * len(bytes.fromhex(pushes)) + "c3"
        scene.words[twins[name]] = scene.function(start, near(start, pushes, deep), ret)
    scene.words[older] = scene.function(NT_CODE, "5152ffd0", "5959c3")
    return scene, twins


@pytest.mark.parametrize("large", TWINS)
def test_a_function_whose_prologue_probes_has_that_large_a_frame(large: str) -> None:
    scene, twins = called(large)
    (other,) = set(TWINS) - {large}
    found = slots(scene.walked())
    assert twins[large] in found
    assert twins[other] not in found


@pytest.mark.parametrize(("true", "decoy"), [(0, -4), (12, 16), (4, -8), (8, 24)])
def test_a_frame_aligned_before_ebp_was_set_ends_within_the_alignment(true: int, decoy: int) -> None:
    # lea ecx,[esp+4]; and esp,-16; push [ecx-4]; push ebp; mov ebp,esp; sub esp,eax: only EBP tells the frame.
    scene = Scene()
    aligned = "8d4c240483e4f0ff71fc558bec2be0"
    slot, ebp = LIMIT + 0x80, LIMIT + 0xC8  # EBP is 8 below a multiple of 16
    helper = NT_CODE + 0x100
    in_helper = scene.function(helper, "558becffd0", "5dc3")  # keeps EBP
    in_hog = scene.function(HOG_CODE, near(HOG_CODE, aligned, helper), "8b4d048d61fcc3")
    calls = [scene.function(start, near(start, "83ec20", HOG_CODE), "83c420c3") for start in (NT_CODE, PIG_CODE)]
    lowest = ebp + 8
    scene.words = {slot: in_helper, slot + 4: ebp, slot + 8: in_hog}
    scene.words.update({lowest + true: calls[0], lowest + decoy: calls[1]})
    found = slots(scene.walked())
    assert lowest + true in found
    assert lowest + decoy not in found


@pytest.mark.parametrize(
    ("agreeing", "of", "stated"),
    [(1, 2, 0.589), (3, 4, 0.724), (9, 10, 0.827), (19, 20, 0.876), (99, 100, 0.9365), (1, 1, 0.995)],
)
def test_a_share_of_draws_is_stated_as_often_as_it_comes_true(
    monkeypatch: pytest.MonkeyPatch, agreeing: int, of: int, stated: float
) -> None:
    # By hand: 200 draws and one each way, then logit(share) * .556 + .359; equal draws as they are: 201 of 202.
    scene, _ = dispatched(None)
    walked = scene.walked()
    evidence = scene.machine().evidence(LIMIT, BASE)
    twin = {evidence.modules.at(node.address): number for number, node in enumerate(walked.weighed.clued.nodes)}
    names = {module.name: number for module, number in twin.items() if module is not None}
    own = next(frame.symbol.module for frame in walked.frames if frame.symbol and frame.symbol.module in TWINS)
    (other,) = set(TWINS) - {own}
    paths = cycle([(names[own], names["nt"])] * agreeing + [(names[other], names["nt"])] * (of - agreeing))
    monkeypatch.setattr(Posterior, "sample", lambda *_: next(paths))
    found = confidence(walked, evidence.modules, lambda module: module if module in TWINS else None)
    assert found is not None
    assert found.owner == own
    assert found.probability == pytest.approx(stated, abs=0.0015)
