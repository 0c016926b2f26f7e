import type { Clock } from '../clock.ts';
import { createRandom, type Random } from '../seeded-random.ts';
import type { LifeRules } from './birth.ts';
import { beginLife, nextStep } from './life.ts';
import type { SavedTitle, SavedTitles } from './saved-titles.ts';
import { offerKey, type OfferState, type TitleId, type TitleState } from './title-state.ts';

/** Mean changes per minute and title when no tempo is given: 200 titles show about one change every two seconds. */
const DEFAULT_CHANGES_PER_TITLE = 0.15;
/** For every meaningful change, this many timestamps change for no reason. */
const RESTAMPS_PER_CHANGE = 0.25;

export interface LivingTitle extends TitleId {
  readonly marketplace: string;
  /** The title's own calendar, see `Life`. */
  today: number;
  /** Every state so far, oldest first. */
  readonly states: TitleState[];
  /** When each offer was last stamped; an offer's birth when absent. */
  readonly stamps: Map<string, number>;
  /** Its place among the titles that still change by themselves; -1 when unknown to the API. */
  position: number;
  /** Answers given so far: it seeds each answer's order. */
  answers: number;
}

export interface LivingTitlesOptions {
  seed: number;
  clock: Clock;
  rules: LifeRules;
  /** Mean number of changes per minute over all titles; 0 freezes them. */
  tempo: number | undefined;
  /** Lives to go on with. @default none */
  saved?: SavedTitles['titles'];
}

/**
 * All titles and their histories. Time passes lazily: changes that fell due since the last look happen, at their own
 * times, when somebody looks. The cost is that of the changes, however many titles there are.
 */
export class LivingTitles {
  readonly #options: LivingTitlesOptions;
  readonly #titles = new Map<string, LivingTitle>();
  readonly #changing: LivingTitle[] = [];
  /** Decides when something happens, and to whom; what happens is the title's own affair. */
  readonly #schedule: Random;
  #tempo: number | undefined;
  #nextChangeAt = Number.POSITIVE_INFINITY;

  constructor(options: LivingTitlesOptions) {
    this.#options = options;
    this.#tempo = options.tempo;
    this.#schedule = createRandom(options.seed, 'schedule');
  }

  /** Adds a title; false when there is one by that name, which is left as it is. */
  add(id: TitleId & { marketplace?: string | undefined }): boolean {
    this.passTime();
    const key = keyOf(id);
    if (this.#titles.has(key)) return false;
    const saved = this.#options.saved?.[key];
    const title: LivingTitle = {
      licensor: id.licensor,
      alid: id.alid,
      marketplace: id.marketplace ?? 'GLOBAL',
      ...(saved ? resumed(saved) : this.#born(id)),
      position: -1,
      answers: 0,
    };
    this.#titles.set(key, title);
    if (currentState(title).known) this.#startChanging(title);
    return true;
  }

  /** Where every life stands, for {@link LivingTitlesOptions.saved} of a later run. */
  save(): SavedTitles['titles'] {
    this.passTime();
    return Object.fromEntries(
      [...this.#titles].map(([key, title]) => {
        const { step, at, known, offers } = currentState(title);
        return [key, { today: title.today, step, at, known, offers, stamps: [...title.stamps] }];
      }),
    );
  }

  #born(id: TitleId): Pick<LivingTitle, 'today' | 'states' | 'stamps'> {
    const life = beginLife(createRandom(this.#options.seed, id.licensor, id.alid, 0), this.#options.rules);
    const state = { step: 0, at: this.#options.clock.now(), event: 'born', known: true, offers: life.offers };
    return { today: life.today, states: [state], stamps: new Map() };
  }

  find(id: TitleId): LivingTitle | undefined {
    this.passTime();
    return this.#titles.get(keyOf(id));
  }

  all(): Iterable<LivingTitle> {
    this.passTime();
    return this.#titles.values();
  }

  /** Moves a title exactly one step, now. */
  advance(title: LivingTitle): TitleState {
    this.passTime();
    return this.#step(title, this.#options.clock.now());
  }

  /** Sets a title's state outright, now; an unknown title becomes known again. */
  set(title: LivingTitle, offers: readonly OfferState[]): TitleState {
    this.passTime();
    this.#startChanging(title);
    return this.#record(title, this.#options.clock.now(), { event: 'set', known: true, offers });
  }

  /** Makes a title unknown to the API from now on. Its history stays. */
  forget(title: LivingTitle): TitleState {
    this.passTime();
    this.#stopChanging(title);
    return this.#record(title, this.#options.clock.now(), { event: 'deleted', known: false, offers: [] });
  }

  /** Changes the tempo from now on; undefined is the default one. */
  setTempo(tempo: number | undefined): void {
    this.passTime();
    this.#tempo = tempo;
    this.#scheduleAfter(this.#options.clock.now());
  }

  /** Lets everything happen that has fallen due. */
  passTime(): void {
    const now = this.#options.clock.now();
    while (this.#nextChangeAt <= now) {
      const at = this.#nextChangeAt;
      const title = this.#schedule.pick(this.#changing);
      if (this.#schedule.chance(RESTAMPS_PER_CHANGE / (1 + RESTAMPS_PER_CHANGE))) restamp(title, at);
      else this.#step(title, at);
      this.#scheduleAfter(at);
    }
  }

  #step(title: LivingTitle, at: number): TitleState {
    const before = currentState(title);
    if (!before.known) return before;
    const random = createRandom(this.#options.seed, title.licensor, title.alid, before.step + 1);
    const next = nextStep({ today: title.today, offers: before.offers }, random, this.#options.rules);
    title.today = next.today;
    const state = this.#record(title, at, { event: next.event, known: true, offers: next.offers });
    // A change sometimes re-stamps the title's other offers too.
    if (random.chance(RESTAMPS_PER_CHANGE)) restamp(title, at);
    return state;
  }

  #record(title: LivingTitle, at: number, change: Pick<TitleState, 'event' | 'known' | 'offers'>): TitleState {
    const before = currentState(title);
    for (const offer of change.offers) {
      if (!before.offers.includes(offer)) title.stamps.set(offerKey(offer), at);
    }
    const state: TitleState = { step: before.step + 1, at, ...change };
    title.states.push(state);
    return state;
  }

  #startChanging(title: LivingTitle): void {
    if (title.position >= 0) return;
    title.position = this.#changing.push(title) - 1;
    this.#scheduleAfter(this.#options.clock.now());
  }

  #stopChanging(title: LivingTitle): void {
    const last = this.#changing.at(-1);
    if (title.position < 0 || !last) return;
    this.#changing[title.position] = last;
    last.position = title.position;
    this.#changing.pop();
    title.position = -1;
    this.#scheduleAfter(this.#options.clock.now());
  }

  /** Draws the next change anew. A Poisson process has no memory, so doing so early does not bend the tempo. */
  #scheduleAfter(time: number): void {
    const titles = this.#changing.length;
    const perMinute = (this.#tempo ?? titles * DEFAULT_CHANGES_PER_TITLE) * (1 + RESTAMPS_PER_CHANGE);
    const isFrozen = titles === 0 || perMinute === 0;
    this.#nextChangeAt = isFrozen ? Number.POSITIVE_INFINITY : time + this.#schedule.exponential(60_000 / perMinute);
  }
}

export function currentState(title: LivingTitle): TitleState {
  const state = title.states.at(-1);
  if (!state) throw new Error('A title has at least the state it was born with.');
  return state;
}

function resumed({ today, stamps, ...state }: SavedTitle): Pick<LivingTitle, 'today' | 'states' | 'stamps'> {
  return { today, states: [{ ...state, event: 'resumed' }], stamps: new Map(stamps) };
}

function restamp(title: LivingTitle, at: number): void {
  for (const offer of currentState(title).offers) title.stamps.set(offerKey(offer), at);
}

function keyOf({ licensor, alid }: TitleId): string {
  return `${licensor}\u0000${alid}`;
}
