// Renders by Handlebars or Mustache themselves: one JSON object {engine, template, partials, data}
// a line on standard input, one JSON string a line on standard output.
const [, , place] = process.argv;
const handlebars = require(place + "/node_modules/handlebars");
const mustache = require(place + "/node_modules/mustache");
const helpers = {
  eq: (a, b) => a === b, ne: (a, b) => a !== b, gt: (a, b) => a > b, lt: (a, b) => a < b,
  and: (...a) => a.slice(0, -1).every(Boolean), or: (...a) => a.slice(0, -1).some(Boolean),
  not: (a) => !a, upper: (a) => String(a).toUpperCase(),
  insert: (a, b) => a || String(b).replace("default=", ""),
  raw: (options) => options.fn(),
  equals(a, b, options) { return a === b ? options.fn(this) : options.inverse(this); },
};
for (const name in helpers) handlebars.registerHelper(name, helpers[name]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { engine, template, partials, data } = JSON.parse(line);
  let said;
  try {
    said = engine === "mustache" ? mustache.render(template, data, partials)
      : handlebars.compile(template)(data, { partials: Object.fromEntries(
        Object.entries(partials).map(([name, text]) => [name, handlebars.compile(text)])) });
  } catch (error) {
    said = "error: " + error.message;
  }
  console.log(JSON.stringify(said));
});
