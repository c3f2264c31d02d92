// Requests to the server this page came from, with the key it may ask for.
import { browserStorage } from '../storage';
import { words } from '../strings';

const keyName = 'paceline.key';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// What a header can carry; browsers send no request that has others.
export const isKey = (key: string) => /^[\x20-\x7e]*$/.test(key);

function keptKey(): string {
  const key = browserStorage.get(keyName) ?? '';
  return isKey(key) ? key : '';
}

export const apiKey = {
  get: keptKey,
  set: (key: string) => browserStorage.set(keyName, key),
};

async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text) as { error?: { message?: string } | string };
    const error = body.error;
    return (typeof error === 'string' ? error : error?.message) ?? text;
  } catch {
    return text || words.errorStatus(response.status);
  }
}

export async function call(path: string, options: { body?: unknown; method?: string; signal?: AbortSignal } = {}): Promise<Response> {
  const headers: Record<string, string> = {};
  if (apiKey.get()) headers['Authorization'] = `Bearer ${apiKey.get()}`;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal ?? null,
      cache: 'no-store',
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, words.errorNoServer);
  }
  if (!response.ok) throw new ApiError(response.status, await messageOf(response));
  return response;
}

export async function callJson<T>(path: string, options: { body?: unknown; signal?: AbortSignal } = {}): Promise<T> {
  return (await call(path, options)).json() as Promise<T>;
}
