export type { Finding } from "./finding.ts";
export { scanPackage } from "./scan-package.ts";
export { type SteeringText, steeringChanges, steeringDigest, steeringTexts } from "./steering.ts";
export { toolFindings, toolsIn } from "./tool-verdicts.ts";
