"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole paths: the sum of a path's clues, as a log-likelihood,
makes the true paths of the lab's training seeds as probable as can be (tests/rebuild/train.py, which wrote this
table, says how; seeds 1-5 of every style, L2 0.05).  Clues that lab cases do not show keep a weight of 0 unless noted.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -2.29,
    Clue.UNREAD: -0.71,
    Clue.TRAP_FRAME: -0.03,
    Clue.SYSTEM_CALL: 0.57,
    Clue.KF: 0.00,
    Clue.POINTED_AT: -1.02,
    Clue.SAVED_EBP: 0.83,
    Clue.REACHED: 1.91,
    Clue.STARTED: -0.04,
    Clue.NEAR_TARGET: 0.00,
    Clue.OTHER_TARGET: -9.76,
    Clue.ANY_TARGET: 0.07,
    Clue.TABLE_TARGET: 4.15,
    Clue.NO_TABLE_TARGET: -9.20,
    Clue.DEPTH: 1.43,
    Clue.DEPTH_LIKELY: 0.07,
    Clue.DEPTH_POSSIBLE: 2.50,
    Clue.DEPTH_AT_LEAST: 2.23,
    Clue.DEPTH_OTHER: -12.80,
    Clue.DEPTH_OTHER_LIKELY: -1.97,
    Clue.DEPTH_UNKNOWN: 0.41,
    Clue.DEPTH_UNREAD: -0.71,
    Clue.CHAINED: 3.56,
    Clue.CHAIN_BROKEN: -2.37,
    Clue.EBP_KEPT_WELL: 1.21,
    Clue.EBP_KEPT_BADLY: 0.00,
    Clue.UP_TO_20: 0.51,
    Clue.UP_TO_40: 0.37,
    Clue.UP_TO_80: -0.74,
    Clue.UP_TO_100: -1.17,
    Clue.UP_TO_200: -2.58,
    Clue.UP_TO_400: -2.92,
    Clue.UP_TO_800: -3.47,
    Clue.OVER_800: -1.32,
    Clue.TRAP_HANDLER: 0.75,
    Clue.HOLE: 0.00,
    Clue.SAME_MODULE: 0.00,
    Clue.OTHER_MODULE: 0.00,
    Clue.REPEATED_PAIR: 0.00,
    Clue.REPEATED_SIZE: 0.00,
    Clue.NOT_REPEATED: 0.00,
    Clue.FROM_REGISTERS: 1.17,
    Clue.NOT_REGISTERS: -1.17,
    Clue.REACHES_LIMIT: 1.79,
    Clue.FAR_FROM_LIMIT: -1.17,
    Clue.START_UNKNOWN: 0.38,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 1.17,
    Clue.ZERO_EBP: 2.55,
    Clue.NO_RETURN: 2.55,
    Clue.NEAR_BASE: 2.81,
    Clue.EARLY_END: -1.44,
    Clue.PREDICTED_ON: -4.08,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
