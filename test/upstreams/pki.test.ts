import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadOrCreatePki } from '../../local/upstreams/pki.ts';
import { temporaryDirectory } from './running-simulator.ts';

describe("the simulator's certificates", () => {
  it('are made once and re-used afterwards', async () => {
    const directory = await temporaryDirectory();
    const made = await loadOrCreatePki(directory, ['one', 'two']);
    expect(await loadOrCreatePki(directory, ['one', 'two'])).toEqual(made);
  });

  it('name the loopback address and localhost, and are signed by an authority of their own', async () => {
    const { ca, server, clients } = await loadOrCreatePki(await temporaryDirectory(), ['one']);
    const authority = new X509Certificate(ca);
    const serving = new X509Certificate(server.cert);
    expect(authority.ca).toBe(true);
    expect(serving.ca).toBe(false);
    expect(serving.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(serving.checkHost('localhost')).toBe('localhost');
    for (const cert of [server.cert, clients.get('one')?.cert ?? '']) {
      expect(new X509Certificate(cert).verify(authority.publicKey)).toBe(true);
    }
    expect(new X509Certificate(clients.get('one')?.cert ?? '').subject).toBe('CN=one');
  });

  it('keep their private keys to their owner, also when somebody opened them up', async () => {
    const directory = await temporaryDirectory();
    await loadOrCreatePki(directory, ['one']);
    const keys = ['ca.key', 'server.key', 'clients/one.key'].map((file) => path.join(directory, file));
    const modes = async (): Promise<number[]> =>
      await Promise.all(keys.map(async (file) => (await stat(file)).mode & 0o777));
    expect(await modes()).toEqual([0o600, 0o600, 0o600]);
    for (const file of keys) await chmod(file, 0o644);
    await loadOrCreatePki(directory, ['one']);
    expect(await modes()).toEqual([0o600, 0o600, 0o600]);
  });

  it('are made anew when damaged, without touching those that are sound', async () => {
    const directory = await temporaryDirectory();
    const before = await loadOrCreatePki(directory, ['one', 'two']);
    const damaged = path.join(directory, 'clients', 'one.pem');
    await writeFile(damaged, (await readFile(damaged, 'utf8')).slice(0, 100));
    const after = await loadOrCreatePki(directory, ['one', 'two']);
    expect(after.clients.get('one')).not.toEqual(before.clients.get('one'));
    expect(after.clients.get('two')).toEqual(before.clients.get('two'));
    expect(after.ca).toBe(before.ca);
  });

  it('are all made anew when their authority is another one', async () => {
    const directory = await temporaryDirectory();
    const before = await loadOrCreatePki(directory, ['one']);
    const other = await temporaryDirectory();
    await loadOrCreatePki(other, []);
    for (const file of ['ca.pem', 'ca.key'])
      await writeFile(path.join(directory, file), await readFile(path.join(other, file)));
    const after = await loadOrCreatePki(directory, ['one']);
    expect(after.server).not.toEqual(before.server);
    expect(new X509Certificate(after.server.cert).verify(new X509Certificate(after.ca).publicKey)).toBe(true);
  });
});
