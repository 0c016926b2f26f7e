import https from 'node:https';

/** A connection's options as `https` hands them to its agent. */
type Connecting = Parameters<https.Agent['createConnection']>[0];

/**
 * Sends what a library means for some hosts to servers elsewhere, without changing a line of it: its connections are made
 * by the process's default agent, and this one asks another address. Certificates are checked, against `localhost`.
 *
 * @param hosts base URLs by host name
 */
export function redirectHosts(hosts: Readonly<Record<string, string>>): void {
  class RedirectingAgent extends https.Agent {
    override createConnection(
      ...[options, done]: Parameters<https.Agent['createConnection']>
    ): ReturnType<https.Agent['createConnection']> {
      const target = hosts[options.host ?? ''];
      if (target === undefined) throw new Error(`the bench plays no host ${options.host ?? ''}`);
      const { hostname, port } = new URL(target);
      const there: Connecting = { ...options, host: hostname, port: Number(port), servername: 'localhost' };
      return super.createConnection(there, done);
    }
  }
  // Otherwise as Node has it.
  const { keepAlive, timeout, scheduling } = https.globalAgent.options;
  https.globalAgent = new RedirectingAgent({ keepAlive, timeout, scheduling });
}
