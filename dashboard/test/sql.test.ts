import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces, quote } from "../src/sql";

test("Pieces put together are the statement, whatever it is", () => {
  for (const sql of ["", "SELECT 1", "'open", "/* open", "`a", '"b', "--", "SELECT 'it''s \\' x', `a b` -- c\nFROM t", "é 💧 \0 ;;", "'\\", "1e5x 0x1F"]) {
    assert.equal(pieces(sql).map((piece) => piece.text).join(""), sql);
  }
});

test("Each kind has its colour", () => {
  const kinds = pieces("SELECT count(), 'a''b', 1.5 /* SELECT */ FROM `x y` -- end").filter((piece) => piece.kind !== "text");
  assert.deepEqual(kinds.map(({ kind, text }) => [kind, text]), [
    ["keyword", "SELECT"], ["function", "count"], ["string", "'a''b'"], ["number", "1.5"], ["comment", "/* SELECT */"], ["keyword", "FROM"],
    ["identifier", "`x y`"], ["comment", "-- end"],
  ]);
});

test("A name that is no plain word is quoted", () => {
  assert.equal(quote("users"), "users");
  assert.equal(quote("order"), "`order`");
  assert.equal(quote("a`b\\c"), "`a\\`b\\\\c`");
});
