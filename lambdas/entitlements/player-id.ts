import * as z from 'zod/mini';

/** The game's identifier of a player, which Amazon gets as FulfillmentAddress. */
const SPELLING = /^[A-Za-z0-9._:~-]{1,128}$/;
/** Not two words as names are written: `anna.smith`, `Anna-Maria`. A word with letters in any case is no name. */
const NO_NAME = /^(?![A-Za-z][a-z]{1,14}[._~-][A-Za-z][a-z]{1,14}$)/;
const NO_DOTS = /^(?!\.{1,2}$)/;

/**
 * The identifier of a player, as it may be told to Amazon: it can be looked up by the game, and is neither an e-mail address
 * nor a name ("Fulfillment Reporting", FulfillmentAddress).
 */
export const PlayerId = z.string().check(
  z.regex(SPELLING, {
    error: 'must be 1 to 128 letters, digits and . _ : ~ -, and no e-mail address or other personal data',
  }),
  z.regex(NO_NAME, { error: 'must not look like a name: send an identifier of the player that holds a digit' }),
  z.regex(NO_DOTS, { error: 'must not be "." or "..", which a path cannot carry' }),
  z.describe("The game's identifier of the player. Amazon gets it as FulfillmentAddress."),
);
