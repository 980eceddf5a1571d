// The public SDK of the reference product, as a customer's server uses it:  node stack_sdk.mjs BASE_URL PROJECT SECRET_SERVER_KEY PACKAGE
// Exits 0 where every step gave what it should. Each call that it makes is printed, so that what it asks for beyond the API is seen.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import * as module from "node:module";

// Node.js 18 (Debian 12) has no such global, and needs to be told that the SDK's ES modules are some: its package.json does not say so.
globalThis.crypto ??= webcrypto;
const loader = `export const load = (url, context, next) =>
  next(url, /stackframe.*[/]esm[/]/.test(url) ? { ...context, format: "module" } : context);`;
module.register?.("data:text/javascript," + encodeURIComponent(loader));
const [baseUrl, projectId, secretServerKey, sdk] = process.argv.slice(2);
const { StackServerApp } = await import(sdk);

const real_fetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const response = await real_fetch(input, init);
  const url = new URL(request.url);
  console.log(`${request.method} ${url.pathname}${url.search} ${response.status}`);
  return response;
};

const app = new StackServerApp({ baseUrl, projectId, secretServerKey, publishableClientKey: "pck_unused", tokenStore: "memory" });

const user = await app.createUser({ primaryEmail: "ada@example.com", primaryEmailAuthEnabled: true, displayName: "Ada 🚀", serverMetadata: { a: [1] } });
assert.equal(user.displayName, "Ada 🚀");
assert.equal(user.primaryEmail, "ada@example.com");

const users = await app.listUsers({ limit: 10 });
assert.deepEqual(users.map((u) => u.id), [user.id]);
assert.equal(users.nextCursor, null);
assert.equal((await app.getUser(user.id)).id, user.id);

await user.update({ displayName: "Countess" });
assert.equal((await app.getUser(user.id)).displayName, "Countess");

const team = await app.createTeam({ displayName: "Engines" });
await team.addUser(user.id);
const members = await team.listUsers();
assert.deepEqual(members.map((member) => member.id), [user.id]);
assert.deepEqual((await app.listTeams()).map((t) => t.id), [team.id]);
await team.removeUser(user.id);

await assert.rejects(app.createUser({ primaryEmail: "ada@example.com", primaryEmailAuthEnabled: true }), /already exists/);

await team.delete();
await user.delete();
assert.equal(await app.getUser(user.id), null);
console.log("all is well");
process.exit(0);
