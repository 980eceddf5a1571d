// The SQL console, with the embedded ClickHouse behind it.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { browser, fillProjectKey, signIn, signInToProject, Tributary, until } from "./support.mjs";

test("The SQL console", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-pages-"));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  chmodSync(folder, 0o711);
  const tributary = await Tributary.create(t, {
    TRIBUTARY_CLICKHOUSE_USE: "automatic", TRIBUTARY_CLICKHOUSE_FOLDER: folder, TRIBUTARY_HTTP_MAX_QUERIES_OF_PROJECT: "1",
  });
  const chrome = await browser(t);
  const acme = await tributary.project("acme", 300);
  await tributary.project("globex", 7);
  const base = await tributary.serve();

  const statement = (page) => page.getByRole("textbox", { name: "SQL statement" });
  const answer = async (page, query, expected) => {
    await statement(page).fill(query);
    await page.keyboard.press("Control+Enter");
    await page.getByText(expected).waitFor();
  };

  await t.test("A query's rows are in the grid, in the file, and in a chart", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/console?project=acme");
    await arrived(page, answer, "300");
    const query = "SELECT display_name, length(display_name) AS size, if(size = 6, NULL, '<b>' || display_name || '</b>') AS markup FROM teams ORDER BY display_name LIMIT 20";
    await answer(page, query, /^20 rows in/);
    const grid = page.getByRole("region", { name: "Result", exact: true });
    await grid.getByRole("cell", { name: "team 1", exact: true }).waitFor();
    await grid.getByText("<b>team 10</b>").waitFor();
    assert.equal(await grid.getByText("NULL", { exact: true }).count(), 1);  // team 1
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
    assert.equal(download.suggestedFilename(), "acme.csv");
    const lines = readFileSync(await download.path(), "utf8").trimEnd().split("\n");
    assert.equal(lines.length, 21);
    assert.equal(lines[0], '"display_name","size","markup"');
    assert.equal(lines[1], '"team 1",6,\\N');
    await page.getByRole("button", { name: "Chart" }).click();
    await page.getByRole("img", { name: /^size by display_name/ }).waitFor();
  });

  await t.test("Ten thousand rows are in the grid, of which only those in sight are in the page", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/console?project=acme");
    await answer(page, "SELECT a.id, b.display_name FROM teams AS a CROSS JOIN teams AS b LIMIT 9000", /^9,000 rows in/);
    const grid = page.getByRole("region", { name: "Result", exact: true });
    assert.equal(await grid.getByRole("table").getAttribute("aria-rowcount"), "9001");
    assert(await grid.locator("tbody tr").count() < 200);
    await grid.focus();
    await until(async () => {  // the key is lost on a page that is not drawn yet
      await page.keyboard.press("End");
      return (await grid.locator('tr[aria-rowindex="9001"]').count()) === 1;
    });
  });

  await t.test("What cannot be answered says why, and the next statement goes", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/console?project=acme");
    await statement(page).fill("SELECT FROM nowhere WHERE");
    await page.keyboard.press("Meta+Enter");
    await page.getByRole("alert").filter({ hasText: /[Ss]yntax/ }).waitFor();
    await answer(page, "SELECT 1", /^1 row in/);
    assert.equal(await page.getByRole("alert").filter({ hasText: /[Ss]yntax/ }).count(), 0);
  });

  await t.test("A query that is stopped leaves its place to the next one long before its time is over", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/console?project=acme");
    await page.route("**/api/query", (route) => route.continue({ postData: { ...route.request().postDataJSON(), timeout_ms: 120_000 } }));
    await statement(page).fill("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1");
    await page.keyboard.press("Control+Enter");
    const ask = async () => {
      const answer = await page.request.post(`${base}api/query`, { headers: { "x-tributary-dashboard": "1" }, data: { project_id: "acme", query: "SELECT 1" } });
      return answer.status();
    };
    await page.getByText(/^Running for [1-9]/).waitFor();
    await until(async () => (await ask()) === 429);
    await page.getByRole("button", { name: "Stop" }).click();
    await until(async () => (await ask()) === 200);
    await page.getByRole("button", { name: "Run" }).waitFor();
  });

  await t.test("Tables and columns are browsed and inserted where the cursor is", async (t) => {
    const page = await chrome.page(t);
    await signIn(page, base, "#/console?project=acme");
    await statement(page).fill("SELECT  FROM teams");
    await statement(page).evaluate((field) => field.setSelectionRange(7, 7));
    await page.getByRole("navigation", { name: "Tables" }).getByText(/^teams/).click();
    await page.getByRole("button", { name: "display_name", exact: true }).click();
    assert.equal(await statement(page).inputValue(), "SELECT display_name FROM teams");
    assert.equal(await page.locator(".sql-keyword").allInnerTexts().then((words) => words.join(" ")), "SELECT FROM");
  });

  await t.test("A project's administrator asks for that project's rows only", async (t) => {
    const page = await chrome.page(t);
    await signInToProject(page, base, acme, "#/console?project=globex");
    assert.equal(await page.getByLabel("Project").inputValue(), "acme");
    await answer(page, "SELECT count() AS n FROM teams", /^1 row in/);
    await page.getByRole("cell", { name: "300", exact: true }).waitFor();
  });

  await t.test("A session that expires asks for the key over the page, and what was typed is still there", async (t) => {
    const page = await chrome.page(t);
    const initech = await tributary.project("initech", 1);
    await signInToProject(page, base, initech, "#/console");
    await statement(page).fill("SELECT 'typed before'");
    const { key } = JSON.parse(await tributary.command("project", "rotate", "initech", "--kind", "admin", "--overlap", "0s", "--json"));
    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    assert(await dialog.isVisible());
    await fillProjectKey(dialog, { id: "initech", adminKey: key });
    await dialog.waitFor({ state: "detached" });
    assert.equal(await statement(page).inputValue(), "SELECT 'typed before'");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("cell", { name: "typed before" }).waitFor();
  });
});

/** Asks until so many teams have come to ClickHouse. */
async function arrived(page, answer, count) {
  const end = Date.now() + 60_000;
  for (;;) {
    await answer(page, "SELECT count() AS n FROM teams", /^1 row in/);
    if (await page.getByRole("cell", { name: count, exact: true }).count() === 1) return;
    assert(Date.now() < end, "no rows in ClickHouse");
  }
}
