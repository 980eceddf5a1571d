import { useMemo, useState } from "preact/hooks";
import type { Result } from "../contract";
import { cellText, numberOf } from "../cells";

const rowHeight = 24;  // px, as style.css has it
const spare = 20;  // rows that are there above and below those in sight
const widest = 60;  // characters of a column; the rest of a cell is in its title

/** A result of any length: only the rows in sight are in the page. */
export function Grid({ result: { columns, rows } }: { result: Result }) {
  const [sight, setSight] = useState({ top: 0, height: 480 });
  const widths = useMemo(() => columns.map((column, index) => widthOf(column.name, column.type, rows, index)), [columns, rows]);
  const isNumber = useMemo(() => columns.map((_, index) => areNumbers(rows, index)), [columns, rows]);
  const first = Math.max(0, Math.floor(sight.top / rowHeight) - spare);
  const last = Math.min(rows.length, Math.ceil((sight.top + sight.height) / rowHeight) + spare);
  return (
    <div class="grid" tabIndex={0} role="region" aria-label="Result"
         onScroll={({ currentTarget: { scrollTop, clientHeight } }) => { setSight({ top: scrollTop, height: clientHeight }); }}>
      <table aria-rowcount={rows.length + 1} aria-colcount={columns.length}>
        <colgroup>{widths.map((width, index) => <col key={index} style={{ width: `${width + 3}ch` }} />)}</colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(({ name, type }, index) => (
              <th key={index} scope="col" class={isNumber[index] ? "number" : ""} title={`${name} ${type}`}>{name}<small class="muted block">{type}</small></th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />}
          {rows.slice(first, last).map((row, index) => (
            <tr key={first + index} aria-rowindex={first + index + 2}>
              {columns.map((_, column) => <Cell key={column} value={row[column]} isNumber={isNumber[column] ?? false} />)}
            </tr>
          ))}
          {last < rows.length && <tr aria-hidden="true" style={{ height: `${(rows.length - last) * rowHeight}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ value, isNumber }: { value: unknown; isNumber: boolean }) {
  const text = cellText(value);
  if (text === null) return <td class="null">NULL</td>;
  return <td class={isNumber ? "number" : ""} title={text.length > 20 ? text.slice(0, 2000) : undefined}>{text.slice(0, 500)}</td>;
}

/** By its first rows. */
function areNumbers(rows: readonly (readonly unknown[])[], column: number): boolean {
  return rows.slice(0, 100).every((row) => row[column] === null || numberOf(row[column]) !== null);
}

/** By its name and its first rows. */
function widthOf(name: string, type: string, rows: readonly (readonly unknown[])[], column: number): number {
  let width = Math.max(name.length, type.length * 0.8, 4);
  for (const row of rows.slice(0, 200)) width = Math.max(width, cellText(row[column])?.length ?? 4);
  return Math.min(widest, width);
}
