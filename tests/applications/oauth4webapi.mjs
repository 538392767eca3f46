// oauth4webapi, as a public client uses it.
import * as oauth from "oauth4webapi";
import { createInterface } from "node:readline/promises";

const [issuerUrl, id, , callback] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const issuer = new URL(issuerUrl);
const insecure = { [oauth.allowInsecureRequests]: true };
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
// Pins the algorithm; without it, the library accepts what discovery lists.
const client = { client_id: id, id_token_signed_response_alg: "ES256" };

const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const url = new URL(server.authorization_endpoint);
const parameters = {
  client_id: id,
  redirect_uri: callback,
  response_type: "code",
  scope: "openid email offline_access",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
};
for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
console.log(JSON.stringify({ open: url.href }));
const answered = new URL((await lines.next()).value);

const checked = oauth.validateAuthResponse(server, client, answered, state);
const response = await oauth.authorizationCodeGrantRequest(
  server,
  client,
  oauth.None(),
  checked,
  callback,
  verifier,
  insecure,
);
const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce });
// Also verifies the signature by the published keys.
await oauth.validateApplicationLevelSignature(server, response, insecure);
const { sub } = oauth.getValidatedIdTokenClaims(tokens);
const asked = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
const user = await oauth.processUserInfoResponse(server, client, sub, asked);
const again = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, insecure);
await oauth.processRefreshTokenResponse(server, client, again);
console.log(JSON.stringify({ done: { sub, email: user.email } }));
process.exit(0);
