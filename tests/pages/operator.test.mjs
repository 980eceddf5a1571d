// What an operator sees and does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, database, Line, operatorKey, signIn, signInToProject, sql, Tributary } from "./support.mjs";

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
    const page = await chrome.page(t);
    await signIn(page, base);
    const number = (text) => sql(tributary.source, `SELECT ${text}`);
    const cells = (row) => page.getByRole("row", { name: row }).getByRole("cell").allInnerTexts();
    await page.getByText("0 rows/s", { exact: true }).waitFor();
    await until(async () => {
      const metrics = await readMetrics(base);
      const tile = async (name) => (await page.locator(".tile", { hasText: name }).locator("dd").innerText()).replaceAll(",", "");
      const shown = {
        lastId: /last id (\d+)/.exec(await tile("Sequencer"))[1],
        queue: (await tile("Queue")).match(/\d+/g).slice(0, 2),
        setAside: (await tile("Set aside")).match(/\d+/g),
        tenancies: (await tile("Tenancies")).match(/\d+/)[0],
        destinations: (await cells(/^PostgreSQL/)).slice(0, 2),
        flagged: [(await cells(/^teams/)).at(-1), (await cells(/^tombstones/)).at(-1)],
      };
      const said = {
        lastId: await number("last_value FROM global_seq_id"),
        queue: ["pending", "in_flight"].map((state) => metrics(`tributary_queue_requests{state="${state}"}`)),
        setAside: [metrics("tributary_destinations_parked"), metrics("tributary_quarantined_rows"), "0"],
        tenancies: await number('count(*) FROM "Tenancy"'),
        destinations: ["2", "2"],
        flagged: await Promise.all([number('count(*) FROM "Team" WHERE "shouldUpdateSequenceId"'), number('count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId"')]),
      };
      assert.deepEqual(said.queue, ["0", "0"]);
      assert.equal(metrics('tributary_flagged_rows{table="Team"}'), said.flagged[0]);
      assert.equal(await number('count(*) FROM "OutgoingRequest"'), "0");
      const { lag_since_start: lag } = await (await page.request.get(`${base}api/overview`)).json();
      assert.equal(String(lag.count), metrics("tributary_lag_seconds_count"));
      assert.deepEqual(shown, said);
      return true;
    });
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
    assert.match(await row.innerText(), /in \d+|now/);
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
    await page.getByRole("row", { name: /globex \/ main/ }).getByText("Paused").waitFor();
    await tributary.addTeams(globex, 1);
    await page.goto(`${base}#/tenancies/${globex.tenancy}`);
    const behind = page.getByRole("region", { name: "main" }).getByRole("row", { name: /teams/ });
    await behind.locator(".behind", { hasText: "1" }).waitFor();
    await page.getByRole("button", { name: "Resume: main of globex" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("status").filter({ hasText: "Resumed" }).waitFor();
    await behind.locator(".behind").waitFor({ state: "detached" });
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
    const isOn = async () => (await sql(tributary.source, `SELECT "sequencerEnabled" FROM "ExternalDbSyncMetadata"`)) === "t";
    await signIn(page, base, "#/system");
    await page.getByRole("switch", { name: "Sequencer", checked: true }).click();
    await page.getByRole("dialog", { name: "Switch off the sequencer for everybody?" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert(await isOn());
    await page.getByRole("switch", { name: "Sequencer" }).click();
    await page.getByRole("button", { name: "Switch off" }).click();
    await page.getByRole("switch", { name: "Sequencer", checked: false }).waitFor();
    assert(!(await isOn()));
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("heading", { name: /sequencer is switched off/ }).waitFor();
    await page.getByRole("link", { name: "System", exact: true }).first().click();
    await page.getByRole("switch", { name: "Sequencer" }).click();
    await page.getByRole("button", { name: "Switch on" }).click();
    await page.getByRole("switch", { name: "Sequencer", checked: true }).waitFor();
    assert(await isOn());
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

  await t.test("A service that stops is said to be gone since when, and its return is noticed", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base);
    await page.getByText("Live", { exact: true }).waitFor();
    await tributary.stop();
    await page.getByText(/Not live for \d+ s/).waitFor();
    await page.getByRole("alert").filter({ hasText: "connects again by itself" }).waitFor();
    await tributary.serve();
    // Without secrets.key a restart ends the sessions: the page stays, and asks for the key.
    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await dialog.waitFor();
    await dialog.getByLabel("Operator key").fill(operatorKey);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("Live", { exact: true }).waitFor();
  });

  await t.test("Everything is reached by keyboard, the focus is seen, and a dialog keeps it", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/destinations");
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    await page.reload();
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    const focused = () => page.evaluate(() => ({ text: document.activeElement.ariaLabel || document.activeElement.innerText || document.activeElement.placeholder || "",
                                                 outline: getComputedStyle(document.activeElement).outlineStyle }));
    const tabTo = async (wanted) => {
      for (let presses = 0; presses < 60; ++presses) {
        await page.keyboard.press("Tab");
        const { text, outline } = await focused();
        assert.notEqual(outline, "none", `no visible focus: ${text}`);
        if (wanted.test(text)) return;
      }
      assert.fail(`Tab does not reach ${wanted}`);
    };
    await tabTo(/^Skip to the content/);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "MAIN");
    await tabTo(/^Search projects/);
    await tabTo(/^Pause: main of acme/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let presses = 0; presses < 6; ++presses) {
      await page.keyboard.press("Tab");
      assert(await page.evaluate(() => document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)));
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.match((await focused()).text, /^Pause: main of acme/);
    assert.equal(await sql(tributary.source, "SELECT count(*) FROM tributary.destination_state WHERE paused"), "0");
  });

  await t.test("Light and dark follow the system and the switch, and nothing is cut off, not on a telephone either", async (t) => {
    const backgrounds = [];
    for (const colorScheme of ["light", "dark"]) {
      const page = await chrome.page(t, { colorScheme });
      await signIn(page, base);
      backgrounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      for (const [width, height] of [[1280, 800], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const name of ["", "destinations", `destinations/${acme.tenancy}/main`, "tenancies", `tenancies/${acme.tenancy}`, "system"]) {
          await page.goto(`${base}#/${name}`);
          await page.getByRole("main").getByRole("heading").first().waitFor();
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${name} is wider than ${width}`);
          const folder = process.env.TRIBUTARY_SCREENSHOTS;
          if (folder) await page.screenshot({ path: `${folder}/${name.split("/").length}-${name.split("/")[0] || "overview"}-${colorScheme}-${width}.png` });
        }
      }
    }
    assert.notEqual(backgrounds[0], backgrounds[1]);
    const page = await chrome.page(t, { colorScheme: "light" });
    await signIn(page, base);
    await page.getByLabel("Colours").selectOption("dark");
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), backgrounds[1]);
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

/** Looks again and again until it is true and throws nothing. */
async function until(condition) {
  const end = Date.now() + 30_000;
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

/** What /metrics says now: a function of a series' name, added up over labels that are not given. */
async function readMetrics(base) {
  const text = await (await fetch(new URL("/metrics", base))).text();
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return (name) => String(lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0));
}
