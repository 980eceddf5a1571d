// What the tests of the dashboard's pages share: databases of their own, the real binary, a real browser.
// REQUIRES: TRIBUTARY_TEST_POSTGRES (tests/with-postgres) and TRIBUTARY_BINARY.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const { chromium } = createRequire(new URL("../../dashboard/package.json", import.meta.url))("playwright-core");
const run = promisify(execFile);
const cluster = process.env.TRIBUTARY_TEST_POSTGRES;
const binary = process.env.TRIBUTARY_BINARY;
assert(cluster && binary, "run by tests/with-postgres ctest -R pages");

export const operatorKey = "the-key-of-the-operator's";

/** Runs SQL and returns what it gives: a line for a row. */
export async function sql(url, statement) {
  const { stdout } = await run("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]);
  return stdout.trim();
}

/** Looks again and again until it is true and throws nothing. */
export async function until(condition) {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      if (await condition()) return;
      assert(Date.now() < end, `did not come true: ${condition}`);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A new database; `t.after` drops it. */
export async function database(t, name) {
  const unique = `pages_${name}_${process.pid}_${randomUUID().slice(0, 8)}`;
  await sql(cluster, `CREATE DATABASE ${unique}`);
  t.after(() => sql(cluster, `DROP DATABASE ${unique} WITH (FORCE)`));
  const url = new URL(cluster);
  url.pathname = `/${unique}`;
  return url.href;
}

/** A way to a database that can be cut: then its server refuses every connection, as one that was stopped does. */
export class Line {
  #sockets = new Set();
  #server = null;
  #target;
  #port = 0;

  constructor(url) {
    this.#target = new URL(url);
  }
  get url() {
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String(this.#port);
    return url.href;
  }
  async up() {
    this.#server = net.createServer((socket) => {
      const other = net.connect(Number(this.#target.port), this.#target.hostname);
      for (const [from, to] of [[socket, other], [other, socket]]) {
        this.#sockets.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => { this.#sockets.delete(from); to.destroy(); });
        from.pipe(to);
      }
    });
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = this.#server.address().port;
  }
  async down() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}

/** A source of its own, migrated, and the commands and the service that work on it. */
export class Tributary {
  #environment;
  #process = null;
  #log = "";

  static async create(t, settings = {}) {
    const source = await database(t, "source");
    const tributary = new Tributary(source, settings);
    t.after(() => tributary.stop());
    await tributary.command("migrate", "--quiet");
    return tributary;
  }
  constructor(source, settings) {
    this.source = source;
    this.#environment = {
      PATH: process.env.PATH,
      PGSSLMODE: "disable",
      TRIBUTARY_SOURCE_URL: source,
      TRIBUTARY_CLICKHOUSE_USE: "none",
      TRIBUTARY_HTTP_LISTEN: "127.0.0.1:0",
      TRIBUTARY_HTTP_OPERATOR_KEY: operatorKey,
      TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS: "127.0.0.0/8",
      ...settings,
    };
  }

  async command(...args) {
    const { stdout } = await run(binary, args, { env: this.#environment });
    return stdout;
  }
  /** With some teams. `adminKey` is its key, `tenancy` that of its branch main. */
  async project(id, teams = 3) {
    const { tenancy, keys } = JSON.parse(await this.command("project", "create", id, "--json"));
    const project = { id, tenancy, adminKey: keys.find((key) => key.kind === "admin").key };
    await this.addTeams(project, teams);
    return project;
  }
  async addTeams({ id, tenancy }, count) {
    await sql(this.source, `INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName", "createdAt", "updatedAt")
      SELECT '${tenancy}', gen_random_uuid(), '${id}', 'team ' || i, now(), now() FROM generate_series(1, ${count}) AS i`);
  }

  /** Starts the service, again at the address it had. Returns the dashboard's. */
  async serve(...args) {
    if (this.base) this.#environment.TRIBUTARY_HTTP_LISTEN = new URL(this.base).host;
    const child = (this.#process = spawn(binary, ["serve", "--threads", "1", ...args], { env: this.#environment, stdio: ["ignore", "ignore", "pipe"] }));
    const lines = createInterface({ input: child.stderr });
    let address = "";
    await new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error(`tributary serve ended: ${this.#log}`)));
      lines.on("line", (line) => {
        this.#log += `${line}\n`;
        address ||= /"message":"listening","address":"([^"]+)"/.exec(line)?.[1] ?? "";
        if (line.includes('"started"')) resolve();
      });
    });
    this.base = `http://${address}/dashboard/`;
    return this.base;
  }
  get log() {
    return this.#log;
  }
  async stop() {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

/** Chromium, which is to find no mistake in any page: no exception, no refused content. */
export async function browser(t) {
  const chrome = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t.after(() => chrome.close());
  return {
    /** A page with storage of its own. */
    async page(test, options = {}) {
      const context = await chrome.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const mistakes = [];
      page.on("pageerror", (error) => mistakes.push(error.message));
      page.on("console", (message) => { if (/Content Security Policy/.test(message.text())) mistakes.push(message.text()); });
      test.after(async () => {
        await context.close();
        assert.deepEqual(mistakes, []);
      });
      return page;
    },
  };
}

export async function signIn(page, base, hash = "#/") {
  await page.goto(base + hash);
  await page.getByLabel("Operator key").fill(operatorKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages", exact: true }).waitFor();
}

export async function signInToProject(page, base, project, hash = "#/") {
  await page.goto(base + hash);
  await fillProjectKey(page, project);
  await page.getByRole("navigation", { name: "Pages", exact: true }).waitFor();
}

export async function fillProjectKey(page, { id, adminKey }) {
  await page.getByLabel("Project administrator").check();
  await page.getByLabel("Project id").fill(id);
  await page.getByLabel("Super secret admin key").fill(adminKey);
  await page.getByRole("button", { name: "Sign in" }).click();
}
