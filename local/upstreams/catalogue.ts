import { createRandom, type Random } from './seeded-random.ts';

export interface CatalogueTitle {
  licensor: string;
  marketplace: 'GLOBAL';
  alid: string;
  /** An invented name, for people. */
  title: string;
}

const LICENSOR = 'example-studios';

const ADJECTIVES = ['Amber', 'Borrowed', 'Distant', 'Electric', 'Forgotten', 'Gentle', 'Hollow', 'Last', 'Little', 'Lunar',
  'Midnight', 'Northern', 'Paper', 'Quiet', 'Restless', 'Second', 'Silver', 'Unwritten', 'Velvet', 'Winter']; // prettier-ignore
const NOUNS = ['Archive', 'Bridge', 'Cartographer', 'Daughters', 'Eclipse', 'Ferry', 'Garden', 'Harbour', 'Island', 'Lantern',
  'Meridian', 'Orchard', 'Passenger', 'Quartet', 'Railway', 'Signal', 'Sparrow', 'Tide', 'Verdict', 'Watchmaker']; // prettier-ignore
const PLACES = ['Arles', 'Bergen', 'Calder', 'Dunmore', 'Evora', 'Galway', 'Kyoto', 'Lisbon', 'Naples', 'Ostrava', 'Riga',
  'Salta', 'Tromso', 'Valparaiso', 'York']; // prettier-ignore

/**
 * An example catalogue: distinct titles with the kinds of ALID that partners use. Many hold `:` or `/`, so a client
 * that encodes paths carelessly fails at once. Deterministic, and a longer catalogue begins with the shorter one.
 */
export function exampleCatalogue(count = 200, seed = 1): CatalogueTitle[] {
  const random = createRandom(seed, 'catalogue');
  const titles: CatalogueTitle[] = [];
  for (let number = 1; number <= count; number += 1) {
    titles.push({ licensor: LICENSOR, marketplace: 'GLOBAL', alid: newAlid(number, random), title: newName(random) });
  }
  return titles;
}

/** The running number makes every ALID distinct whatever the dice say. */
function newAlid(number: number, random: Random): string {
  const eidr = `${hexGroup(random)}-${hexGroup(random)}-${hexGroup(random)}-${hexGroup(random)}-${number.toString(16).toUpperCase().padStart(4, '0')}`;
  const sku = String(number).padStart(6, '0');
  const plain = `md:alid:eidr-s:${eidr}-${random.pick(['A', 'C', 'K', 'T', 'X'])}`;
  const forms = [
    plain,
    `md:alid:eidr-x:${eidr}-C:hd`,
    `md:alid:org:${LICENSOR}.example:${sku}`,
    `${LICENSOR}/features/${sku}`,
    `ES_MOV_${sku}`,
  ];
  return random.chance(0.6) ? plain : random.pick(forms);
}

function hexGroup(random: Random): string {
  return random.integer(0, 0xffff).toString(16).toUpperCase().padStart(4, '0');
}

function newName(random: Random): string {
  const noun = random.pick(NOUNS);
  switch (random.integer(0, 4)) {
    case 0:
      return `The ${random.pick(ADJECTIVES)} ${noun}`;
    case 1:
      return `The ${noun} of ${random.pick(PLACES)}`;
    case 2:
      return `${random.pick(ADJECTIVES)} ${noun}`;
    case 3:
      return `${random.pick(PLACES)}, ${random.integer(1890, 2040)}`;
    default:
      return `${noun}: Part ${random.pick(['One', 'Two', 'Three'])}`;
  }
}
