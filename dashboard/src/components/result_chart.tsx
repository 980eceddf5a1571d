import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { choose, type Choice } from "../chart_choice";
import { cellText, numberOf, timeOf } from "../cells";
import type { Result } from "../contract";
import { compact } from "../format";
import { Chart } from "./chart";

export function ResultChart({ result: { columns, rows } }: { result: Result }) {
  const names = columns.map((column) => column.name);
  const choice = useMemo(() => choose(names, rows), [rows]);
  const data = useMemo(() => (choice.kind === "none" ? null : aligned(choice, rows)), [choice, rows]);
  if (choice.kind === "none" || !data) return <p class="muted">{choice.kind === "none" ? choice.why : ""}</p>;
  const x = names[choice.x] ?? "";
  const series = choice.series.map((column) => ({ label: names[column] ?? "", format: compact, bars: choice.kind === "bars" }));
  return (
    <Chart name={`${series.map((one) => one.label).join(", ")} by ${x}`} data={data} series={series} height={320} xLabel={x} time={choice.kind === "time"}
           {...(choice.kind === "bars" ? { names: rows.map((row) => cellText(row[choice.x]) ?? "NULL") } : {})} />
  );
}

/** By rising x, as uPlot wants it; a row without x is left out. */
function aligned({ kind, x, series }: Exclude<Choice, { kind: "none" }>, rows: Result["rows"]): uPlot.AlignedData {
  const at = (row: readonly unknown[], index: number) => (kind === "bars" ? index : kind === "time" ? timeOf(row[x]) : numberOf(row[x]));
  const placed = rows.flatMap((row, index) => {
    const place = at(row, index);
    return place === null ? [] : [{ place, row }];
  });
  placed.sort((left, right) => left.place - right.place);
  return [placed.map(({ place }) => place), ...series.map((column) => placed.map(({ row }) => numberOf(row[column])))];
}
