// Compiled, never run: what a program in TypeScript may write.
import { RefreshClient, RefreshError, RefreshResult, TokenRefreshError, withLease } from '../';

async function use(workos: { refresh(token: string): Promise<{ accessToken: string; refreshToken: string; user: { id: string } }> }) {
  const client = new RefreshClient({ clientId: 'client_1', apiKey: 'sk', deadline: 5_000, wait: 'poll', logLevel: 'none' });
  const result: RefreshResult = await client.refresh('token', { organizationId: null, signal: AbortSignal.timeout(1_000) });
  const body: Buffer = result.body;
  const next: string | undefined = result.refreshToken;
  await client.refresh('token', { perform: ({ refreshToken }) => workos.refresh(refreshToken), lease: 60_000 });
  await client.refresh('token', { perform: async () => ({ status: 200, headers: { 'x-request-id': 'r' }, body }) });
  await client.refresh('token', { perform: () => '{}', context: { userId: 'u', sessionId: 's' } });
  // @ts-expect-error a misspelt option
  await client.refresh('token', { organisationId: 'org' });
  // @ts-expect-error perform must return something
  await client.refresh('token', { perform: () => undefined });
  // @ts-expect-error clientId is required
  new RefreshClient({});
  // @ts-expect-error results come from refresh
  new RefreshResult();
  client.close();
  return [next, RefreshClient.libraryVersion, client.counts.hits, client.directory];
}

function explain(error: unknown): string | undefined {
  if (error instanceof RefreshError) return error.retryable ? `${error.retryAfter ?? 0}` : error.code;
  if (error instanceof TokenRefreshError) return error.userId;
  return undefined;
}

interface User {
  id: string;
}

class Core {
  async refreshTokens(refreshToken: string, organizationId?: string, context?: { userId?: string; sessionId?: string }) {
    return { accessToken: refreshToken, refreshToken, user: { id: organizationId ?? '' } as User, impersonator: undefined };
  }
  other() {
    return 1;
  }
}

async function guard(client: RefreshClient) {
  const core: Core = withLease(new Core(), client, { TokenRefreshError });
  const { refreshTokens } = withLease(new Core().refreshTokens, client);
  return [core.other(), (await refreshTokens('a', 'org')).accessToken];
}

export { explain, guard, use };
