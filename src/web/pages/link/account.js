// Signing in and out over HTTP. The cookie is the server's; the page never sees a token.

/** The server refused to sign in; `error` is its numbered body, or null when it could not be reached. */
export class SignInFailed extends Error {
  constructor(status, error) {
    super(error?.what ?? `status ${status}`);
    this.status = status;
    this.error = error;
  }
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  } catch {
    throw new SignInFailed(0, null);
  }
  if (answer.ok) return answer.status === 204 ? {} : answer.json().catch(() => ({}));
  throw new SignInFailed(answer.status, await answer.json().catch(() => null));
}

/** @returns {Promise<{me: object, expires_in: number}>} */
export async function signIn(login, password, device) {
  const session = await post('/web/sign_in', { login, password, device_id: device.device_id, device_kind: 'browser', device_name: device.device_name });
  localStorage.setItem(SIGNED_IN, '1');
  return session;
}

export function signOut() {
  localStorage.removeItem(SIGNED_IN);
  return post('/web/sign_out', {});
}

/** Remembers that this browser has a cookie, so that a first visit need not ask the server and be refused. */
const SIGNED_IN = 'clarion.signed_in';

/** Who is signed in, or null. A cookie that is too old is refreshed first. */
export async function currentSession() {
  if (!localStorage.getItem(SIGNED_IN)) return null;
  let answer = await fetch('/web/session');
  if (answer.status === 401) answer = await fetch('/web/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  if (answer.status === 401) {
    localStorage.removeItem(SIGNED_IN);
    return null;
  }
  if (!answer.ok) throw new SignInFailed(answer.status, null);
  return answer.json();
}

/** The id of this browser, chosen once. `crypto.randomUUID` does not exist over plain HTTP. */
export function device() {
  let device_id = localStorage.getItem('clarion.device_id');
  if (!device_id || !/^[A-Za-z0-9_-]{16,64}$/.test(device_id)) {
    device_id = randomId();
    localStorage.setItem('clarion.device_id', device_id);
  }
  return { device_id, device_name: deviceName() };
}

/** 22 random characters of `A-Z a-z 0-9 - _`: 132 bits. */
export function randomId() {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => alphabet[byte & 63]).join('');
}

function deviceName() {
  const brands = navigator.userAgentData?.brands?.map((brand) => brand.brand).filter((brand) => !/Not|Brand/.test(brand)) ?? [];
  const browser = brands.at(-1) ?? /(Firefox|Edg|Chrome|Safari)/.exec(navigator.userAgent)?.[1] ?? 'Browser';
  const system = navigator.userAgentData?.platform ?? /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(navigator.userAgent)?.[1] ?? '';
  return system ? `${browser} · ${system}` : browser;
}
