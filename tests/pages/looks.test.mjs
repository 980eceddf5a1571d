// What every page has in common: it can be used by keyboard, and read in any colours on any screen.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { browser, database, operatorKey, signIn, sql, Tributary, until } from "./support.mjs";

const query = "SELECT display_name, length(display_name) AS size FROM teams ORDER BY display_name";

test("Every page", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-pages-"));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  chmodSync(folder, 0o711);
  const tributary = await Tributary.create(t, { TRIBUTARY_CLICKHOUSE_USE: "automatic", TRIBUTARY_CLICKHOUSE_FOLDER: folder });
  const chrome = await browser(t);
  const acme = await tributary.project("acme", 30);
  await tributary.project("globex");
  await tributary.command("destination", "add", "acme", "main", "--url", await database(t, "acme"));
  await tributary.command("destination", "add", "globex", "gone", "--no-test", "--url", "postgres://app@127.0.0.1:1/app");
  const base = await tributary.serve();

  /** `ready` waits until all is there. Without a hash it is the page before, further on. */
  const pages = [
    { name: "overview", hash: "", ready: (page) => page.getByRole("heading", { name: "1 of 4 destinations is not up to date" }).waitFor() },
    { name: "destinations", hash: "destinations", ready: (page) => page.getByRole("row", { name: /globex \/ gone/ }).getByText("Failing").waitFor() },
    { name: "destination", hash: `destinations/${acme.tenancy}/main`, ready: (page) => page.getByRole("row", { name: /^teams .*\d/ }).waitFor() },
    { name: "tenancies", hash: "tenancies", ready: (page) => page.getByRole("row", { name: /globex/ }).waitFor() },
    { name: "tenancy", hash: `tenancies/${acme.tenancy}`, ready: (page) => page.getByRole("region", { name: "@clickhouse" }).getByRole("row", { name: /^teams .*\d/ }).waitFor() },
    { name: "system", hash: "system", ready: (page) => page.getByRole("switch", { name: "Poller" }).waitFor() },
    { name: "console", hash: "console?project=acme", ready: async (page) => {
      await page.getByRole("navigation", { name: "Tables" }).getByText(/^teams/).click();
      await page.getByRole("textbox", { name: "SQL statement" }).fill(query);
      await until(async () => {
        await page.keyboard.press("Control+Enter");
        await page.getByText(/^\d+ rows? in/).waitFor();
        return (await page.getByText(/^30 rows in/).count()) === 1;
      });
    } },
    { name: "chart", ready: async (page) => {
      await page.getByRole("button", { name: "Chart" }).click();
      await page.getByRole("img", { name: /^size by display_name/ }).waitFor();
    } },
  ];

  await t.test("is reached by keyboard, all of it, and shows where the focus is", async (t) => {
    const page = await chrome.page(t);
    await page.goto(base);
    await page.getByLabel("Operator key").waitFor();
    await findsNothing(() => notReached(page), "login");
    await page.getByLabel("Operator key").focus();
    await page.keyboard.type(operatorKey);
    await page.keyboard.press("Enter");
    for (const { hash, name, ready } of pages) {
      if (hash !== undefined) await page.goto(`${base}#/${hash}`);
      await ready(page);
      await findsNothing(() => notReached(page), name);
    }
  });

  await t.test("is operated by keyboard: links, switches, tables, the chart, and a dialog that keeps the focus", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/destinations");
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    await page.reload();
    await page.getByRole("row", { name: /acme \/ main/ }).waitFor();
    const press = async (wanted, key) => {
      await tabTo(page, wanted);
      await page.keyboard.press(key);
    };
    await press(/^Skip to the content/, "Enter");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "MAIN");
    await press(/^Pause: main of acme/, "Enter");
    await page.getByRole("dialog").waitFor();
    for (let presses = 0; presses < 6; ++presses) {
      await page.keyboard.press("Tab");
      assert(await page.evaluate(() => document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)));
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.match(await focused(page), /^Pause: main of acme/);
    assert.equal(await sql(tributary.source, "SELECT count(*) FROM tributary.destination_state WHERE paused"), "0");

    await press(/^System$/, "Enter");
    for (const name of ["Sequencer", "Poller"]) {
      await press(new RegExp(`^${name}$`), "Space");
      await page.getByRole("dialog", { name: new RegExp(`the ${name.toLowerCase()} for everybody`) }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await press(/^SQL$/, "Enter");
    await tabTo(page, /^project id$/);
    await page.keyboard.type("acme");
    await page.keyboard.press("Enter");
    await press(/^teams/, "Enter");
    await press(/^Insert teams$/, "Enter");
    await page.keyboard.press("Control+A");
    await page.keyboard.type(query);
    const download = page.waitForEvent("download");
    await press(/^Download CSV$/, "Enter");
    assert.equal((await download).suggestedFilename(), "acme.csv");
    await press(/^Run$/, "Enter");
    await page.getByText(/^30 rows in/).waitFor();
    await press(/^Chart$/, "Space");
    await page.getByRole("img", { name: /^size by display_name/ }).waitFor();
    await press(/^Sign out$/, "Enter");
    await page.getByLabel("Operator key").waitFor();
  });

  await t.test("is in light and dark, and nothing of it is cut off, not on a telephone either", async (t) => {
    const page = await chrome.page(t);
    const shoot = async (name) => {
      for (const [width, height] of [[1280, 800], [390, 844]]) {
        await page.setViewportSize({ width, height });
        await findsNothing(() => cutOff(page), `${name} at ${width}`);
        for (const colorScheme of process.env.TRIBUTARY_SCREENSHOTS ? ["light", "dark"] : []) {
          await page.emulateMedia({ colorScheme });
          await page.screenshot({ path: `${process.env.TRIBUTARY_SCREENSHOTS}/${name}-${colorScheme}-${width}.png` });
        }
      }
      await page.setViewportSize({ width: 1280, height: 800 });
    };
    await page.goto(base);
    await page.getByLabel("Operator key").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "key" }).waitFor();
    await shoot("login");
    await signIn(page, base);
    for (const { hash, name, ready } of pages) {
      if (hash !== undefined) await page.goto(`${base}#/${hash}`);
      await ready(page);
      await shoot(name);
    }
    await page.goto(`${base}#/destinations`);
    await page.getByRole("button", { name: "Test the connection: gone of globex" }).click();
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await page.getByRole("dialog").getByText(/[Cc]onnection refused/).waitFor();
    await shoot("connection-test");
    await page.keyboard.press("Escape");
    await sql(tributary.source, "UPDATE tributary.dashboard_session SET ends_at = clock_timestamp()");
    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await dialog.waitFor();
    await shoot("session-expired");
    await dialog.getByLabel("Operator key").fill(operatorKey);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("Live", { exact: true }).waitFor();
  });

  await t.test("is in the colours of the system, or in those that were chosen", async (t) => {
    const page = await chrome.page(t, { colorScheme: "light" });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await signIn(page, base);
    const light = await background();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await background();
    assert.notEqual(light, dark);
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByLabel("Colours").selectOption("dark");
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(await background(), dark);
  });

  await t.test("of the API's documentation is made of the API's document", async (t) => {
    const page = await chrome.page(t);
    const errors = [];
    page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
    await page.goto(new URL("/docs", base).href);
    const { paths } = await (await page.request.get(new URL("/api/v1/openapi.json", base).href)).json();
    const operations = Object.values(paths).flatMap((methods) => Object.keys(methods));
    const shown = page.locator("#operations details");
    await shown.first().waitFor();
    assert.equal(await shown.count(), operations.length);
    await page.getByLabel("Filter operations").fill("POST analytics/query");
    const summaries = await shown.filter({ visible: true }).locator("summary").allInnerTexts();
    assert.match(summaries[0], /^POST\s*\/api\/v1\/internal\/analytics\/query\s/);
    assert(summaries.length < operations.length && summaries.every((summary) => /POST.*analytics\/query/s.test(summary)), summaries.join());
    await shown.filter({ visible: true }).first().locator("summary").click();
    await page.getByText(/"timeout_ms"\?: integer \(1000 to 120000\)/).waitFor();
    assert.deepEqual(errors, []);
  });
});

/** Text of what has the focus. */
function focused(page) {
  return page.evaluate(() => document.activeElement.ariaLabel || document.activeElement.innerText || document.activeElement.placeholder || "");
}

async function tabTo(page, wanted) {
  for (let presses = 0; presses < 90; ++presses) {
    await page.keyboard.press("Tab");
    if (wanted.test(await focused(page))) return;
  }
  assert.fail(`Tab does not reach ${wanted}`);
}

/** What is still found after a while is wrong: a page that is alive may be drawn anew in the middle of a look, and is laid out anew some frames after its size changed. */
function findsNothing(look, name) {
  return until(async () => {
    assert.deepEqual(await look(), [], name);
    return true;
  });
}

/** Controls that Tab does not come to, or that do not show that it did. */
async function notReached(page) {
  const controls = await page.evaluateHandle(() => {
    const isThere = (element) => element.checkVisibility() && !element.disabled && (element.type !== "radio" || element.checked);  // arrows go to other radio buttons
    const shows = (element) => element && (getComputedStyle(element).outlineStyle !== "none" || shows(element.parentElement));
    const found = new Set([...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(isThere));
    document.addEventListener("focusin", ({ target }) => { if (shows(target)) found.delete(target); });
    document.activeElement.blur();
    return found;
  });
  const left = () => controls.evaluate((found) => [...found].filter((element) => element.isConnected && !element.disabled).map((element) => element.outerHTML.slice(0, 120)));
  for (let presses = 0; presses < 120 && (await left()).length > 0; ++presses) await page.keyboard.press("Tab");
  return left();
}

/** What reaches beyond the screen, or is wider than its own box, and cannot be scrolled to. */
function cutOff(page) {
  return page.evaluate(() => {
    const scrolls = (element) => element && (/auto|scroll/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const isCut = (element) => element.getBoundingClientRect().right > innerWidth + 1 || element.scrollWidth > element.clientWidth + 1;
    const texts = [...document.querySelectorAll("h1, h2, p, dt, dd, label, button, legend, code, pre, th, td, .mark")];
    return texts.filter((element) => element.checkVisibility() && element.clientWidth > 0 && !scrolls(element) && isCut(element)).map((element) => element.outerHTML.slice(0, 200));
  });
}
