import { X509Certificate, createPrivateKey } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generate, type CertificateExtension } from 'selfsigned';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface Pki {
  /** The certificate authority's certificate, PEM. Its key stays in the directory. */
  ca: string;
  server: KeyPair;
  clients: ReadonlyMap<string, KeyPair>;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const LEAF_DAYS = 365;
/** A certificate this close to its end is replaced rather than re-used. */
const MIN_REMAINING_DAYS = 7;

/**
 * Loads the simulator's certificates from a directory, making those that are missing, damaged, about to expire or
 * signed by another authority. Files: `ca.pem`, `ca.key`, `server.pem`, `server.key`, `clients/<account>.pem|.key`.
 * Keys are readable by the owner only. One process at a time should own a directory.
 */
export async function loadOrCreatePki(directory: string, accounts: readonly string[]): Promise<Pki> {
  await mkdir(path.join(directory, 'clients'), { recursive: true, mode: 0o700 });
  const ca = await reuseOrIssue(
    path.join(directory, 'ca'),
    (pair) => isCurrent(pair) && isAuthority(pair),
    () => issue('Offer Relay simulator CA', CA_DAYS, AUTHORITY_EXTENSIONS),
  );
  const signedByCa = (pair: KeyPair): boolean => isCurrent(pair) && isSignedBy(pair, ca);
  const server = await reuseOrIssue(path.join(directory, 'server'), signedByCa, () =>
    issue('localhost', LEAF_DAYS, SERVER_EXTENSIONS, ca),
  );
  const clients = new Map<string, KeyPair>();
  for (const account of accounts) {
    const pair = await reuseOrIssue(path.join(directory, 'clients', account), signedByCa, () =>
      issue(account, LEAF_DAYS, CLIENT_EXTENSIONS, ca),
    );
    clients.set(account, pair);
  }
  return { ca: ca.cert, server, clients };
}

const AUTHORITY_EXTENSIONS: CertificateExtension[] = [
  { name: 'basicConstraints', cA: true, critical: true },
  { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
];
const SERVER_EXTENSIONS: CertificateExtension[] = [
  { name: 'basicConstraints', cA: false, critical: true },
  { name: 'keyUsage', digitalSignature: true, critical: true },
  { name: 'extKeyUsage', serverAuth: true },
  {
    name: 'subjectAltName',
    altNames: [
      { type: 7, ip: '127.0.0.1' },
      { type: 2, value: 'localhost' },
    ],
  },
];
const CLIENT_EXTENSIONS: CertificateExtension[] = [
  { name: 'basicConstraints', cA: false, critical: true },
  { name: 'keyUsage', digitalSignature: true, critical: true },
  { name: 'extKeyUsage', clientAuth: true },
];

async function issue(
  commonName: string,
  days: number,
  extensions: CertificateExtension[],
  ca?: KeyPair,
): Promise<KeyPair> {
  // A day's margin: the clock of a container may lag behind its host's.
  const notBeforeDate = new Date(Date.now() - DAY_MS);
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate: new Date(notBeforeDate.getTime() + days * DAY_MS),
    extensions,
    ...(ca && { ca }),
  });
  return { cert: made.cert, key: made.private };
}

async function reuseOrIssue(
  stem: string,
  isValid: (pair: KeyPair) => boolean,
  make: () => Promise<KeyPair>,
): Promise<KeyPair> {
  const found = await readPair(stem);
  if (found && isValid(found)) {
    await chmod(`${stem}.key`, 0o600);
    return found;
  }
  const made = await make();
  await writeAtomically(`${stem}.key`, made.key, 0o600);
  await writeAtomically(`${stem}.pem`, made.cert, 0o644);
  return made;
}

async function readPair(stem: string): Promise<KeyPair | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(`${stem}.pem`, 'utf8'), readFile(`${stem}.key`, 'utf8')]);
    return { cert, key };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file whole or not at all, with its mode from the first byte on. */
export async function writeAtomically(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, file);
}

function isCurrent({ cert, key }: KeyPair): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const now = Date.now();
    return (
      certificate.validFromDate.getTime() <= now &&
      certificate.validToDate.getTime() >= now + MIN_REMAINING_DAYS * DAY_MS &&
      certificate.checkPrivateKey(createPrivateKey(key))
    );
  } catch {
    // Not PEM, or cut off: as good as missing.
    return false;
  }
}

function isAuthority({ cert }: KeyPair): boolean {
  return new X509Certificate(cert).ca;
}

function isSignedBy(pair: KeyPair, ca: KeyPair): boolean {
  const authority = new X509Certificate(ca.cert);
  const certificate = new X509Certificate(pair.cert);
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}
