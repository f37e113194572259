/** The thread in which strangers' data is looked at: all that this process does with it, task by task. */
import { checkSchema } from "@plinth/manifests/check/schema-task.ts";
import { serve } from "@plinth/manifests/strangers/serve.ts";

serve({ schema: checkSchema });
