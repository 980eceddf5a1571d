import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { absolute } from "../format";
import { useColours } from "../theme";

export interface Series {
  label: string;
  /** For axis and legend, with its unit. */
  format: (value: number) => string;
  bars?: boolean;
}

interface ChartProps {
  /** What it shows, for those who cannot see it. */
  name: string;
  /** x first, then one list for each series. */
  data: uPlot.AlignedData;
  series: readonly Series[];
  height: number;
  time?: boolean;
  xLabel?: string;
  /** Names of x = 0, 1, 2… */
  names?: readonly string[];
}

/** The numbers over x, drawn by uPlot, and the last ones as text. Data may grow; another shape makes another chart. */
export function Chart(props: ChartProps) {
  const { name, data, series, height } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(data);
  newest.current = data;
  const colours = useColours();
  const shape = JSON.stringify([series, props.names, props.xLabel, height]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const chart = new uPlot(options(props, element), newest.current, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => { chart.setSize({ width: element.clientWidth, height }); });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape, colours]);

  useEffect(() => {
    plot.current?.setData(data);
    showNewest(plot.current);
  }, [data]);

  return <div ref={place} class="chart" role="img" aria-label={`${name}. ${lastValues(props)}`} />;
}

/** In the legend, where no cursor says another moment. */
function showNewest(chart: uPlot | null): void {
  if (chart && (chart.cursor.left ?? -1) < 0) chart.setLegend({ idx: chart.data[0].length - 1 });
}

function lastValues({ data, series }: ChartProps): string {
  return series
    .map(({ label, format }, index) => {
      const last = (data[index + 1] as (number | null)[]).findLast((value) => value !== null);
      return `${label}: ${last == null ? "none" : format(last)}`;
    })
    .join("; ");
}

/** A canvas takes no custom properties: the browser is asked what they stand for. */
function colour(element: HTMLElement, property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  element.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function options(props: ChartProps, element: HTMLElement): uPlot.Options {
  const { series, height, time = false, names } = props;
  const axis = { stroke: colour(element, "--muted"), grid: { stroke: colour(element, "--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const format = series[0]?.format ?? String;
  return {
    width: element.clientWidth,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { ready: [showNewest] },
    scales: {
      x: { time, ...(names ? { range: [-0.6, names.length - 0.4] } : {}) },
      y: { range: (_plot, low: number | null, high: number | null) => yRange(low, high) },
    },
    axes: [
      { ...axis, size: 28, space: 80, ...xAxis(props, element) },
      { ...axis, size: 72, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {
        label: props.xLabel ?? (time ? "UTC" : ""),
        value: (plot, value: number | null) => (value === null ? "–" : time ? momentOf(plot, value) : (names?.[value] ?? String(value))),
      },
      ...series.map((one, index): uPlot.Series => {
        const stroke = colour(element, `--line-${index + 1}`);
        return {
          label: one.label,
          stroke,
          width: 1.5,
          points: one.bars ? { show: false } : { show: true, size: 4, fill: stroke, filter: (plot, at) => alone(plot.data[at] ?? []) },
          value: (_plot, value) => (value === null ? "–" : one.format(value)),
          ...(one.bars && uPlot.paths.bars ? { fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 60] }) } : {}),
        };
      }),
    ],
  };
}

/** From zero; of a size also where there is nothing yet. */
function yRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null || (low === 0 && high === 0)) return [0, 10];
  return uPlot.rangeNum(Math.min(0, low), Math.max(0, high), { min: { pad: low < 0 ? 0.1 : 0 }, max: { pad: 0.1 } });
}

/** Where a value has none beside it: no line comes to it. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values, (_, index) => index).filter((index) => values[index] != null && values[index - 1] == null && values[index + 1] == null);
}

function xAxis({ time, names }: ChartProps, element: HTMLElement): uPlot.Axis {
  if (time) return { values: (_plot, splits, _axis, _space, increment) => splits.map((second) => moment(second, increment)) };
  if (!names) return {};
  return { values: (_plot, splits) => splits.map((at) => names[at] ?? ""), splits: (_plot, _axis, low, high) => some(low, high, element.clientWidth) };
}

/** As much of a moment as tells it from those an `increment` (seconds) away. */
function moment(second: number, increment: number): string {
  const text = absolute(second * 1000);
  if (increment >= 86_400) return text.slice(0, 10);
  return increment >= 60 ? text.slice(11, 16) : text.slice(11, 19);
}

/** Without the day where all is of one. */
function momentOf(plot: uPlot, second: number): string {
  const [first = 0, last = 0] = [plot.data[0][0], plot.data[0].at(-1)];
  return absolute(second * 1000).slice(last - first < 86_400 ? 11 : 0, 19);
}

/** As many whole numbers as there is room for their names. */
function some(low: number, high: number, width: number): number[] {
  const from = Math.max(0, Math.ceil(low));
  const step = Math.max(1, Math.ceil((high - from + 1) / Math.max(1, Math.floor(width / 90))));
  const result = [];
  for (let value = from; value <= high; value += step) result.push(value);
  return result;
}
