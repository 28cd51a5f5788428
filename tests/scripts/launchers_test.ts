import { assert } from "@std/assert";
import { isLauncher } from "../../scripts/supervisor/launchers.ts";

Deno.test("Launchers are npx and deno task, and nobody's own shell or script", () => {
  const launchers = [
    ["npm exec deno@2.8.3 task cluster --config x.toml"],
    ["deno", "task", "cluster"],
    ["/opt/deno/deno", "task", "cluster", "--config", "x.toml"],
    ["node", "/root/.npm/_npx/5f3f/node_modules/.bin/deno", "task", "cluster"],
    ["node", "/usr/bin/npx", "-y", "deno@2.8.3", "task", "cluster"],
  ];
  for (const words of launchers) assert(isLauncher(words), words.join(" "));
  const others = [
    ["bash", "-c", "npx -y deno@2.8.3 task cluster &"],
    ["bash", "lab.sh", "task", "cluster"],
    ["npm exec deno@2.8.3 task test"],
    ["deno", "run", "-A", "scripts/cluster.ts"],
    ["deno", "task", "clusters"],
    [],
  ];
  for (const words of others) assert(!isLauncher(words), words.join(" "));
});
