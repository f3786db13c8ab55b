"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -5.93,
    Clue.UNREAD: 0.11,
    Clue.TRAP_FRAME: -0.17,
    Clue.SYSTEM_CALL: 0.35,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -0.02,
    Clue.SAVED_EBP: 0.08,
    Clue.REACHED: 3.80,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 2.00,
    Clue.OTHER_TARGET: -9.07,
    Clue.ANY_TARGET: -2.07,
    Clue.TABLE_TARGET: 3.53,
    Clue.NO_TABLE_TARGET: -4.50,
    Clue.DEPTH: 0.81,
    Clue.DEPTH_LIKELY: 2.47,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -1.32,
    Clue.DEPTH_OTHER: -7.39,
    Clue.DEPTH_OTHER_LIKELY: -3.47,
    Clue.DEPTH_UNKNOWN: -0.01,
    Clue.DEPTH_UNREAD: -1.45,
    Clue.CHAINED: 5.40,
    Clue.CHAIN_BROKEN: -2.40,
    Clue.EBP_KEPT_WELL: 1.21,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: -0.46,
    Clue.UP_TO_40: 0.26,
    Clue.UP_TO_80: -0.37,
    Clue.UP_TO_100: -0.85,
    Clue.UP_TO_200: -0.41,
    Clue.UP_TO_400: 0.73,
    Clue.UP_TO_800: -1.65,
    Clue.OVER_800: -0.02,
    Clue.TRAP_HANDLER: 1.09,
    Clue.HOLE: -1.13,
    Clue.SAME_MODULE: 0.50,
    Clue.OTHER_MODULE: -1.35,
    Clue.REPEATED_PAIR: -0.40,
    Clue.REPEATED_SIZE: -0.87,
    Clue.NOT_REPEATED: -3.13,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 1.18,
    Clue.FAR_FROM_LIMIT: -4.71,
    Clue.MAY_REACH_NEAR: -1.14,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.04,
    Clue.ZERO_EBP: 3.11,
    Clue.NO_RETURN: 6.18,
    Clue.NEAR_BASE: 4.18,
    Clue.EARLY_END: -5.04,
    Clue.PREDICTED_ON: -6.49,
    Clue.ALIGNED: 0.09,
    Clue.MAY_REACH: -2.69,
    Clue.MAY_REACH_FAR: -3.37,
    Clue.DEPTH_ALONE: -0.63,
    Clue.NO_TRAP: -8.00,
    Clue.TAIL_REACHED: 2.00,
    Clue.TAIL_POSSIBLE: -2.00,
}

STEP = 3.73  # what a step adds beside the log-probability of its clues
TOP_STEP = 3.59  # the same where the newest frame is likely to end
HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
