import { defineExtension } from "@plinth/sdk";
import { gatewayCheck } from "./checks/gateway.ts";
import { homeCheck } from "./checks/home.ts";
import { machineCheck } from "./checks/machine.ts";
import { modelsCheck } from "./checks/models.ts";
import { wallsCheck } from "./checks/walls.ts";
import { doctor } from "./doctor.ts";

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.check", "home", homeCheck(ctx));
    ctx.provide("plinth.check", "gateway", gatewayCheck(ctx));
    ctx.provide("plinth.check", "machine", machineCheck(ctx));
    ctx.provide("plinth.check", "walls", wallsCheck(ctx));
    ctx.provide("plinth.check", "models", modelsCheck(ctx));
    ctx.provide("plinth.cli-command", "doctor", { run: (input, call) => doctor(ctx, input, call) });
  },
});
