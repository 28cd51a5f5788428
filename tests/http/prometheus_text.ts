/** A strict reader of the Prometheus text format 0.0.4: throws where a scraper might stumble. @module */

/** One number. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The numbers under one name. */
export interface Family {
  readonly type: string;
  readonly samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** All families of a page, by name. */
export function parsePrometheus(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new SyntaxError("the page does not end with a line's end");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current = "";
  let helped = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    if (help) {
      helped = help[1]!;
      continue;
    }
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      current = type[1]!;
      if (!NAME.test(current) || families.has(current) || helped !== current) throw new SyntaxError(line);
      families.set(current, { type: type[2]!, samples: [] });
      continue;
    }
    const found = SAMPLE.exec(line);
    if (!found) throw new SyntaxError(line);
    const [, name = "", labelText = "", number = ""] = found;
    const family = families.get(current);
    const isOwn = family?.type === "histogram"
      ? [`${current}_bucket`, `${current}_sum`, `${current}_count`].includes(name)
      : name === current;
    if (!family || !isOwn) throw new SyntaxError(`${line} stands under ${current}`);
    if (family.type === "counter" && !name.endsWith("_total")) throw new SyntaxError(`${name} is a counter`);
    const value = number === "+Inf" ? Infinity : number === "-Inf" ? -Infinity : Number(number);
    if (Number.isNaN(value) && number !== "NaN") throw new SyntaxError(line);
    const series = `${name} ${labelText}`;
    if (seen.has(series)) throw new SyntaxError(`${series} comes twice`);
    seen.add(series);
    family.samples.push({ name, labels: parseLabels(labelText), value });
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") checkHistogram(name, samples);
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || name in labels) throw new SyntaxError(text);
    labels[name] = value!.replaceAll(/\\(.)/g, (_, character) => character === "n" ? "\n" : character);
  }
  return labels;
}

/** Classes only grow, end at +Inf, and agree with the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const bySeries = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [series, own] of bySeries) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => labels.le === "+Inf" ? Infinity : Number(labels.le));
    const isRising = buckets.every(({ value }, i) =>
      i === 0 || (value >= buckets[i - 1]!.value && bounds[i]! > bounds[i - 1]!)
    );
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    if (!isRising || bounds.at(-1) !== Infinity || count !== buckets.at(-1)!.value) {
      throw new SyntaxError(`${name} ${series} is no histogram`);
    }
    if (!own.some((sample) => sample.name === `${name}_sum`)) {
      throw new SyntaxError(`${name} ${series} has no sum`);
    }
  }
}
