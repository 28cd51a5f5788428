/** The text that Prometheus reads (format 0.0.4). Knows nothing of what is measured. @module */

/** What a number is. A counter only grows until its process ends. */
export type MetricType = "counter" | "gauge" | "histogram";

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** A page being written. */
export class MetricsText {
  #text = "";
  readonly #names = new Set<string>();

  /** Begins a family; its samples follow. Throws where it was begun before: a page must not have two. */
  family(name: string, type: MetricType, help: string): void {
    if (this.#names.has(name)) throw new TypeError(`the family ${name} was begun before`);
    this.#names.add(name);
    this.#text += `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n`;
  }

  /** One number of the family begun last. */
  sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) =>
      `${label}="${escape(text).replaceAll('"', '\\"')}"`
    );
    const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    this.#text += `${name}${braces} ${
      Number.isFinite(value) ? value : value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN"
    }\n`;
  }

  /** A family of one number. */
  single(name: string, type: MetricType, help: string, value: number): void {
    this.family(name, type, help);
    this.sample(name, {}, value);
  }

  /** One histogram of the family begun last: `counts[i]` lie up to `bounds[i]`, the last one beyond all. */
  histogram(
    name: string,
    labels: Labels,
    { bounds, counts, sum }: { bounds: readonly number[]; counts: readonly number[]; sum: number },
  ): void {
    let total = 0;
    for (const [index, count] of counts.entries()) {
      total += count;
      const bound = bounds[index];
      this.sample(`${name}_bucket`, { ...labels, le: bound === undefined ? "+Inf" : String(bound) }, total);
    }
    this.sample(`${name}_sum`, labels, sum);
    this.sample(`${name}_count`, labels, total);
  }

  toString(): string {
    return this.#text;
  }
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
