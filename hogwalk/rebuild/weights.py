"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style but big60, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.37,
    Clue.UNREAD: -1.39,
    Clue.TRAP_FRAME: 0.27,
    Clue.SYSTEM_CALL: -0.00,
    Clue.KF: 0.00,
    Clue.POINTED_AT: 0.56,
    Clue.SAVED_EBP: 0.33,
    Clue.REACHED: 1.87,
    Clue.STARTED: -1.75,
    Clue.NEAR_TARGET: 0.00,
    Clue.OTHER_TARGET: -10.18,
    Clue.ANY_TARGET: 1.51,
    Clue.TABLE_TARGET: 3.41,
    Clue.NO_TABLE_TARGET: -7.85,
    Clue.DEPTH: 3.45,
    Clue.DEPTH_LIKELY: 0.86,
    Clue.DEPTH_POSSIBLE: 0.67,
    Clue.DEPTH_AT_LEAST: 2.82,
    Clue.DEPTH_OTHER: -11.78,
    Clue.DEPTH_OTHER_LIKELY: -2.91,
    Clue.DEPTH_UNKNOWN: -0.12,
    Clue.DEPTH_UNREAD: -1.39,
    Clue.CHAINED: 2.90,
    Clue.CHAIN_BROKEN: -1.66,
    Clue.EBP_KEPT_WELL: -1.67,
    Clue.EBP_KEPT_BADLY: 0.00,
    Clue.UP_TO_20: 0.25,
    Clue.UP_TO_40: 0.43,
    Clue.UP_TO_80: -0.83,
    Clue.UP_TO_100: -0.92,
    Clue.UP_TO_200: -2.44,
    Clue.UP_TO_400: -1.84,
    Clue.UP_TO_800: -2.31,
    Clue.OVER_800: -0.32,
    Clue.TRAP_HANDLER: 1.79,
    Clue.NOT_TRAP_HANDLER: -1.53,
    Clue.HOLE: -0.00,
    Clue.REPEATED: 0.00,
    Clue.NOT_REPEATED: 0.00,
    Clue.FROM_REGISTERS: 1.35,
    Clue.NOT_REGISTERS: -1.35,
    Clue.REACHES_LIMIT: 1.24,
    Clue.FAR_FROM_LIMIT: -0.43,
    Clue.START_UNKNOWN: 0.38,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 0.86,
    Clue.ZERO_EBP: 0.32,
    Clue.NO_RETURN: 0.32,
    Clue.NEAR_BASE: 1.10,
    Clue.EARLY_END: -1.95,
    Clue.PREDICTED_ON: -1.06,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
