// oidc-provider (npm), a certified OpenID provider, and beside it an API that asks it about every token.
//
//   node provider.mjs .../oidc-provider/lib/index.js PORT settings.json
//
// PORT speaks plain HTTP on loopback: the provider and the API (when no certificate is given), and under /_test/ what the tests
// ask. With a certificate, provider and API are on a second port that speaks TLS and asks for a client certificate.
//
// Who may have a token, and whether a token is good, is the provider's to say. Ours are: the API and its pages, two grants that it
// does not have (RFC 7523 assertions, Zoom's account_credentials), registered with it, and the faults that a test orders.

import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [, , library, port, file] = process.argv;
const settings = JSON.parse(fs.readFileSync(file, 'utf8'));
const { Provider, errors } = await import(pathToFileURL(library));
const jose = await import(pathToFileURL(createRequire(library).resolve('jose')));

// The clock stands until a test moves it: tokens end when the test says so.
let now = Date.parse(settings.now);
Date.now = () => now;

const tokenPath = settings.token_path ?? '/token';
const log = [];
const faults = settings.faults ?? [];
/// The token that the last page of each list was given for.
const opened = new Map();
const accounts = new Set(['reader']);

const jwkOf = (key) => ({ ...key.export({ format: 'jwk' }), use: 'sig' });
const publicJwk = (pem) => jwkOf(crypto.createPublicKey(pem));

/// A client of the settings as the provider knows clients: keys and certificates are given in PEM.
function client({ public_key: key, kid, certificate, ...metadata }) {
  const keys = [];
  if (key) keys.push({ ...publicJwk(key), ...(kid && { kid }) });
  if (certificate) {
    const parsed = new crypto.X509Certificate(certificate);
    keys.push({ ...jwkOf(parsed.publicKey), x5c: [parsed.raw.toString('base64')] });
  }
  return {
    redirect_uris: [],
    response_types: [],
    ...(keys.length && { jwks: { keys } }),
    ...metadata,
  };
}

const tls = settings.tls && https.createServer({
  cert: settings.tls.cert, key: settings.tls.key, ca: settings.tls.ca, requestCert: true, rejectUnauthorized: false,
}, (req, res) => answer(req, res));
if (tls) await new Promise((listening) => { tls.listen(0, '127.0.0.1', listening); });
const issuer = tls ? `https://localhost:${tls.address().port}` : `http://127.0.0.1:${port}`;

const scopes = settings.scopes ?? ['users.read'];
const resources = settings.resources ?? {};
const certificateOf = (ctx) => ctx.req.socket.getPeerX509Certificate?.();
const provider = new Provider(issuer, {
  clients: settings.clients.map(client),
  scopes: ['openid', 'offline_access', ...scopes],
  issueRefreshToken: () => true,
  routes: { token: tokenPath },
  ttl: {
    AccessToken: settings.ttl_s ?? 3600, ClientCredentials: settings.ttl_s ?? 3600, RefreshToken: 86_400, Grant: 86_400,
  },
  clockTolerance: 0,
  jwks: { keys: [{ ...crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig' }] },
  cookies: { keys: [crypto.randomUUID()] },
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth',
    'none',
  ],
  findAccount: (_ctx, sub) => (accounts.has(sub) ? { accountId: sub, claims: () => ({ sub }) } : undefined),
  rotateRefreshToken: () => settings.rotate ?? false,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    revocation: { enabled: true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: certificateOf,
      certificateAuthorized: (ctx) => ctx.req.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
        && certificateOf(ctx).checkHost(expected, { subject: 'never' }) !== undefined,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!Object.hasOwn(resources, resource)) throw new errors.InvalidTarget();
        return { scope: resources[resource], accessTokenFormat: 'opaque' };
      },
    },
  },
});

/// Checks an assertion (RFC 7523, section 3) with the key that its issuer is registered with, and gives its claims.
async function asserted(assertion) {
  const refuse = (why) => { throw new errors.InvalidGrant(why); };
  let claims;
  try {
    claims = jose.decodeJwt(assertion ?? '');
  } catch {
    refuse('the assertion is no JWT');
  }
  const known = Object.hasOwn(settings.issuers ?? {}, claims.iss) ? settings.issuers[claims.iss] : refuse(`no issuer ${claims.iss}`);
  try {
    await jose.jwtVerify(assertion, await jose.importJWK(publicJwk(known.public_key), known.alg), {
      algorithms: [known.alg],
      audience: known.audience.replace('{issuer}', issuer).replace('{host}', new URL(issuer).host),
      currentDate: new Date(now),
      requiredClaims: ['iss', 'sub', 'aud', 'exp', ...(known.requires ?? [])],
    });
  } catch (error) {
    refuse(`${error.message}${error.code === 'ERR_JWT_EXPIRED' ? ` (exp is ${claims.exp}, the time is ${Math.floor(now / 1000)})` : ''}`);
  }
  if (known.kid && jose.decodeProtectedHeader(assertion).kid !== known.kid) refuse('no key of that kid');
  if (claims.exp > now / 1000 + known.longest_s) refuse(`exp is more than ${known.longest_s} s ahead`);
  if (claims.iat !== undefined && claims.iat > now / 1000) refuse(`iat is in the future (iat is ${claims.iat}, the time is ${Math.floor(now / 1000)})`);
  if (claims.sub !== known.sub) {
    throw known.unconsented ? new errors.CustomOIDCProviderError(known.unconsented, 'sub has not consented') : new errors.InvalidGrant('sub has not consented');
  }
  for (const [name, value] of Object.entries(known.claims ?? {})) {
    if (claims[name] !== value) refuse(`${name} is not ${value}`);
  }
  if (claims.jti !== undefined && !(await provider.ReplayDetection.unique(claims.iss, claims.jti, claims.exp))) {
    refuse('the assertion was used before');
  }
  return claims;
}

/// A token for whom an assertion speaks.
async function tokenFor(claims, owner, asked) {
  const allowed = new Set((owner.scope ?? '').split(' '));
  const wanted = (asked ?? claims.scope ?? owner.scope ?? '').split(' ').filter(Boolean);
  const beyond = wanted.find((scope) => !allowed.has(scope));
  if (beyond) throw new errors.InvalidScope('the client may not have this scope', beyond);
  const token = new provider.AccessToken({ accountId: claims.sub, client: owner, gty: 'jwt-bearer', scope: wanted.join(' ') });
  const value = await token.save();
  return { access_token: value, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope };
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
provider.registerGrantType(JWT_BEARER, async (ctx) => {
  const claims = await asserted(ctx.oidc.params.assertion);
  if (claims.iss !== ctx.oidc.client.clientId) throw new errors.InvalidGrant('the assertion is of another client');
  ctx.body = await tokenFor(claims, ctx.oidc.client, ctx.oidc.params.scope);
}, ['assertion', 'scope']);
provider.registerGrantType('account_credentials', async (ctx) => {
  if (ctx.oidc.params.account_id !== settings.account_id) throw new errors.InvalidRequest('no such account_id');
  const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope: ctx.oidc.client.scope });
  const value = await token.save();
  ctx.body = { access_token: value, token_type: 'bearer', expires_in: token.expiration, scope: token.scope };
}, ['account_id']);

const json = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', date: new Date(now).toUTCString(), ...headers });
  res.end(body === undefined ? '' : JSON.stringify(body));
};

async function bodyOf(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/// The first fault ordered for an address that ends so, and this cursor; it is used up. A token is revoked only when who sends
/// it has read a page that it opened: a token that opens nothing is another matter.
function fault(path, cursor, token) {
  const index = faults.findIndex((one) => path.endsWith(one.path) && (one.cursor ?? null) === cursor
    && (one.what !== 'revoke' || opened.get(path) === token));
  return index < 0 ? undefined : faults.splice(index, 1)[0];
}

async function found(token) {
  return (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
}

/// The token endpoint, as the provider has it; assertions that name no client (RFC 7521, section 4.1) it does not know.
async function token(req, res) {
  const text = await bodyOf(req);
  const form = new URLSearchParams(text);
  const basic = req.headers.authorization?.startsWith('Basic ') ? Buffer.from(req.headers.authorization.slice(6), 'base64').toString() : '';
  const entry = {
    path: req.url,
    grant: form.get('grant_type'),
    fields: [...form.keys()].sort(),
    by: basic ? 'basic' : form.has('client_assertion') ? 'assertion' : form.has('client_secret') ? 'body' : 'none',
  };
  req.entry = entry;
  log.push(entry);
  res.on('finish', () => { entry.status ??= res.statusCode; });
  const ordered = fault(req.url, null);
  if (ordered?.what === 'redirect') return json(res, 307, undefined, { location: ordered.to });
  for (const [name, value] of Object.entries(settings.expects ?? {})) {
    if (form.get(name) !== value) return json(res, 400, { error: 'invalid_request', error_description: `${name} is wrong or missing` });
  }
  if (form.get('grant_type') === JWT_BEARER && !form.has('client_id') && !basic) {
    try {
      const claims = await asserted(form.get('assertion'));
      const owner = await provider.Client.find(claims.iss);
      return json(res, 200, await tokenFor(claims, owner, form.get('scope')));
    } catch (error) {
      entry.why = error.error_detail ?? error.error_description;
      return json(res, error.statusCode ?? 500, { error: error.error ?? 'server_error', error_description: error.error_description ?? error.error_detail });
    }
  }
  req.body = Object.fromEntries([...new Set(form.keys())].map((name) => {
    const values = form.getAll(name);
    return [name, values.length > 1 ? values : values[0]];
  }));
  if (ordered?.what === 'lose') {
    // The provider has done its part; what carries its answer fails.
    entry.status = 503;
    const said = res.end.bind(res);
    res.writeHead = () => res;
    res.end = () => { Object.getPrototypeOf(res).writeHead.call(res, 503, { 'content-type': 'text/plain', 'content-length': '0' }); return said(); };
  }
  res.sendDate = false;
  res.setHeader('date', new Date(now).toUTCString());
  return callback(req, res);
}
const callback = provider.callback();
const issued = [];
for (const kind of ['access_token', 'client_credentials', 'refresh_token']) provider.on(`${kind}.saved`, (saved) => issued.push(saved.jti));
provider.on('server_error', (_ctx, error) => console.error(error));
// Why it refuses, which it tells its own operator only.
provider.on('grant.error', (ctx, error) => { ctx.req.entry.why = error.error_detail ?? error.error_description; });

/// The API: pages of users, groups or whatever is asked for, to whoever's token the provider knows (RFC 6750, section 3).
async function api(req, res, url) {
  const cursor = url.searchParams.get('cursor');
  const value = /^Bearer (\S+)$/.exec(req.headers.authorization ?? '')?.[1];
  const entry = { path: url.pathname, cursor, token: value && crypto.hash('sha256', value).slice(0, 8) };
  log.push(entry);
  res.on('finish', () => { entry.status = res.statusCode; });
  const ordered = fault(url.pathname, cursor, value);
  if (ordered?.what === 'pass') now += ordered.seconds * 1000;
  if (ordered?.what === 'revoke') await (await found(value))?.destroy();
  if (ordered?.what === 'throttle') {
    now += ordered.seconds * 1000;
    return json(res, 429, undefined, { 'retry-after': String(ordered.seconds) });
  }
  const refuse = (status, words) => json(res, status, undefined, {
    'www-authenticate': `Bearer realm="users"${Object.entries(words).map(([name, said]) => `, ${name}="${said}"`).join('')}`,
  });
  if (!value) return refuse(401, {});
  const held = await found(value);
  const invalid = (said) => refuse(401, { error: 'invalid_token', error_description: said });
  if (!held) return invalid('The access token expired or was revoked');
  if (held.jkt) return invalid('The access token is bound to a key that was not proven');
  const bound = held['x5t#S256'];
  const shown = req.socket.getPeerX509Certificate?.();
  if (bound && (!shown || crypto.hash('sha256', shown.raw, 'base64url') !== bound)) return invalid('The access token is bound to another certificate');
  if (settings.audience && held.aud !== settings.audience) return invalid('The access token is for another resource');
  const needed = settings.needs?.[url.pathname] ?? settings.needs?.['*'];
  if (needed && !held.scopes.has(needed)) return refuse(403, { error: 'insufficient_scope', scope: needed });
  opened.set(url.pathname, value);
  const from = Number(cursor ?? 0);
  const [rows, size] = [settings.rows ?? 5, settings.page ?? 2];
  const users = [];
  for (let id = from; id < Math.min(from + size, rows); id += 1) users.push({ id, login: `user${id}` });
  const next = ordered?.what === 'lead_away' ? { link: `${ordered.to}/users?cursor=${from + size}` } : {};
  return json(res, 200, { users, ...(from + size < rows && { next: String(from + size) }), ...next });
}

/// What somebody's consent in a browser would have brought about: a token, and one to renew it with.
async function consented({ client_id: id, scope }) {
  const owner = await provider.Client.find(id);
  const grant = new provider.Grant({ accountId: 'reader', clientId: id });
  grant.addOIDCScope(scope);
  const refresh = new provider.RefreshToken({ accountId: 'reader', client: owner, grantId: await grant.save(), gty: 'authorization_code', scope });
  const access = new provider.AccessToken({ accountId: 'reader', client: owner, grantId: grant.jti, gty: 'authorization_code', scope });
  return { refresh_token: await refresh.save(), access_token: await access.save() };
}

async function test(req, res, url) {
  const asked = JSON.parse((await bodyOf(req)) || '{}');
  switch (url.pathname) {
    case '/_test/url': return json(res, 200, { url: issuer });
    case '/_test/log': return json(res, 200, log);
    case '/_test/issued': return json(res, 200, issued);
    case '/_test/consent': return json(res, 200, await consented(asked));
    case '/_test/pass': now += asked.seconds * 1000; return json(res, 200, {});
    default: return json(res, 404, {});
  }
}

async function answer(req, res) {
  try {
    const url = new URL(req.url, issuer);
    if (url.pathname.startsWith('/_test/') && !req.socket.encrypted) return await test(req, res, url);
    if (tls && !req.socket.encrypted) return json(res, 404, {});
    if (url.pathname === tokenPath) return await token(req, res);
    return await api(req, res, url);
  } catch (error) {
    console.error(error);
    return json(res, 500, { error: 'server_error', error_description: String(error) });
  }
}

const plain = http.createServer((req, res) => answer(req, res));
plain.listen(Number(port), '127.0.0.1', () => console.log('the provider is listening'));
