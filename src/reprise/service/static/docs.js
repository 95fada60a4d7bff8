"use strict";
/* The service's routes, from its own OpenAPI description. */
(async () => {
  const {element} = RepriseReport;
  const into = document.getElementById("routes");
  const token = sessionStorage.getItem("reprise-token");
  const response = await fetch("/openapi.json", {headers: token ? {Authorization: `Bearer ${token}`} : {}});
  if (!response.ok) { into.textContent = "The service asks for a token: open its page first and give it there."; return; }
  const description = await response.json();

  function kind(schema) {
    if (!schema) return "";
    if (schema.$ref) return schema.$ref.split("/").pop();
    if (schema.anyOf) return schema.anyOf.map(kind).filter(one => one !== "null").join(" or ");
    if (schema.format === "binary") return "file";
    return schema.type === "array" ? `list of ${kind(schema.items)}` : schema.type || "anything";
  }

  function field(place, name, schema, told) {
    const standard = schema.default === undefined || schema.default === null ? "" : `, else ${JSON.stringify(schema.default)}`;
    return element("tr", {}, element("td", {}, element("code", {}, name)), element("td", {}, place),
      element("td", {}, kind(schema) + standard), element("td", {}, told || schema.description || ""));
  }

  function route(path, method, operation) {
    const fields = (operation.parameters || []).map(one => field(one.in, one.name, one.schema, one.description));
    const content = operation.requestBody ? operation.requestBody.content : {};
    const body = content["multipart/form-data"] || content["application/json"];
    const schema = body && (body.schema.$ref ? description.components.schemas[body.schema.$ref.split("/").pop()] : body.schema);
    for (const [name, one] of Object.entries(schema ? schema.properties : {})) fields.push(field(Object.keys(content).length > 1 ? "form or JSON" : "JSON", name, one));
    const answers = Object.entries(operation.responses).map(([status, one]) => `${status} ${one.description}`).join(" · ");
    return element("section", {class: "segment"}, element("h2", {}, element("code", {}, `${method.toUpperCase()} ${path}`)),
      element("p", {}, operation.description || operation.summary || ""),
      fields.length ? element("div", {class: "scroll"}, element("table", {}, element("tbody", {}, ...fields))) : null,
      element("p", {class: "quiet"}, answers));
  }

  into.replaceChildren(...Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => route(path, method, operation))));
})();
