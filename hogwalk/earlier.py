"""What one run of a session leaves to the next."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from hogwalk.model import About, Triple
from hogwalk.targets.protocol import Target
from hogwalk.walk.evidence import Evidence
from hogwalk.walk.merge.walks import Walks


class Heard:
    """A target whose answers to commands are kept."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.answers: List[Tuple[str, str]] = []

    def about(self) -> About:
        """As Target.about."""
        return self._target.about()

    def shown_starts(self) -> Sequence[Triple]:
        """As Target.shown_starts."""
        return self._target.shown_starts()

    def command(self, text: str) -> str:
        """As Target.command."""
        answer = self._target.command(text)
        self.answers.append((text, answer))
        return answer


class Earlier:
    """What the last run of a session found out: its walks serve again where the target still holds and says the same.

    Nothing is taken over from a machine that goes on running.
    """

    def __init__(self) -> None:
        self.evidence: Optional[Evidence] = None
        self._walks: Optional[Walks] = None
        self._answers: List[Tuple[str, str]] = []
        self._unasked = ""

    def walks(self, target: Target, evidence: Evidence, unasked: str) -> Optional[Walks]:
        """The walks that were made of this very evidence, None where the debugger now walks otherwise."""
        if evidence is not self.evidence or unasked != self._unasked:
            return None
        return self._walks if all(target.command(text) == answer for text, answer in self._answers) else None

    def keep(self, evidence: Evidence, walks: Walks, answers: List[Tuple[str, str]], unasked: str) -> None:
        """Takes the place of what was kept before."""
        self.evidence, self._walks, self._answers, self._unasked = evidence, walks, answers, unasked
