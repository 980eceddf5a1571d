import type { Refusal } from "./contract";

/** A refusal of the server's, or that it could not be asked (status 0). The message is a sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** Called with each answer that says that the session is over. */
let onExpired: () => void = () => undefined;
export function whenExpired(listener: () => void): void {
  onExpired = listener;
}

export const base = "/dashboard/api/";

async function request(method: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(base + path, {
      method,
      headers: method === "GET" ? {} : { "x-tributary-dashboard": "1", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "UNREACHABLE", "The server does not answer. Is tributary serve running, and the network up?");
  }
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  if (refusal.code === "SESSION_EXPIRED" || refusal.code === "SESSION_REQUIRED") onExpired();
  throw refusal;
}

async function refusalOf(response: Response): Promise<ApiError> {
  try {
    const { code, error, details } = (await response.json()) as Refusal;
    return new ApiError(response.status, code, error, details);
  } catch {
    return new ApiError(response.status, "UNKNOWN", `The server answered ${response.status} ${response.statusText}`);
  }
}

/** Throws ApiError, or what the signal throws. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request("GET", path, undefined, signal)).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
  return (await request("POST", path, body, signal)).json() as Promise<T>;
}

/** For what is not JSON. */
export async function postForBlob(path: string, body: unknown, signal?: AbortSignal): Promise<Blob> {
  return (await request("POST", path, body, signal)).blob();
}

export async function remove(path: string): Promise<void> {
  await request("DELETE", path, undefined, undefined);
}

/** A path of encoded parts, with the parameters that are not empty. */
export function path(parts: readonly string[], params: Readonly<Record<string, string | number | null | undefined>> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return parts.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}
