/** One table of a configuration, read field by field: each problem is kept, and the next field is read. @module */

/** What is wrong with a configuration: the key path, and a sentence with the value and what is allowed. */
export interface ConfigProblem {
  /** Such as `keyspace.main.replication`. */
  readonly path: string;
  readonly message: string;
}

/** What a number may be. */
export interface Range {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** One TOML table being read: collects problems instead of stopping at the first. */
export class Table {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #problems: ConfigProblem[];

  constructor(value: unknown, path: string, problems: ConfigProblem[]) {
    this.#path = path;
    this.#problems = problems;
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isTable && value !== undefined) this.problem("", `${show(value)} is not a table`);
    this.#fields = isTable ? value as Record<string, unknown> : {};
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name);
  }

  problem(name: string, message: string): void {
    this.#problems.push({ path: [this.#path, name].filter((part) => part !== "").join("."), message });
  }

  text(name: string, form: RegExp, allowed: string): string {
    const value = this.#get(name);
    if (value === undefined) this.problem(name, `missing; allowed: ${allowed}`);
    else if (typeof value !== "string" || !form.test(value)) {
      // Why: a secret is never printed, not even a wrong one.
      this.problem(
        name,
        `${name === "secret" ? "this value" : show(value)} is not allowed; allowed: ${allowed}`,
      );
    } else return value;
    return "";
  }

  choice<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.#get(name);
    if (value === undefined) return fallback;
    const choice = allowed.find((candidate) => candidate === value);
    if (choice === undefined) {
      this.problem(name, `${show(value)} is not allowed; allowed: ${allowed.join(", ")}`);
    }
    return choice ?? fallback;
  }

  boolean(name: string, { fallback }: { fallback: boolean }): boolean {
    const value = this.#get(name);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    this.problem(name, `${show(value)} is not allowed; allowed: true, false`);
    return fallback;
  }

  integer(name: string, { fallback, min, max }: Range): number {
    const value = this.#get(name);
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value;
    }
    this.problem(name, `${show(value)} is not allowed; allowed: an integer from ${min} to ${max}`);
    return fallback;
  }

  table(name: string): Table {
    return new Table(this.#get(name), this.#join(name), this.#problems);
  }

  tables(name: string): Table[] {
    const value = this.#get(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problem(name, `must be written [[${name}]], with double brackets`);
      return [];
    }
    return value.map((item: unknown, index) =>
      new Table(item, `${this.#join(name)}[${index + 1}]`, this.#problems)
    );
  }

  namedTables(name: string): [string, Table][] {
    const value = this.#get(name);
    if (value === undefined) return [];
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.problem(name, `must be written [${name}.NAME]`);
      return [];
    }
    return Object.entries(value).map((
      [key, item],
    ) => [key, new Table(item, `${this.#join(name)}.${key}`, this.#problems)]);
  }

  refuseUnknown(known: readonly string[]): void {
    for (const name of Object.keys(this.#fields)) {
      if (!known.includes(name)) this.problem(name, `unknown key; known here: ${known.join(", ")}`);
    }
  }

  #get(name: string): unknown {
    return this.has(name) ? this.#fields[name] : undefined;
  }

  #join(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

function show(value: unknown): string {
  return typeof value === "bigint" ? String(value) : JSON.stringify(value) ?? String(value);
}
