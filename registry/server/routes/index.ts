import type { Api } from "../api.ts";
import type { Route } from "../route.ts";
import { moderationRoutes } from "./moderation.ts";
import { packageRoutes } from "./packages.ts";
import { publisherRoutes } from "./publishers.ts";
import { searchRoutes } from "./search.ts";
import { tokenRoutes } from "./tokens.ts";

export const allRoutes = (api: Api): Route[] => [
  ...searchRoutes(api),
  ...packageRoutes(api),
  ...publisherRoutes(api),
  ...tokenRoutes(api),
  ...moderationRoutes(api),
];
