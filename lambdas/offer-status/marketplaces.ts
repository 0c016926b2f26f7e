/** Marketplaces that a title may have been submitted to ("Parameters", `marketplace`). */
export const MARKETPLACES = ['GLOBAL', 'US', 'DE', 'JP', 'GB'] as const;
