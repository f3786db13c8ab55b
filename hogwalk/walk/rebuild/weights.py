"""What each clue weighs: natural log-likelihoods, fitted, not chosen.

They are the weights of a conditional random field over whole walks that makes the true walks of the lab's training
seeds as probable as can be; tests/rebuild/train.py wrote this table and says how
(539 examples, lab seeds 1001-1030).
Clues that no training case shows keep their prior, as those of EBP_FRAME to ESP_START, CHAIN_END and CHAIN_LEAVES do:
guesses until the next fit.
"""

from __future__ import annotations

from typing import Dict

from hogwalk.walk.rebuild.clues import Clue

WEIGHTS: Dict[Clue, float] = {
    Clue.CALL: -3.42,
    Clue.UNREAD: -1.27,
    Clue.TRAP_FRAME: 3.45,
    Clue.SYSTEM_CALL: -1.07,
    Clue.KF: 0.06,
    Clue.POINTED_AT: -0.03,
    Clue.SAVED_EBP: 0.63,
    Clue.ALIGNED: -1.13,
    Clue.REACHED: 5.49,
    Clue.STARTED: 2.00,
    Clue.NEAR_TARGET: 1.73,
    Clue.TAIL_REACHED: 1.99,
    Clue.TAIL_POSSIBLE: -0.51,
    Clue.OTHER_TARGET: -11.01,
    Clue.ANY_TARGET: -0.07,
    Clue.TABLE_TARGET: 2.74,
    Clue.NO_TABLE_TARGET: -6.76,
    Clue.DEPTH: 0.00,
    Clue.DEPTH_ALONE: 6.02,
    Clue.DEPTH_LIKELY: 5.05,
    Clue.DEPTH_POSSIBLE: 3.15,
    Clue.DEPTH_AT_LEAST: -2.70,
    Clue.DEPTH_OTHER: -13.09,
    Clue.DEPTH_OTHER_LIKELY: -6.48,
    Clue.DEPTH_UNKNOWN: -1.69,
    Clue.DEPTH_UNREAD: -1.67,
    Clue.CHAINED: 4.01,
    Clue.CHAIN_BROKEN: -0.07,
    Clue.EBP_KEPT_WELL: 0.64,
    Clue.EBP_KEPT_BADLY: -2.06,
    Clue.UP_TO_20: 2.81,
    Clue.UP_TO_40: 2.60,
    Clue.UP_TO_80: 2.11,
    Clue.UP_TO_100: 1.52,
    Clue.UP_TO_200: 0.59,
    Clue.UP_TO_400: 0.01,
    Clue.UP_TO_800: -2.54,
    Clue.OVER_800: -5.19,
    Clue.TRAP_HANDLER: 2.38,
    Clue.NO_TRAP: -1.84,
    Clue.HOLE: -2.75,
    Clue.SAME_MODULE: 0.45,
    Clue.OTHER_MODULE: -1.58,
    Clue.REPEATED_PAIR: 0.70,
    Clue.REPEATED_SIZE: -1.32,
    Clue.NOT_REPEATED: -2.87,
    Clue.SAME_CALLEE: 2.48,
    Clue.OTHER_CALLEE: -1.55,
    Clue.IN_ARGUMENTS: -3.90,
    Clue.DEPTH_TOLD: 6.18,
    Clue.EBP_FRAME: 5.00,
    Clue.EBP_BELOW: 0.00,
    Clue.EBP_PASSED: -5.00,
    Clue.TEXT: -4.00,
    Clue.AT_START: -4.00,
    Clue.LATE: -1.00,
    Clue.EBP_CHAIN: 8.00,
    Clue.EBP_START: 2.00,
    Clue.BELOW_EBP_START: -1.00,
    Clue.NEAR_START: 0.00,
    Clue.FAR_START: -5.00,
    Clue.ESP_START: 3.00,
    Clue.FROM_REGISTERS: 2.00,
    Clue.NOT_REGISTERS: -8.00,
    Clue.REACHES_LIMIT: 2.03,
    Clue.FAR_FROM_LIMIT: -5.63,
    Clue.MAY_REACH_NEAR: 0.07,
    Clue.MAY_REACH: -2.46,
    Clue.MAY_REACH_FAR: -6.72,
    Clue.BEHIND_HOLE: 0.00,
    Clue.ANY_START: 0.00,
    Clue.USER_MODE: 2.09,
    Clue.ZERO_EBP: 3.10,
    Clue.NO_RETURN: 2.06,
    Clue.NEAR_BASE: 0.84,
    Clue.EARLY_END: -6.93,
    Clue.PREDICTED_ON: -4.81,
    Clue.CHAIN_END: 3.00,
    Clue.CHAIN_LEAVES: 0.00,
}
STEP = 1.91  # what a step adds beside the log-probability of its clues
BLIND_STEP = 0.94  # the same where the code behind the newer slot cannot be read
HEAT = 1.0  # over 1: less certain than fitted; seeds not trained on bear 1 out (tests/rebuild/calibrate.py)
