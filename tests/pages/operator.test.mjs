// What an operator sees and does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, database, Line, operatorKey, signIn, signInToProject, sql, Tributary, until } from "./support.mjs";

test("The dashboard of an operator", async (t) => {
  const tributary = await Tributary.create(t);
  const chrome = await browser(t);
  const acme = await tributary.project("acme");
  const globex = await tributary.project("globex");
  const line = new Line(await database(t, "acme"));
  await line.up();
  const globexUrl = await database(t, "globex");
  await tributary.command("destination", "add", "acme", "main", "--url", line.url);
  await tributary.command("destination", "add", "globex", "main", "--url", globexUrl);
  const base = await tributary.serve();
  t.after(() => line.down());

  await t.test("A wrong key is refused with a sentence, the right one lets in, and signing out ends it", async (t) => {
    const page = await chrome.page(t);
    await page.goto(base);
    await page.getByLabel("Operator key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "key" }).waitFor();
    await page.getByLabel("Operator key").fill(operatorKey);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Every customer is up to date" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Operator key").waitFor();
    await page.reload();
    await page.getByLabel("Operator key").waitFor();
  });

  await t.test("A key in the address signs in, and is gone from the address", async (t) => {
    const page = await chrome.page(t);
    await page.goto(`${base}#operator_key=${encodeURIComponent(operatorKey)}`);
    await page.getByRole("heading", { name: "Every customer is up to date" }).waitFor();
    assert.equal(page.url(), `${base}#/`);
  });

  await t.test("Numbers are live: rows that arrive are in the charts without a reload", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await page.locator(".tile", { hasText: "Sequencer" }).locator("small").innerText();
    await tributary.addTeams(globex, 50);
    await page.waitForFunction((text) => document.querySelector(".tiles").innerText.includes("last id") && !document.querySelector(".tiles").innerText.includes(text), before);
    await page.getByText(/p50 .* measured \d+ times? in a minute/).waitFor();
    assert.match(await page.getByRole("img", { name: /^Throughput over/ }).getAttribute("aria-label"), /applied: \d/);
  });

  await t.test("Every number of the overview is what psql and /metrics say, on a system at rest", async (t) => {
    // Something of each kind to count: what fails, is paused, refused, and flagged with nobody to give it an id.
    const state = (columns, values) => sql(tributary.source, `INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, ${columns}) VALUES ${values}`);
    const fusebox = (isOn) => sql(tributary.source, `UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = ${isOn}, "pollerEnabled" = ${isOn}`);
    await until(async () => (await sql(tributary.source, 'SELECT count(*) FROM "OutgoingRequest"')) === "0");
    await fusebox(false);
    await tributary.addTeams(globex, 2);
    await sql(tributary.source, `DELETE FROM "Team" WHERE "teamId" IN (SELECT "teamId" FROM "Team" WHERE "tenancyId" = '${globex.tenancy}' LIMIT 1)`);
    await state("error, attempts, next_try_at", `('${acme.tenancy}', 'main', 'teams', 'down', 1, now() + interval '1 hour'), ('${acme.tenancy}', 'main', 'users', 'down', 1, now() + interval '1 hour')`);
    await state("paused", `('${globex.tenancy}', 'main', '', true)`);
    await sql(tributary.source, `INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at) VALUES ('${acme.tenancy}', 'main', 'teams', '{"id": "1"}', now() + interval '1 hour')`);

    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByText("0 rows/s", { exact: true }).waitFor();
    const shown = async () => ({
      verdict: await page.locator(".verdict h1, .verdict p").allInnerTexts(),
      tiles: await page.locator(".tile").allInnerTexts(),
      tables: await page.locator("table.numbers tbody tr").allInnerTexts(),
    });
    await until(async () => {
      assert.deepEqual(numbersOf(await shown()), numbersOf(await told(tributary, base)));
      return true;
    });
    const { lag_since_start: lag } = await (await page.request.get(`${base}api/overview`)).json();
    assert.equal(String(lag.count), (await readMetrics(base))("tributary_lag_seconds_count"));
    await sql(tributary.source, "DELETE FROM tributary.destination_state; DELETE FROM tributary.quarantine");
    await fusebox(true);
  });

  await t.test("A customer's database that is stopped is red after the next change, with why, since when and what to do, and green again by itself", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByRole("heading", { name: "Every customer is up to date" }).waitFor();
    await line.down();
    await tributary.addTeams(acme, 1);
    await page.getByRole("heading", { name: "1 of 2 destinations is not up to date" }).waitFor();
    const row = page.getByRole("row", { name: /acme \/ main/ });
    await row.getByText("Failing").waitFor();
    await row.getByText(/[Cc]onnection refused/).waitFor();
    await row.getByText("Tell the customer").waitFor();
    assert.match(await row.locator('[data-label="Next try"]').innerText(), /^(now|in \d+ (s|min)( \d+ s)?)$/);
    await line.up();
    await page.getByRole("heading", { name: "Every customer is up to date" }).waitFor({ timeout: 60_000 });
    assert.equal(await sql(line.url, "SELECT count(*) FROM teams"), "4");
  });

  await t.test("Destinations are found, paused and resumed, each after a question", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/destinations");
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    await page.getByRole("searchbox", { name: "Search projects and destinations" }).fill("GLOB");
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Pause: main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Pause: main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByRole("status").filter({ hasText: "main of globex: Paused." }).waitFor();
    await page.getByRole("row", { name: /globex \/ main/ }).getByText("Paused", { exact: true }).waitFor();
    await tributary.addTeams(globex, 1);
    await page.goto(`${base}#/tenancies/${globex.tenancy}`);
    const behind = page.getByRole("region", { name: "main" }).getByRole("row", { name: /teams/ });
    await behind.locator(".behind", { hasText: "1" }).waitFor();
    await page.getByRole("button", { name: "Resume: main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("status").filter({ hasText: "Resumed" }).waitFor();
    await behind.locator(".behind").waitFor({ state: "detached" });
  });

  await t.test("A destination's page shows how far each mapping is, and pauses one by itself", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, `#/destinations/${globex.tenancy}/main`);
    const teams = page.getByRole("region", { name: "Mappings" }).getByRole("row", { name: /^teams/ });
    await page.getByRole("button", { name: "Pause: teams of main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await teams.getByText("Paused", { exact: true }).waitFor();
    assert.equal(await sql(tributary.source, "SELECT mapping FROM tributary.destination_state WHERE paused"), "teams");
    await page.getByRole("row", { name: /^users/ }).getByText("OK", { exact: true }).waitFor();
    await tributary.addTeams(globex, 3);
    await teams.locator(".behind", { hasText: "3" }).waitFor();
    await page.getByRole("button", { name: "Resume: teams of main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await teams.getByText("OK", { exact: true }).waitFor();
    await teams.locator(".behind").waitFor({ state: "detached" });
  });

  await t.test("A connection is tested and says what it found, or why not", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, `#/destinations/${acme.tenancy}/main`);
    await page.getByRole("button", { name: "Test the connection: main of acme" }).click();
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await page.getByText(/PostgreSQL \d+.* in \d+ ms/).waitFor();
    await line.down();
    await page.getByRole("button", { name: "Test again" }).click();
    await page.getByRole("dialog").getByText(/[Cc]onnection refused/).waitFor();
    await line.up();
  });

  await t.test("Resync reads everything again", async (t) => {
    const page = await chrome.page(t);
    await sql(globexUrl, "DELETE FROM teams");
    await signIn(page, base, `#/destinations/${globex.tenancy}/main`);
    await page.getByRole("button", { name: "Resync: main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resync" }).click();
    await page.getByRole("status").filter({ hasText: /Reading \d+ mappings again/ }).waitFor();
    const expected = await sql(tributary.source, `SELECT count(*) FROM "Team" WHERE "tenancyId" = '${globex.tenancy}'`);
    await until(async () => (await sql(globexUrl, "SELECT count(*) FROM teams")) === expected);
  });

  await t.test("The fusebox asks first, switches for every process, and the overview says so", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/system");
    for (const name of ["Sequencer", "Poller"]) {
      const isOn = async () => (await sql(tributary.source, `SELECT "${name.toLowerCase()}Enabled" FROM "ExternalDbSyncMetadata"`)) === "t";
      await page.getByRole("switch", { name, checked: true }).click();
      await page.getByRole("dialog", { name: `Switch off the ${name.toLowerCase()} for everybody?` }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert(await isOn());
      await page.getByRole("switch", { name }).click();
      await page.getByRole("button", { name: "Switch off" }).click();
      await page.getByRole("switch", { name, checked: false }).waitFor();
      assert(!(await isOn()));
      await page.getByRole("link", { name: "Overview" }).click();
      await page.getByRole("heading", { name: `${name} is switched off` }).waitFor();
      await page.getByRole("link", { name: "System", exact: true }).first().click();
      await page.getByRole("switch", { name }).click();
      await page.getByRole("button", { name: "Switch on" }).click();
      await page.getByRole("switch", { name, checked: true }).waitFor();
      assert(await isOn());
    }
  });

  await t.test("What others change is on every page once an event tells that something did, however seldom the page asks by itself", async (t) => {
    const page = await chrome.page(t);
    await page.addInitScript(() => {
      const after = window.setTimeout;
      window.setTimeout = (work, wait, ...rest) => (wait === 2000 || wait === 5000 ? 0 : after(work, wait, ...rest));  // as resource.ts waits between its questions
    });
    await signIn(page, base);
    const mark = (name) => page.getByRole("main").locator(".mark", { hasText: name }).first();
    // What came and went between two looks of the overview makes no event of its own: the next one is that of something else.
    const seen = async (locator, state = "visible") => {
      for (let other = 0; ; ++other) {
        try {
          return await locator.waitFor({ state, timeout: 4000 });
        } catch (error) {
          if (other === 5) throw error;
        }
        await sql(tributary.source, other % 2 === 1 ? "DELETE FROM tributary.quarantine" : `INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at) VALUES (gen_random_uuid(), 'other', 'users', '{}', now() + interval '1 hour')`);
      }
    };
    for (const hash of ["tenancies", `tenancies/${globex.tenancy}`, "destinations", `destinations/${globex.tenancy}/main`]) {
      await page.goto(`${base}#/${hash}`);
      await mark("OK").waitFor();
      await sql(tributary.source, `INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, paused) VALUES ('${globex.tenancy}', 'main', '', true)`);
      await seen(mark("Paused"));
      await sql(tributary.source, "DELETE FROM tributary.destination_state");
      await seen(mark("Paused"), "detached");
    }
    await sql(tributary.source, "DELETE FROM tributary.quarantine");
    await page.goto(`${base}#/system`);
    await page.getByRole("switch", { name: "Poller", checked: true }).waitFor();
    const fusebox = (isOn) => sql(tributary.source, `UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = ${isOn}`);
    await fusebox(false);
    await page.getByRole("switch", { name: "Poller", checked: false }).waitFor();
    await fusebox(true);
  });

  await t.test("A destination that is removed while its page is open says so, with a way back", async (t) => {
    const page = await chrome.page(t);
    await tributary.command("destination", "add", "globex", "second", "--url", await database(t, "second"));
    await signIn(page, base, `#/destinations/${globex.tenancy}/second`);
    await page.getByRole("heading", { name: "second of globex" }).waitFor();
    await tributary.command("destination", "remove", "globex", "second");
    await page.getByRole("heading", { name: "second is not there any more" }).waitFor();
    await page.getByRole("link", { name: "All destinations" }).click();
    await page.getByRole("heading", { name: "Destinations" }).waitFor();
  });

  await t.test("An error text with markup is shown as text", async (t) => {
    const page = await chrome.page(t);
    const hostile = await tributary.project("hostile", 0);
    const url = await database(t, "hostile");
    await tributary.command("destination", "add", "hostile", "main", "--url", url);
    await until(async () => (await sql(url, "SELECT count(*) FROM pg_tables WHERE tablename = 'teams'")) === "1");
    await sql(url, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '<img src=x onerror="document.title=1"><b>no</b>'; END$$;
      CREATE TRIGGER refuse BEFORE INSERT ON teams FOR EACH ROW EXECUTE FUNCTION refuse()`);
    await tributary.addTeams(hostile, 1);
    await signIn(page, base);
    await page.getByRole("row", { name: /hostile/ }).getByText("<b>no</b>").waitFor();
    assert.equal(await page.locator("main img, main b").count(), 0);
    await tributary.command("destination", "remove", "hostile", "main");
  });

  await t.test("A project's administrator sees that project only, and no switch", async (t) => {
    const page = await chrome.page(t);
    await signInToProject(page, base, acme, "#/destinations");
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    assert.equal(await page.getByRole("row", { name: /globex/ }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "System" }).count(), 0);
    await page.goto(`${base}#/destinations/${globex.tenancy}/main`);
    await page.getByRole("heading", { name: "main is not there any more" }).waitFor();
    await page.goto(`${base}#/system`);
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  });

  await t.test("A source that restarts is said to be away, and the page goes on by itself", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByText("Live", { exact: true }).waitFor();
    const name = new URL(tributary.source).pathname.slice(1);
    const connections = (allowed) => sql(globexUrl, `ALTER DATABASE "${name}" ALLOW_CONNECTIONS ${allowed}`);
    await connections(false);
    await sql(globexUrl, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    const banner = page.getByRole("alert").filter({ hasText: "The source does not answer since" });
    await banner.waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("status").filter({ hasText: "You are still signed in" }).waitFor();
    await connections(true);
    await banner.getByText("The source does not answer").waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "Every customer is up to date" }).waitFor();
  });

  await t.test("A service that stops is said to be gone since when, and its return is noticed", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByText("Live", { exact: true }).waitFor();
    await tributary.stop();
    await page.getByText(/Not live for \d+ s/).waitFor();
    await page.getByRole("alert").filter({ hasText: "connects again by itself" }).waitFor();
    await tributary.serve();
    await page.getByText("Live", { exact: true }).waitFor();
  });

  await t.test("All that the page loads is under 200 KB, compressed, and from here", async (t) => {
    const page = await chrome.page(t);
    const sizes = [];
    page.on("response", async (response) => {
      if (!response.url().includes("/api/")) sizes.push({ url: response.url(), size: response.request().sizes() });
    });
    await signIn(page, base);
    await page.getByText("Live", { exact: true }).waitFor();
    let total = 0;
    for (const { url, size } of sizes) {
      assert(url.startsWith(base) || url.startsWith("data:"), url);
      total += (await size).responseBodySize;
    }
    assert(sizes.length >= 3, JSON.stringify(sizes));
    assert(total > 10_000 && total < 200 * 1024, `${total} bytes`);
  });
});

/** Every number of texts, in their order: "last id 1,234" -> 1234. But for those of moments and of the last minute, which nobody else can tell. */
function numbersOf(shown) {
  const passing = /counted .*|changes arrive within .*|p50 .*|Lag, p99\s.*/g;
  const numbers = (text) => text.replaceAll(",", "").match(/\d+(\.\d+)?/g) ?? [];
  return Object.fromEntries(Object.entries(shown).map(([part, texts]) => [part, texts.map((text) => numbers(text.replace(passing, "")))]));
}

/** What the overview has to say of `tributary`, by psql and /metrics, at rest: two projects with a database each, one failing, one paused. */
async function told(tributary, base) {
  const metrics = await readMetrics(base);
  const number = (text) => sql(tributary.source, `SELECT ${text}`);
  const flagged = async (mapping, table) => {
    const rows = await number(`count(*) FROM "${table}" WHERE "shouldUpdateSequenceId"`);
    assert.equal(metrics(`tributary_flagged_rows{table="${table}"}`), rows);
    return `${mapping} ${table} ${rows}`;
  };
  const total = await number(`count(*) FROM "Project", jsonb_object_keys("configOverride" -> 'dbSync.externalDatabases')`);
  const failing = await number("count(DISTINCT (tenancy_id, destination_id)) FROM tributary.destination_state WHERE error <> ''");
  const paused = metrics("tributary_destinations_paused");
  const pending = await number(`count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL`);
  assert.deepEqual([total, failing, paused, pending], ["2", "1", "1", "0"]);
  assert.deepEqual(["pending", "in_flight", "stale"].map((state) => metrics(`tributary_queue_requests{state="${state}"}`)), ["0", "0", "0"]);
  assert.deepEqual(["sequencer", "poller"].map((name) => metrics(`tributary_fusebox_on{switch="${name}"}`)), ["0", "0"]);
  return {
    verdict: [`${+failing + +paused} of ${total}`, `${failing} failing, ${paused} paused, 0 ok`],
    tiles: [
      "Lag, p99 –", "0 rows/s 0 B/s, 0 failures/s", `off, last id ${await number("last_value FROM global_seq_id")}`, `${pending} pending, 0 in flight`,
      `${metrics("tributary_destinations_parked")} mappings, ${metrics("tributary_quarantined_rows")} refused row, ${await number("count(*) FROM tributary.mend WHERE finished_at IS NULL")} mending`,
      await number('count(*) FROM "Tenancy"'),
    ],
    tables: [
      `${total} 0 ${failing} 0 ${paused}`, "0 0 0 0 0",
      ...(await Promise.all([flagged("contact_channels", "ContactChannel"), flagged("team_member_profiles", "TeamMember"), flagged("teams", "Team"), flagged("users", "ProjectUser"), flagged("", "DeletedRow")])),
    ],
  };
}

/** What /metrics says now: a function of a series' name, added up over labels that are not given. */
async function readMetrics(base) {
  const text = await (await fetch(new URL("/metrics", base))).text();
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return (name) => String(lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0));
}
