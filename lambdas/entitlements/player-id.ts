import * as z from 'zod/mini';

/** The game's identifier of a player, which Amazon gets as FulfillmentAddress. */
const SPELLING = /^[A-Za-z0-9._:~-]{1,128}$/u;
/** Words of letters alone, put together: `anna.smith`. */
const NAME = /^\p{L}+(?:[._:~-]\p{L}+)+$/u;

/**
 * The identifier of a player, as it may be told to Amazon: it can be looked up by the game, and is neither an e-mail address
 * nor a name ("Fulfillment Reporting", FulfillmentAddress).
 */
export const PlayerId = z.string().check(
  z.regex(SPELLING, {
    error: 'must be 1 to 128 letters, digits and . _ : ~ -, and no e-mail address or other personal data',
  }),
  z.refine((text) => !NAME.test(text), {
    error: 'must not look like a name: send an identifier of the player that holds a digit',
  }),
  z.refine((text) => text !== '.' && text !== '..', {
    error: 'must not be "." or "..", which a path cannot carry',
  }),
  z.describe("The game's identifier of the player. Amazon gets it as FulfillmentAddress."),
  z.meta({ pattern: String.raw`^(?!\.{1,2}$)[A-Za-z0-9._:~-]{1,128}$` }),
);
