import { join } from "node:path";
import { newHome, plinth, root, startGateway, startMock, timeCommand } from "../lab.mjs";
import { installData } from "../packages.mjs";

export async function measure(row) {
  const home = newHome();
  const bare = timeCommand(["-e", "0"], {}, 15);
  row({ what: "bare `node -e 0`", value: bare, unit: "ms" });
  row({
    what: "CLI --version, ratio to bare node",
    value: timeCommand([plinth, "--version"], { PLINTH_HOME: home }, 15) / bare,
    unit: "×",
    budget: 1.5,
  });
  row({ what: "CLI --help, ratio to bare node", value: timeCommand([plinth, "--help"], { PLINTH_HOME: home }, 15) / bare, unit: "×", budget: 1.5 });
  const full = newHome();
  await installData(join(root, "dist"), full, 200);
  row({
    what: "CLI plugins list, 200 installed, no gateway",
    value: timeCommand([plinth, "plugins", "list"], { PLINTH_HOME: full }),
    unit: "ms",
    budget: 250,
  });
  const mock = await startMock();
  const gateway = await startGateway(home, { OPENAI_API_KEY: "bench", OPENAI_BASE_URL: mock.url });
  row({
    what: "CLI one turn through a running gateway",
    value: timeCommand([plinth, "agent", "-m", "hello"], { PLINTH_HOME: home }),
    unit: "ms",
    budget: 300,
  });
  await gateway.stop();
}
