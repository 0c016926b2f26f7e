import * as z from 'zod';
import { ControlError, type ControlRequest, type ControlRoute } from '../control-server.ts';
import type { LivingTitle, LivingTitles } from './living-titles.ts';
import { currentState } from './living-titles.ts';
import { MARKETPLACES, TitleMeaning, type TitleId, type TitleState } from './title-state.ts';

const NewTitles = z.array(
  z.object({ licensor: z.string().min(1), alid: z.string().min(1), marketplace: z.enum(MARKETPLACES).optional() }),
);
const Tempo = z.strictObject({ tempo: z.number().min(0).nullable() });

export interface TitleTruth extends TitleId {
  marketplace: string;
  states: readonly TitleState[];
}

/** The control operations that belong to the Offer Status API: titles, their lives and the truth about them. */
export function offerStatusControl(titles: LivingTitles): ControlRoute[] {
  const titlePath = '/control/titles/:licensor/:alid';
  return [
    {
      method: 'POST',
      path: '/control/titles',
      handle: ({ body }) => {
        const wanted = NewTitles.parse(body);
        const added = wanted.filter((title) => titles.add(title)).length;
        return { status: 201, body: { added, existing: wanted.length - added } };
      },
    },
    {
      method: 'POST',
      path: `${titlePath}/advance`,
      handle: (request) => {
        const title = find(titles, request);
        if (!currentState(title).known) throw new ControlError(409, 'A deleted title has no next step; set it first.');
        return { body: titles.advance(title) };
      },
    },
    {
      method: 'PUT',
      path: titlePath,
      handle: (request) => {
        const { offers } = TitleMeaning.parse(request.body);
        return { body: titles.set(findOrAdd(titles, idOf(request)), offers) };
      },
    },
    {
      method: 'DELETE',
      path: titlePath,
      handle: (request) => {
        const title = find(titles, request);
        return { body: currentState(title).known ? titles.forget(title) : currentState(title) };
      },
    },
    {
      method: 'GET',
      path: '/control/truth',
      handle: ({ query }) => ({ body: { titles: truths(titles, query.get('licensor'), query.get('alid')) } }),
    },
    {
      method: 'PUT',
      path: '/control/tempo',
      handle: ({ body }) => {
        const { tempo } = Tempo.parse(body);
        titles.setTempo(tempo ?? undefined);
        return { body: { tempo } };
      },
    },
  ];
}

function truths(titles: LivingTitles, licensor: string | null, alid: string | null): TitleTruth[] {
  if (licensor !== null && alid !== null) {
    const title = titles.find({ licensor, alid });
    if (!title) throw new ControlError(404, 'There never was such a title.');
    return [truth(title)];
  }
  return [...titles.all()]
    .filter((title) => (licensor === null || title.licensor === licensor) && (alid === null || title.alid === alid))
    .map(truth);
}

function truth({ licensor, alid, marketplace, states }: LivingTitle): TitleTruth {
  return { licensor, alid, marketplace, states };
}

function idOf({ params }: ControlRequest): TitleId {
  return { licensor: params['licensor'] ?? '', alid: params['alid'] ?? '' };
}

function find(titles: LivingTitles, request: ControlRequest): LivingTitle {
  const title = titles.find(idOf(request));
  if (!title) throw new ControlError(404, 'There is no such title.');
  return title;
}

function findOrAdd(titles: LivingTitles, id: TitleId): LivingTitle {
  titles.add(id);
  const title = titles.find(id);
  if (!title) throw new Error('A title that was just added is missing.');
  return title;
}
