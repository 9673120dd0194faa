/// <reference types="node" />

/** What a client is made with. All times are in milliseconds. */
export interface RefreshClientOptions {
  /** The OAuth client identifier: part of what makes two refreshes the same. */
  clientId: string;
  /** The API key, for refreshes without `perform`. Default: none, a public client. */
  apiKey?: string;
  /** The WorkOS API. Default: https://api.workos.com. http only for loopback hosts. */
  baseUrl?: string;
  /** The token endpoint of another provider, instead of `baseUrl`; refreshes then need `perform`. */
  tokenEndpoint?: string;
  /** A file of PEM certificates for refreshes without `perform`. Default: the system's. */
  caBundle?: string;
  /** Where the workers meet. Default: `REFRESHD_DIRECTORY`, else /run/refreshd where it exists, else
   * $XDG_RUNTIME_DIR/refreshd, else /dev/shm/refreshd-UID. All workers must use the same one. */
  directory?: string;
  /** How long one call of the built-in upstream may take. Default: 10,000. */
  requestTimeout?: number;
  /** How long a lease lasts; longer than `requestTimeout`. Default: 12,000. */
  lease?: number;
  /** How long a result stays for callers that arrive late. Default: 30,000. */
  resultRetention?: number;
  /** How long a terminal failure answers new callers. Default: 5,000. */
  terminalFailureRetention?: number;
  /** How long a refresh may take unless it says otherwise. Default: 30,000. */
  deadline?: number;
  /** Size of the table for whoever makes it, in bytes, a multiple of 4,096. Default: 1 GiB. */
  mapSize?: number;
  /** Whether to wait on named pipes, or by polling. Default: pipes. */
  wait?: 'pipes' | 'poll';
  /** Whether a refresh fails when the table does, rather than being made without it. Default: false. */
  failsWithoutTable?: boolean;
  /** What goes to standard error; never a token. Default: warning. */
  logLevel?: 'none' | 'error' | 'warning' | 'notice' | 'info';
}

/** For whom a refresh is made: named in its errors, and nowhere else. */
export interface RefreshContext {
  userId?: string;
  sessionId?: string;
}

/** What `perform` is to refresh. */
export interface PerformRequest {
  refreshToken: string;
  organizationId?: string;
  scope?: string;
  resource?: string;
  audience?: string;
  /** Aborted two seconds before the lease ends, when somebody else may take over. Never by the caller's signal. */
  signal: AbortSignal;
}

/** An answer of any status, in parts. */
export interface UpstreamAnswer {
  status: number;
  headers?: Record<string, unknown> | { get(name: string): string | null };
  body?: Uint8Array | ArrayBuffer | string | object | null;
}

/** What the official SDK returns; published as WorkOS's own JSON. */
export interface SDKAuthenticationResponse {
  accessToken: string;
  refreshToken?: string;
  user?: object;
}

/** A Response of fetch, as far as it is used. */
export interface FetchResponse {
  status: number;
  headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The body of a 200 (bytes, text or object), what the official SDK returned, or an answer of any status. */
export type PerformResult =
  | Uint8Array
  | ArrayBuffer
  | string
  | FetchResponse
  | UpstreamAnswer
  | SDKAuthenticationResponse
  | { access_token: string };

/** Calls the upstream, once. */
export type Perform = (request: PerformRequest) => PerformResult | Promise<PerformResult>;

/** How to refresh. All times are in milliseconds. */
export interface RefreshOptions {
  /** The organization to switch to. Default: none, stay. */
  organizationId?: string | null;
  /** For providers that take them; like the organization, part of what makes two refreshes the same. */
  scope?: string;
  resource?: string;
  audience?: string;
  /** Of the end user, for refreshes without `perform`. */
  ipAddress?: string;
  userAgent?: string;
  deviceId?: string;
  /** The program's own upstream call. Default: the library's own, to WorkOS. */
  perform?: Perform;
  /** Whether a 429 is waited out and `perform` called once more. Default: true where it returned the 429 as an answer,
   * false where it threw it, as SDKs do that have tried again themselves. */
  retry?: boolean;
  /** How long this call may take. Default: the client's. */
  deadline?: number;
  /** How long the lease lasts if this caller becomes the holder: longer than `perform` can take. Default: the
   * client's. */
  lease?: number;
  /** Leaves the refresh: the promise is rejected with the signal's reason. A call under way goes on, for the others. */
  signal?: AbortSignal;
  context?: RefreshContext;
}

/** A refresh that succeeded. */
export class RefreshResult {
  private constructor();
  /** The upstream's answer, the same bytes for every caller. */
  readonly body: Buffer;
  /** The answer, parsed. */
  readonly data: Record<string, unknown>;
  readonly accessToken: string;
  /** Absent where the provider does not rotate. */
  readonly refreshToken: string | undefined;
  /** The user as WorkOS sent it: with `first_name` and so on. */
  readonly user: Record<string, unknown> | undefined;
  readonly organizationId: string | undefined;
  readonly impersonator: { email: string; reason: string | null } | undefined;
  /** X-Request-ID of the answer. */
  readonly requestId: string | undefined;
}

export type RefreshErrorCode =
  | 'SESSION_ENDED'
  | 'UPSTREAM_FAILED'
  | 'DEADLINE_EXCEEDED'
  | 'COORDINATION_FAILED'
  | 'DIRECTORY_UNUSABLE'
  | 'INVALID_ARGUMENT'
  | 'STALE_HANDLE'
  | 'LEASE_LOST'
  | 'RESOURCES_EXHAUSTED';

/** Why a refresh failed. Its message never holds a token. */
export class RefreshError extends Error {
  readonly name: 'RefreshError';
  readonly code: RefreshErrorCode;
  /** In WorkOS's words: `invalid_grant`, `rate_limit_exceeded`, `timeout`, `network_error`, `server_error`, … */
  readonly reason: string | undefined;
  /** Whether a later try with the same token may succeed; where not, the user signs in again. */
  readonly retryable: boolean;
  /** Seconds that the upstream asked to wait. */
  readonly retryAfter: number | undefined;
  /** HTTP status of the upstream's answer. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Whether the token may have been rotated although no answer came. */
  readonly mayHaveRotated: boolean;
  /** The body of the answer that failed. */
  readonly body: Buffer | undefined;
  /** This caller's own context. */
  readonly context: RefreshContext | undefined;
  /** What `perform` threw. */
  readonly cause?: unknown;
}

/** What happened in this process, through this client's directory. */
export interface RefreshCounts {
  /** Calls of the library's own upstream. */
  upstreamCalls: number;
  /** Leases taken (a call of the library's own upstream takes two); of these, from a holder that died or hung. */
  claims: number;
  takeovers: number;
  /** Results found stored. */
  hits: number;
  /** Refreshes made without a lease, since the table failed; failures of the table. */
  refreshedAlone: number;
  coordinationFailures: number;
}

/** Refreshes each token once, together with all other workers of the machine, in whatever language. */
export class RefreshClient {
  /** Opens no file and starts no thread. Throws RefreshError for options that cannot be. */
  constructor(options: RefreshClientOptions);
  /** Refreshes, waits for whoever does, or finds what was refreshed moments ago. Never blocks the event loop. Rejects
   * with RefreshError; with the signal's reason; or with what `perform` threw, where that says nothing of the
   * upstream. */
  refresh(refreshToken: string, options?: RefreshOptions): Promise<RefreshResult>;
  /** Where the workers meet. */
  readonly directory: string;
  readonly counts: RefreshCounts;
  /** Gives the client back. Refreshes under way end as they would have. */
  close(): void;
  static readonly libraryVersion: string;
}

/** authkit-session's result of refreshTokens. */
export interface RefreshedTokens<User = Record<string, unknown>, Impersonator = { email: string; reason: string | null }> {
  accessToken: string;
  refreshToken: string;
  user: User;
  impersonator: Impersonator | undefined;
}

/** refreshTokens of authkit-session's AuthKitCore. */
export type RefreshTokens = (
  refreshToken: string,
  organizationId?: string,
  context?: RefreshContext,
) => Promise<RefreshedTokens<any, any>>;

/** authkit-session's error, with whose session it was, and what was wrong as its cause. */
export class TokenRefreshError extends Error {
  constructor(message: string, cause?: unknown, context?: RefreshContext);
  readonly userId: string | undefined;
  readonly sessionId: string | undefined;
  readonly cause?: unknown;
  /** Those of the cause. */
  readonly retryable: boolean;
  readonly reason: string | undefined;
}

export interface WithLeaseOptions {
  /** Longer than the upstream call can take. Default: 430,000, which outlasts the official SDK's tries. */
  lease?: number;
  /** How long a caller waits. Default: the client's. */
  deadline?: number;
  /** authkit-session's own class, for `instanceof`. Default: this package's. */
  TokenRefreshError?: new (message: string, cause?: unknown, context?: RefreshContext) => Error;
}

/** Gives refreshTokens of an AuthKitCore the guarantee: the object's method is replaced, and the object returned. */
export function withLease<Core extends { refreshTokens: RefreshTokens }>(
  core: Core,
  client: RefreshClient,
  options?: WithLeaseOptions,
): Core;
/** Gives a function like it the guarantee. */
export function withLease(
  refresh: RefreshTokens,
  client: RefreshClient,
  options?: WithLeaseOptions,
): { refreshTokens: RefreshTokens };
