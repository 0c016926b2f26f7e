import type { CheckResult } from '../capability.ts';
import { checkGaps } from '../checks/check-gaps.ts';
import { checkLaps } from '../checks/check-laps.ts';
import { checkRate } from '../checks/check-rate.ts';
import { checkSlicesAsk, checkSlicesEnd, countDoubleWork } from '../checks/check-slices.ts';
import { checkVersions } from '../checks/check-versions.ts';
import { checkEvents } from './check-events.ts';
import { checkTold } from './check-told.ts';
import { checkAnswersCount, checkTruth } from './check-truth.ts';
import type { Evidence } from './evidence.ts';

/** What a run is judged by. The last only counts. */
export const CHECKS: readonly ((evidence: Evidence) => CheckResult)[] = [
  checkVersions,
  checkEvents,
  checkTold,
  checkTruth,
  checkAnswersCount,
  checkSlicesEnd,
  checkSlicesAsk,
  checkLaps,
  checkGaps,
  checkRate,
  countDoubleWork,
];
