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
    Clue.UNREAD: -0.10,
    Clue.TRAP_FRAME: 0.21,
    Clue.SYSTEM_CALL: -0.31,
    Clue.KF: 0.00,
    Clue.POINTED_AT: 0.50,
    Clue.SAVED_EBP: 0.51,
    Clue.REACHED: 2.23,
    Clue.STARTED: 2.21,
    Clue.NEAR_TARGET: 2.00,
    Clue.OTHER_TARGET: -9.28,
    Clue.ANY_TARGET: -0.22,
    Clue.TABLE_TARGET: 3.31,
    Clue.NO_TABLE_TARGET: -7.42,
    Clue.DEPTH: 1.39,
    Clue.DEPTH_LIKELY: 3.62,
    Clue.DEPTH_POSSIBLE: 1.00,
    Clue.DEPTH_AT_LEAST: -0.71,
    Clue.DEPTH_OTHER: -10.42,
    Clue.DEPTH_OTHER_LIKELY: -4.62,
    Clue.DEPTH_UNKNOWN: -0.00,
    Clue.DEPTH_UNREAD: -0.09,
    Clue.CHAINED: 2.80,
    Clue.CHAIN_BROKEN: -2.61,
    Clue.EBP_KEPT_WELL: 2.17,
    Clue.EBP_KEPT_BADLY: -2.00,
    Clue.UP_TO_20: 0.17,
    Clue.UP_TO_40: 0.88,
    Clue.UP_TO_80: 0.22,
    Clue.UP_TO_100: -0.20,
    Clue.UP_TO_200: 0.12,
    Clue.UP_TO_400: 1.16,
    Clue.UP_TO_800: -1.33,
    Clue.OVER_800: -0.05,
    Clue.TRAP_HANDLER: 1.74,
    Clue.HOLE: -1.00,
    Clue.SAME_MODULE: 0.43,
    Clue.OTHER_MODULE: -1.91,
    Clue.REPEATED_PAIR: -0.35,
    Clue.REPEATED_SIZE: -1.11,
    Clue.NOT_REPEATED: -2.91,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 0.84,
    Clue.FAR_FROM_LIMIT: -5.34,
    Clue.MAY_REACH_NEAR: -2.04,
    Clue.BEHIND_HOLE: -0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.03,
    Clue.ZERO_EBP: 1.40,
    Clue.NO_RETURN: 4.18,
    Clue.NEAR_BASE: 2.18,
    Clue.EARLY_END: -5.03,
    Clue.PREDICTED_ON: -6.30,
    Clue.ALIGNED: 0.26,
    Clue.MAY_REACH: -3.17,
    Clue.MAY_REACH_FAR: -1.29,
    Clue.DEPTH_ALONE: -0.13,
    Clue.NO_TRAP: -8.00,
    Clue.TAIL_REACHED: 0.00,
    Clue.TAIL_POSSIBLE: 0.00,
}

HEAT = 1.0  # paths are taken as this much less certain than fitted: see tests/rebuild/train.py
