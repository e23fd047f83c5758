// The first page of tasks is asked for here, while the modules that show it are on their way.

import { parse } from "./address.mjs";
import { TASKS, askAhead } from "./api.mjs";
import { listingOf } from "./listing.mjs";

const { view, id, query } = parse(location.hash);
const path = view === "tasks" && !id && !query.show ? listingOf(query).pathAt(TASKS) : "";
if (path) askAhead(path);
