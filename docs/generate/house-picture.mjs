/** The house in one picture: its parts, who imports whom, and which extensions live where. Drawn from the manifests. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { arrow, box, picture, text } from "./svg.mjs";

const COLUMNS = 3;
const WIDTH = 760;
const ROOM = 240;
const GAP = 10;
const LINE = 17;
/** A fuller room is told by its first ones and how many more there are. */
const MOST = 12;

/** Ids of the product's extensions by the folder that they stand in. */
export function roomsOf(root) {
  const rooms = new Map();
  for (const file of globSync("extensions/*/*/plinth.json", { cwd: root }).sort()) {
    const room = basename(dirname(dirname(file)));
    const { id } = JSON.parse(readFileSync(join(root, file), "utf8"));
    rooms.set(room, [...(rooms.get(room) ?? []), id.replace(/^plinth\./, "")].sort());
  }
  return rooms;
}

export function housePicture(root) {
  const rooms = [...roomsOf(root)];
  const parts = [];
  const heights = Array.from({ length: COLUMNS }, () => 36);
  for (const [room, all] of rooms) {
    const ids = all.length > MOST ? [...all.slice(0, MOST - 1), `and ${all.length - MOST + 1} more`] : all;
    const column = heights.indexOf(Math.min(...heights));
    const height = 34 + ids.length * LINE;
    const [x, y] = [GAP + column * (ROOM + GAP), heights[column]];
    parts.push(box("box", x, y, ROOM, height), text(x + ROOM / 2, y + 20, `extensions/${room}`));
    parts.push(...ids.map((id, at) => text(x + ROOM / 2, y + 38 + at * LINE, id, { soft: true })));
    heights[column] += height + GAP;
  }
  const top = Math.max(...heights);
  const [sdk, kernel, registry] = [0, 1, 2].map((column) => GAP + column * (ROOM + GAP));
  const level = top + 44;
  const part = (x, name, what) => [
    box("core", x, level, ROOM, 54),
    text(x + ROOM / 2, level + 23, name),
    text(x + ROOM / 2, level + 42, what, { soft: true }),
  ];
  parts.push(
    arrow(sdk + ROOM / 2, top + 2, sdk + ROOM / 2, level - 2),
    text(sdk + ROOM / 2 + 12, top + 26, "import the SDK only", { anchor: "start", soft: true }),
  );
  parts.push(
    ...part(sdk, "sdk/", "what authors import"),
    ...part(kernel, "kernel/", "names no capability"),
    ...part(registry, "registry/", "packs, signs, publishes"),
  );
  const floor = level + 54 + 34;
  for (const x of [sdk, kernel, registry]) parts.push(arrow(x + ROOM / 2, level + 56, x + ROOM / 2, floor - 2));
  parts.push(box("core", GAP, floor, WIDTH - 2 * GAP, 54), text(WIDTH / 2, floor + 23, "manifests/"));
  parts.push(text(WIDTH / 2, floor + 42, "contracts, schemas, hooks, the wire: data that imports nothing", { soft: true }));
  const count = rooms.reduce((sum, [, ids]) => sum + ids.length, 0);
  const said = rooms.map(([room, ids]) => `${room}: ${ids.join(", ")}`).join("; ");
  return picture(
    {
      ...{ width: WIDTH, height: floor + 64, title: "The house" },
      description: `${count} extensions in ${rooms.length} rooms import the SDK. The SDK, the kernel and the registry import manifests, which imports nothing. ${said}.`,
    },
    [text(WIDTH / 2, 22, `${count} extensions that come with the product, in ${rooms.length} rooms`), ...parts],
  );
}
