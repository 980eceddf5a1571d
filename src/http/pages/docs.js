// Shows the OpenAPI document as a page. Everything is put in as text, never as HTML.
"use strict";

const kDocument = "/api/v1/openapi.json";
const kMethods = ["get", "post", "put", "patch", "delete"];

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A schema as a person would write an example of it: {"id": uuid, "name"?: string or null}. */
function describe(schema, api, indent = "", seen = []) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name)) return name;
    return describe(api.components.schemas[name], api, indent, [...seen, name]);
  }
  if (schema.anyOf) return schema.anyOf.map((one) => describe(one, api, indent, seen)).join(" or ");
  const types = [schema.type ?? "anything"].flat();
  const inner = indent + "  ";
  if (schema.properties) {
    const required = schema.required ?? [];
    const lines = Object.entries(schema.properties).map(([name, member]) =>
      `${inner}"${name}"${required.includes(name) ? "" : "?"}: ${describe(member, api, inner, seen)}`);
    return [`{\n${lines.join(",\n")}\n${indent}}`, ...types.filter((type) => type !== "object")].join(" or ");
  }
  const bounds = [];
  if (schema.minimum !== undefined || schema.maximum !== undefined) bounds.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  if (schema.minLength !== undefined || schema.maxLength !== undefined)
    bounds.push(`${schema.minLength ?? 0} to ${schema.maxLength ?? "any number of"} characters`);
  const names = types.map((type) => {
    if (type === "array") return `[${describe(schema.items, api, indent, seen)}]`;
    if (type === "object") return schema.additionalProperties ? `{any: ${describe(schema.additionalProperties, api, indent, seen)}}` : "{}";
    if (type === "string" && schema.enum) return schema.enum.filter((one) => one !== null).map((one) => `"${one}"`).join(" | ");
    return type === "string" && schema.format ? schema.format : type;
  });
  return names.join(" or ") + (bounds.length ? ` (${bounds.join(", ")})` : "") + (schema.description ? `  // ${schema.description}` : "");
}

function section(title, ...children) {
  return [element("h3", {}, title), ...children];
}

function parameters(operation, api) {
  if (!operation.parameters) return [];
  const items = operation.parameters.map((one) =>
    element("li", {}, element("code", {}, one.name), ` in ${one.in}${one.required ? "" : ", optional"}: ${describe(one.schema, api)}`));
  return section("Parameters", element("ul", {}, ...items));
}

function credentials(operation) {
  const alternatives = (operation.security ?? []).map((together) => Object.keys(together).join(", "));
  return section("Headers", element("p", { class: "quiet" }, alternatives.length ? alternatives.join("; or ") : "none needed"));
}

function responses(operation, api) {
  return Object.entries(operation.responses).flatMap(([status, response]) => {
    const type = Object.keys(response.content ?? {})[0];
    if (status >= "400") {
      const codes = response.description.split("\n").map((line) => element("li", {}, line.replaceAll("`", "")));
      return section(status, element("ul", {}, ...codes));
    }
    return section(status, type ? element("pre", {}, describe(response.content[type].schema, api)) : "");
  });
}

function show(path, method, operation, api) {
  const summary = element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()), element("code", {}, path), ` ${operation.summary}`);
  const body = operation.requestBody
    ? section("Body", element("pre", {}, describe(operation.requestBody.content["application/json"].schema, api))) : [];
  const details = element("details", { id: operation.operationId }, summary, ...credentials(operation), ...parameters(operation, api), ...body,
    ...responses(operation, api));
  details.dataset.words = `${method} ${path} ${operation.summary} ${operation.tags ?? ""}`.toLowerCase();
  return details;
}

function showAll(api) {
  document.title = document.querySelector("#title").textContent = `${api.info.title} ${api.info.version}`;
  document.querySelector("#about").textContent = api.info.description;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of kMethods.filter((one) => methods[one])) {
      const group = methods[method].tags?.[0] ?? "Other";
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(show(api.servers[0].url + path, method, methods[method], api));
    }
  }
  const sections = [...groups].map(([group, operations]) => element("section", {}, element("h2", {}, group), ...operations));
  document.querySelector("#operations").replaceChildren(...sections);
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/);
  for (const operation of document.querySelectorAll("details"))
    operation.hidden = !words.every((word) => operation.dataset.words.includes(word));
  for (const group of document.querySelectorAll("section")) group.hidden = !group.querySelector("details:not([hidden])");
}

document.querySelector("#filter").addEventListener("input", (event) => filter(event.target.value));
fetch(kDocument)
  .then((answer) => answer.json())
  .then(showAll)
  .then(() => { if (location.hash) document.querySelector(location.hash)?.setAttribute("open", ""); })
  .catch((error) => document.querySelector("#operations").append(`The document ${kDocument} cannot be read: ${error.message}`));
