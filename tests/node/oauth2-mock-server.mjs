// A lenient server of OAuth that sends everybody straight back: says its address, and serves until stdin ends. Each
// line it reads is one answer that the token endpoint gives instead of its own.

import readline from "node:readline";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(`${process.env.NODE_PATH}/oauth2-mock-server/dist/index.mjs`);
const { OAuth2Server } = await import(entry);

const planned = [];
const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
server.service.on("beforeResponse", (response) => {
  const instead = planned.shift();
  if (instead) Object.assign(response, instead);
  else delete response.body.scope; // it makes one up; none means what was asked for
});
await server.start(0, "127.0.0.1");
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`; // it calls itself localhost
console.log(JSON.stringify({ auth_uri: `${issuer}/authorize`, token_uri: `${issuer}/token` }));
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  planned.push(JSON.parse(line));
  console.log("{}");
});
lines.on("close", () => process.exit());
