/** Splits SQL into pieces to be coloured. Their texts put together are the input, whatever it is. */
export type Kind = "keyword" | "function" | "string" | "number" | "comment" | "identifier" | "text";
export interface Piece {
  kind: Kind;
  text: string;
}

const keywords = new Set(
  `ALL AND ANTI ANY ARRAY AS ASC ASOF BETWEEN BY CASE CAST CROSS CUBE DESC DISTINCT ELSE END EXCEPT EXISTS FALSE FILL FINAL FIRST FOLLOWING
   FORMAT FROM FULL GLOBAL GROUP GROUPING HAVING ILIKE IN INNER INTERSECT INTERVAL INTO IS JOIN LAST LEFT LIKE LIMIT NOT NULL NULLS OFFSET ON OR
   ORDER OUTER OVER PARTITION PRECEDING PREWHERE QUALIFY RANGE RIGHT ROLLUP ROW ROWS SAMPLE SELECT SEMI SETS THEN TIES TOTALS TRUE UNBOUNDED UNION
   USING VALUES WHEN WHERE WINDOW WITH`.split(/\s+/),
);

/** In this order: comments, quoted texts (an open one goes to the end), quoted identifiers, numbers, words. */
const piece = new RegExp(
  [
    /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/,
    /('(?:[^'\\]|\\[\s\S]|'')*(?:'|$))/,
    /(`(?:[^`\\]|\\[\s\S])*(?:`|$)|"(?:[^"\\]|\\[\s\S])*(?:"|$))/,
    /(\b\d[\w.]*)/,
    /([A-Za-z_]\w*)/,
  ].map((part) => part.source).join("|"),
  "g",
);

export function pieces(sql: string): Piece[] {
  const result: Piece[] = [];
  let end = 0;
  for (const match of sql.matchAll(piece)) {
    if (match.index > end) result.push({ kind: "text", text: sql.slice(end, match.index) });
    end = match.index + match[0].length;
    result.push({ kind: kindOf(match, sql, end), text: match[0] });
  }
  if (end < sql.length) result.push({ kind: "text", text: sql.slice(end) });
  return result;
}

function kindOf(match: RegExpMatchArray, sql: string, end: number): Kind {
  const [, comment, string, quoted, number, word = ""] = match;
  if (comment !== undefined) return "comment";
  if (string !== undefined) return "string";
  if (quoted !== undefined) return "identifier";
  if (number !== undefined) return "number";
  if (keywords.has(word.toUpperCase())) return "keyword";
  return sql[end] === "(" ? "function" : "text";
}

/** A name as ClickHouse takes it in a statement. */
export function quote(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !keywords.has(name.toUpperCase()) ? name : "`" + name.replaceAll("\\", "\\\\").replaceAll("`", "\\`") + "`";
}
