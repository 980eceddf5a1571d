// Conformance: the official client against a ClickHouse HTTP interface. node clickhouse_client.mjs URL, password in CLICKHOUSE_PASSWORD.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { createClient, ClickHouseError } from "@clickhouse/client";

const options = { url: process.argv[2], username: "admin", password: process.env.CLICKHOUSE_PASSWORD };
const client = createClient(options);
const packing = createClient({ ...options, compression: { request: true, response: true } });

const cases = {
  async ping() {
    assert.equal((await client.ping()).success, true);
  },

  async wrongPassword() {
    const stranger = createClient({ ...options, password: "wrong" });
    await assert.rejects(stranger.query({ query: "SELECT 1" }), (error) => error instanceof ClickHouseError && error.code === "516");
    await stranger.close();
  },

  async insertAndSelect() {
    await client.command({ query: "CREATE TABLE js (id UInt64, name String) ENGINE = MergeTree ORDER BY id" });
    const values = [{ id: "1", name: "one" }, { id: "2", name: "it's \\ two\n" }];
    await client.insert({ table: "js", values, format: "JSONEachRow" });
    const rows = await client.query({ query: "SELECT * FROM js ORDER BY id", format: "JSONEachRow", clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } });
    assert.deepEqual(await rows.json(), values);
    const whole = await (await client.query({ query: "SELECT count() AS n FROM js", format: "JSON" })).json();
    assert.equal(Number(whole.data[0].n), 2);
    assert.equal(whole.rows, 1);
  },

  async insertStream() {
    async function* rows() {
      for (let id = 0; id < 50_000; ++id) yield { id, name: `row ${id}` };
    }
    await client.command({ query: "CREATE TABLE js_stream (id UInt64, name String) ENGINE = MergeTree ORDER BY id" });
    await client.insert({ table: "js_stream", values: Readable.from(rows()), format: "JSONEachRow" });
    await packing.insert({ table: "js_stream", values: Readable.from(rows()), format: "JSONEachRow" });
    const [row] = await (await packing.query({ query: "SELECT count() AS n, uniqExact(id) AS u FROM js_stream", format: "JSONEachRow" })).json();
    assert.equal(Number(row.n), 100_000);
    assert.equal(Number(row.u), 50_000);
  },

  async streamingSelect() {
    for (const one of [client, packing]) {
      const result = await one.query({ query: "SELECT number FROM numbers(200000)", format: "JSONCompactEachRow" });
      let count = 0;
      for await (const rows of result.stream()) count += rows.length;
      assert.equal(count, 200_000);
    }
  },

  async parameters() {
    const result = await client.query({
      query: "SELECT {text:String} AS text, {number:Int32} AS number, {list:Array(UInt8)} AS list, {nothing:Nullable(String)} AS nothing",
      query_params: { text: "it's a\ttab \\ and 'quotes'\n", number: -7, list: [1, 2, 3], nothing: null },
      format: "JSONEachRow",
    });
    assert.deepEqual(await result.json(), [{ text: "it's a\ttab \\ and 'quotes'\n", number: -7, list: [1, 2, 3], nothing: null }]);
  },

  async errors() {
    await assert.rejects(client.query({ query: "SELECT * FROM nowhere" }), (error) => error.code === "60" && error.type === "UNKNOWN_TABLE");
    await assert.rejects(client.command({ query: "SELEC" }), (error) => error.code === "62" && error.type === "SYNTAX_ERROR");
    await assert.rejects(client.insert({ table: "nowhere", values: [{ id: 1 }], format: "JSONEachRow" }), (error) => error.code === "60");
  },

  async errorInTheMiddle() {
    const result = await client.query({ query: "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000", format: "JSONCompactEachRow" });
    await assert.rejects(async () => {
      for await (const rows of result.stream()) assert.ok(rows);
    });
  },

  async abort() {
    const controller = new AbortController();
    const query = "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 2";
    const running = client.query({ query, abort_signal: controller.signal });
    const count = async () => {
      const result = await client.query({ query: "SELECT count() AS n FROM system.processes WHERE query LIKE '%cityHash64(number) = 2%' AND query NOT LIKE '%system.processes%'", format: "JSONEachRow" });
      return Number((await result.json())[0].n);
    };
    while ((await count()) === 0) continue;
    controller.abort();
    await assert.rejects(running);
    while ((await count()) !== 0) continue;
  },

  async abortInsert() {
    await client.command({ query: "CREATE TABLE js_aborted (id UInt64) ENGINE = MergeTree ORDER BY id" });
    const controller = new AbortController();
    async function* rows() {
      for (let id = 0; id < 10_000; ++id) yield { id };
      controller.abort();
      await new Promise(() => {});
    }
    const values = Readable.from(rows());
    await assert.rejects(client.insert({ table: "js_aborted", values, format: "JSONEachRow", abort_signal: controller.signal }));
    const one = async (query) => Number((await (await client.query({ query, format: "JSONEachRow" })).json())[0].n);
    while ((await one("SELECT count() AS n FROM system.processes WHERE query LIKE 'INSERT INTO js_aborted%'")) !== 0) continue;
    assert.equal(await one("SELECT count() AS n FROM js_aborted"), 0);
  },

  async abandonedStream() {
    const result = await client.query({ query: "SELECT number FROM numbers(100000000)", format: "JSONCompactEachRow" });
    for await (const rows of result.stream()) {
      assert.ok(rows.length > 0);
      break;
    }
    result.close();
    assert.equal((await client.ping()).success, true);
  },

  async exec() {
    const { stream, query_id } = await client.exec({ query: "SELECT 42 FORMAT TabSeparated", query_id: "chosen-here" });
    let text = "";
    for await (const piece of stream) text += piece;
    assert.equal(text, "42\n");
    assert.equal(query_id, "chosen-here");
  },
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`passed ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED ${name}:`, error);
  }
}
await client.close();
await packing.close();
console.log(failed === 0 ? "all passed" : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
