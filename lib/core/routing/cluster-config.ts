/**
 * Reads the configuration a Membase or Couchbase cluster sends, over HTTP, on request or in the body of
 * a "not my vbucket" reply, into a value: the servers, who owns what, and how new it is.
 *
 * Invariant: what is returned can be routed by without another check. Anything else is refused as a whole,
 * with a sentence; there is no half of a configuration. Fetching and framing belong to discovery.
 */
import { formatAddress } from '../base/address.js';
import { MemcachedProtocolError } from '../base/errors.js';
import { MAX_REPLICAS, MAX_VBUCKETS, VbucketMap, type VbucketRow } from './vbucket-map.js';

/** One data server. Ports are those the configuration names; the others are `undefined`. */
export interface ClusterServer {
  /** Without brackets. */
  readonly host: string;
  /** Port of the memcached protocol, unencrypted. */
  readonly port: number;
  /** Port of the memcached protocol over TLS. */
  readonly tlsPort: number | undefined;
  /** Port of the HTTP interface that serves configurations. */
  readonly managementPort: number | undefined;
  readonly managementTlsPort: number | undefined;
}

/** How new a configuration is. Epochs came late and are 0 before. */
export interface Revision {
  readonly epoch: number;
  readonly rev: number;
}

interface ConfigBase {
  /** Name of the bucket; `undefined` for a bare map. */
  readonly bucket: string | undefined;
  /** `undefined` from clusters before revisions were numbered (Membase 1.x). */
  readonly revision: Revision | undefined;
}

export type ClusterConfig =
  | (ConfigBase & {
      readonly locator: 'vbucket';
      /** The index space of the map. */
      readonly servers: readonly ClusterServer[];
      readonly map: VbucketMap;
    })
  | (ConfigBase & {
      readonly locator: 'ketama';
      /** In the order of their names, as libvbucket sorts them. */
      readonly servers: readonly ClusterServer[];
      readonly map?: undefined;
    });

/**
 * @param host - the address the configuration came from, without brackets: `$HOST` stands for it
 * @throws MemcachedProtocolError saying what about it cannot be used.
 */
export function parseClusterConfig(text: string, host: string): ClusterConfig {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const spelled = JSON.stringify(bracketed).slice(1, -1);
  let config: unknown;
  try {
    config = JSON.parse(text.replaceAll('$HOST', () => spelled));
  } catch (cause) {
    throw new MemcachedProtocolError('The cluster configuration cannot be used: it is not JSON.', { cause });
  }
  if (!isRecord(config)) throw refused(undefined, 'it is not an object');
  const bucket = typeof config.name === 'string' ? config.name : undefined;
  const revision = readRevision(config, bucket);
  const envelope = config.vBucketServerMap;
  switch (config.nodeLocator) {
    case 'ketama':
      return { bucket, revision, locator: 'ketama', servers: readKetamaServers(config, bucket) };
    case 'vbucket':
    case undefined: {
      // libvbucket also takes a map without the envelope around it.
      const body = envelope ?? (config.nodeLocator === undefined ? config : undefined);
      if (!isRecord(body) || body.vBucketMap === undefined) {
        throw refused(bucket, 'it has no vBucketServerMap (configurations of no bucket have none)');
      }
      const servers = readServerList(body.serverList, config, bucket);
      return { bucket, revision, locator: 'vbucket', servers, map: readMap(body, servers.length, bucket) };
    }
    default:
      throw refused(
        bucket,
        `its nodeLocator is ${show(config.nodeLocator)}; "vbucket" and "ketama" are known`,
      );
  }
}

/**
 * Whether `candidate` is to replace `current`: its (epoch, rev) is greater, or one of them has none, as with
 * Membase 1.x, which only ever sends the newest.
 */
export function isNewerConfig(candidate: ClusterConfig, current: ClusterConfig | undefined): boolean {
  if (current?.revision === undefined || candidate.revision === undefined) return true;
  const { epoch, rev } = current.revision;
  return candidate.revision.epoch === epoch ? candidate.revision.rev > rev : candidate.revision.epoch > epoch;
}

function readRevision(config: JsonRecord, bucket: string | undefined): Revision | undefined {
  const { rev, revEpoch = 0 } = config;
  if (rev === undefined) return undefined;
  if (!isWhole(rev) || !isWhole(revEpoch)) {
    throw refused(bucket, `rev ${show(rev)} and revEpoch ${show(revEpoch)} must be whole numbers`);
  }
  return { epoch: revEpoch, rev };
}

function readMap(body: JsonRecord, servers: number, bucket: string | undefined): VbucketMap {
  if (body.hashAlgorithm !== 'CRC') {
    throw refused(bucket, `its hashAlgorithm is ${show(body.hashAlgorithm)}; only "CRC" is known`);
  }
  const replicas = body.numReplicas;
  if (!isWhole(replicas) || replicas > MAX_REPLICAS) {
    throw refused(
      bucket,
      `numReplicas is ${show(replicas)}; it must be a whole number from 0 to ${MAX_REPLICAS}`,
    );
  }
  const rows = readRows(body.vBucketMap, 'vBucketMap', servers, bucket);
  const size = rows.length;
  if (size < 1 || size > MAX_VBUCKETS || (size & (size - 1)) !== 0) {
    throw refused(bucket, `vBucketMap has ${size} rows; it must be a power of two from 1 to ${MAX_VBUCKETS}`);
  }
  if (body.vBucketMapForward === undefined) return VbucketMap.of(servers, replicas, rows);
  const forward = readRows(body.vBucketMapForward, 'vBucketMapForward', servers, bucket);
  if (forward.length !== size) {
    throw refused(bucket, `vBucketMapForward has ${forward.length} rows and vBucketMap ${size}`);
  }
  return VbucketMap.of(servers, replicas, rows, forward);
}

function readRows(
  given: unknown,
  field: string,
  servers: number,
  bucket: string | undefined,
): readonly VbucketRow[] {
  if (!Array.isArray(given)) throw refused(bucket, `${field} is not a list`);
  for (const [i, row] of given.entries()) {
    if (!Array.isArray(row) || row.length === 0) {
      throw refused(bucket, `${field}[${i}] is not a list of at least a master`);
    }
    for (const server of row) {
      if (Number.isInteger(server) && server >= -1 && server < servers) continue;
      throw refused(bucket, `${field}[${i}] names server ${show(server)} of ${servers}`);
    }
  }
  return given as VbucketRow[];
}

function readServerList(
  given: unknown,
  config: JsonRecord,
  bucket: string | undefined,
): readonly ClusterServer[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > 32_767) {
    throw refused(bucket, 'serverList is not a list of 1 to 32767 servers');
  }
  const nodes = readNodes(config);
  const names = new Set<string>();
  return given.map((entry, i) => {
    const address = typeof entry === 'string' ? splitHostPort(entry) : undefined;
    if (address?.port === undefined) {
      throw refused(bucket, `serverList[${i}] is ${show(entry)} instead of "host:port"`);
    }
    const server = { host: address.host, port: address.port };
    const name = formatAddress(server);
    if (names.has(name)) throw refused(bucket, `serverList names ${name} twice`);
    names.add(name);
    return { ...server, ...portsOf(server, nodes) };
  });
}

/** libvbucket takes every node into the ring, healthy or not. */
function readKetamaServers(config: JsonRecord, bucket: string | undefined): readonly ClusterServer[] {
  if (!Array.isArray(config.nodes) || config.nodes.length === 0) {
    throw refused(bucket, 'it has no nodes');
  }
  const known = readNodes(config);
  const servers = config.nodes.map((entry, i) => {
    const node = readNode(entry);
    if (node?.host === undefined || node.port === undefined) {
      throw refused(bucket, `nodes[${i}] has no hostname or no ports.direct`);
    }
    const server = { host: node.host, port: node.port };
    return { name: formatAddress(server), ...server, ...portsOf(server, known) };
  });
  servers.sort((a, b) => (a.name < b.name ? -1 : 1));
  return servers.map(({ name, ...server }, i) => {
    if (servers[i + 1]?.name === name) throw refused(bucket, `nodes names ${name} twice`);
    return server;
  });
}

// ---- nodes and nodesExt: what else is known about a server ----

type KnownNode = Partial<ClusterServer>;

interface KnownNodes {
  /** `nodes`: everywhere, without the ports of TLS. */
  readonly plain: readonly KnownNode[];
  /** `nodesExt`: since Couchbase 3.0. */
  readonly extended: readonly KnownNode[];
}

function readNodes(config: JsonRecord): KnownNodes {
  const list = (given: unknown, read: (entry: unknown) => KnownNode | undefined) =>
    Array.isArray(given) ? given.map(read).filter((node) => node !== undefined) : [];
  return { plain: list(config.nodes, readNode), extended: list(config.nodesExt, readExtendedNode) };
}

function readNode(given: unknown): KnownNode | undefined {
  if (!isRecord(given)) return undefined;
  const address = typeof given.hostname === 'string' ? splitHostPort(given.hostname) : undefined;
  const ports = isRecord(given.ports) ? given.ports : {};
  return { host: address?.host, port: toPort(ports.direct), managementPort: address?.port };
}

function readExtendedNode(given: unknown): KnownNode | undefined {
  if (!isRecord(given)) return undefined;
  const services = isRecord(given.services) ? given.services : {};
  const { hostname } = given;
  return {
    host: typeof hostname === 'string' ? unbracketed(hostname) : undefined,
    port: toPort(services.kv),
    tlsPort: toPort(services.kvSSL),
    managementPort: toPort(services.mgmt),
    managementTlsPort: toPort(services.mgmtSSL),
  };
}

function portsOf(
  server: { host: string; port: number },
  { plain, extended }: KnownNodes,
): Omit<ClusterServer, 'host' | 'port'> {
  const paired = pair(server, extended);
  return {
    tlsPort: paired?.tlsPort,
    managementPort: paired?.managementPort ?? pair(server, plain)?.managementPort,
    managementTlsPort: paired?.managementTlsPort,
  };
}

/**
 * `serverList` and the lists of nodes may differ in order, so they are paired by host and port. An entry
 * without a host (seen with Couchbase 7.0) is on the host that was asked, which may have been asked by
 * another of its names, so there the port alone decides.
 */
function pair(server: { host: string; port: number }, nodes: readonly KnownNode[]): KnownNode | undefined {
  const samePort = nodes.filter((node) => node.port === server.port);
  return (
    samePort.find((node) => node.host === server.host) ?? samePort.find((node) => node.host === undefined)
  );
}

// ---- small readers ----

type JsonRecord = Record<string, unknown>;

function isRecord(given: unknown): given is JsonRecord {
  return given !== null && typeof given === 'object' && !Array.isArray(given);
}

function isWhole(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) >= 0;
}

function toPort(given: unknown): number | undefined {
  return isWhole(given) && given >= 1 && given <= 65_535 ? given : undefined;
}

function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** Cuts at the last colon, so that `[v6]:port` and an unbracketed `v6:port` both come apart rightly. */
function splitHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match === null) return text === '' ? undefined : { host: unbracketed(text), port: undefined };
  return { host: unbracketed(match[1]!), port: toPort(Number(match[2])) };
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 60);
}

function refused(bucket: string | undefined, why: string): MemcachedProtocolError {
  const of = bucket === undefined ? '' : ` of bucket ${JSON.stringify(bucket.slice(0, 60))}`;
  return new MemcachedProtocolError(`The cluster configuration${of} cannot be used: ${why}.`);
}
