// A real OpenID provider for tests: `node provider.mjs '<json>'`, with oidc-provider found through NODE_PATH's folder.
// It asks for any name and password; the name says what its owner is: "an+vcet-operator" has the group vcet-operator.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { generateKeyPairSync } from "node:crypto";

const given = JSON.parse(process.argv[2]);
const require = createRequire(given.packages + "/");
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = { ...privateKey.export({ format: "jwk" }), kid: given.kid, use: "sig", alg: "ES256" };

const provider = new Provider(given.issuer, {
  clients: [{
    client_id: given.client_id,
    client_secret: given.client_secret,
    redirect_uris: given.redirect_uris,
    post_logout_redirect_uris: given.after_sign_out,
    backchannel_logout_uri: given.backchannel,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: "ES256",
  }],
  jwks: { keys: [key] },
  cookies: { keys: ["only for tests"] },
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"] },
  features: { backchannelLogout: { enabled: true } },
  // The provider refuses to call loopback addresses, by a dispatcher of its own; here everything is on loopback.
  fetch: (url, { dispatcher: _guard, ...options }) => fetch(url, options),
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: id.split("+")[0], preferred_username: id.split("+")[0], groups: id.split("+").slice(1),
    }),
  }),
});
provider.on("server_error", (_context, error) => console.error(error));
provider.on("backchannel.error", (_context, error) => console.error(error));
provider.listen(given.port, "127.0.0.1", () => console.log("ready"));
