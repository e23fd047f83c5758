"use strict";

const FURTHER = "x-oai-additionalOperations";

// OpenAPI 3.2 has a place for every method, which 3.1 lacks.
function withAllMethods(item) {
  const { [FURTHER]: { QUERY, ...others } = {}, ...usual } = item;
  if (QUERY) usual.query = QUERY;
  return { ...usual, additionalOperations: others };
}

const withoutSlash = (address) => address.replace(/[/]$/, "");

// Swagger UI takes a text with contentMediaType for a file, which nobody can type.
function withTypedText(parameter) {
  const { contentMediaType, contentSchema, ...schema } = parameter.schema;
  return { ...parameter, schema };
}

const withValues = (change, named) =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, change(value)]));

// The API is served beside the document: a proxy may have both in a folder of its own.
function withWholeAddresses(item, served, root) {
  const whole = ({ url, ...others }) => ({
    ...others,
    url: withoutSlash(root + url.slice(served.length)),
  });
  return item.servers ? { ...item, servers: item.servers.map(whole) } : item;
}

function inFormOf32(api, address) {
  const served = withoutSlash(api.servers[0].url);
  const root = withoutSlash(new URL(".", address).href);
  const inPlace = (item) => withWholeAddresses(withAllMethods(item), served, root);
  const parameters = withValues(withTypedText, api.components.parameters);
  return {
    ...withWholeAddresses(api, served, root),
    openapi: "3.2.0",
    paths: withValues(inPlace, api.paths),
    components: { ...api.components, parameters },
  };
}

// The components that a part of the document refers to, in the end.
function usedBy(part, components) {
  const used = { securitySchemes: components.securitySchemes };
  const use = (value) => {
    const references = JSON.stringify(value).matchAll(/"#.components.(\w+).([^"]+)"/g);
    for (const [, kind, name] of references) {
      used[kind] ??= {};
      if (name in used[kind]) continue;
      used[kind][name] = components[kind][name];
      use(used[kind][name]);
    }
  };
  use(part);
  return used;
}

// Swagger UI reads the whole document again for each operation that is opened.
const readOnlyWhatIsOpened = ({ fn: { resolveSubtree } }) => ({
  fn: {
    resolveSubtree: (api, place, options) => {
      const [kind, address] = place;
      if (kind !== "paths") return resolveSubtree(api, place, options);
      const paths = { [address]: api.paths[address] };
      const components = usedBy(paths, api.components);
      return resolveSubtree({ ...api, paths, components }, place, options);
    },
  },
});

// Swagger UI is dark below an element of this class.
function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
}

followColorScheme();

async function show() {
  const reply = await fetch("openapi.json");
  if (!reply.ok) throw new Error(`${reply.url} was answered with ${reply.status}`);
  SwaggerUIBundle({
    spec: inFormOf32(await reply.json(), reply.url),
    dom_id: "#page",
    plugins: [readOnlyWhatIsOpened],
    deepLinking: true,
    validatorUrl: null,
    supportedSubmitMethods: ["get", "put", "post", "patch", "delete", "query", "LOOKUP"],
  });
}

show().catch((error) => {
  document.getElementById("page").textContent = error.message;
});
