/** The process in which packages are checked, one after the other: whatever a package does to it, the service goes on. */
import { writeFileSync } from "node:fs";
import { errorData, isPlinthError } from "@plinth/manifests/wire/error.ts";
import { readPackage } from "../publish.ts";
import { scanPackage } from "../scan/index.ts";
import { frameOf, framesOf } from "./check-frames.ts";

// When memory runs out, this process and its parser go first, and the service stays.
try {
  writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
  // Not on this system.
}

for await (const tarball of framesOf(process.stdin)) process.stdout.write(frameOf(Buffer.from(JSON.stringify(await answerTo(tarball)))));
process.exit(0);

async function answerTo(tarball: Buffer): Promise<object> {
  try {
    const { manifest, files } = await readPackage(tarball);
    return { manifest, findings: await scanPackage(manifest, files) };
  } catch (error) {
    const { code, message, next } = errorData(error);
    const known = isPlinthError(error);
    return { error: { code: known ? code : "PLINTH_PACKAGE_CHECK", message, next, ...(known ? { details: error.details } : {}) } };
  }
}
