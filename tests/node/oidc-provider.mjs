// A certified, strict server of OpenID Connect: says its address, and serves until stdin ends. Refresh tokens rotate,
// PKCE is required, and a login has two pages, one for the person and one for the consent.

import http from "node:http";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(`${process.env.NODE_PATH}/oidc-provider/lib/index.js`);
const { default: Provider, interactionPolicy } = await import(entry);

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  // Google's chooser has a prompt of its own here, which asks for nothing: who logs in has chosen.
  const policy = interactionPolicy.base();
  const chooser = new interactionPolicy.Prompt({ name: "select_account", requestable: true });
  for (const check of [...chooser.checks]) chooser.checks.remove(check.reason);
  policy.add(chooser);
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "desk",
        client_secret: "opens-nothing",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/"],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    scopes: ["openid", "offline_access", "https://www.googleapis.com/auth/youtube.force-ssl"],
    features: { devInteractions: { enabled: true } },
    interactions: { policy },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    cookies: { keys: ["k"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  server.on("request", provider.callback());
  console.log(JSON.stringify({ auth_uri: `${issuer}/auth`, token_uri: `${issuer}/token` }));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit());
