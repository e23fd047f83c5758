// What all views are made with: templates without a compiler, and hooks.

import htm from "htm";
import { Fragment, h, render } from "preact";

export const html = htm.bind(h);
export { Fragment, render };
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
