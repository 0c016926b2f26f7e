import type { AddressInput } from './graphql-inputs.ts';
import { invalid } from './refusals.ts';

const STATES = new Set(
  (
    'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA ' +
    'RI SC SD TN TX UT VT VA WA WV WI WY'
  ).split(' '),
);
/** Territories and military bases, as regions of the United States or as countries of their own. */
const EXCLUDED = new Set('AS FM GU MH MP PR PW VI AA AE AP'.split(' '));
const REQUIRED = ['streetAddress', 'locality', 'region', 'countryCode', 'postalCode'] as const;

/**
 * The postal code of an address that can be delivered to.
 *
 * @throws Refusal for an address that is incomplete or misshapen, and for one outside of what Buy with Prime delivers to
 */
export function destinationOf(address: AddressInput): string {
  const [, , region, country, postalCode] = REQUIRED.map((field) => {
    const given = (address[field] ?? '').trim();
    if (given === '') throw invalid(`The address has no ${field}.`, 'InvalidAddress');
    return given;
  }) as [string, string, string, string, string];
  if (!/^[A-Z]{2}$/.test(country)) throw invalid('The countryCode must have two letters.', 'InvalidAddress');
  if (country !== 'US' || EXCLUDED.has(region)) {
    throw invalid('Buy with Prime does not deliver to this destination.', 'InvalidDestination');
  }
  if (!STATES.has(region)) throw invalid('The region must be a state, such as WA.', 'InvalidAddress');
  if (!/^\d{5}(?:-\d{4})?$/.test(postalCode)) throw invalid('The postalCode must be a ZIP code.', 'InvalidAddress');
  return postalCode;
}
