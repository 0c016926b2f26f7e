import { amazonSpApi } from './amazon-sp-api.ts';
import { officialSdk } from './official-sdk.ts';
import type { Peer } from './peer.ts';
import { spApiSdk } from './sp-api-sdk.ts';

export const PEERS: readonly Peer[] = [amazonSpApi, spApiSdk, officialSdk];
