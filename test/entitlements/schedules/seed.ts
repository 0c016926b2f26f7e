/** Of all schedules: another one makes others. */
export const SEED = Number(process.env['SCHEDULES_SEED'] ?? 20_260_101);
