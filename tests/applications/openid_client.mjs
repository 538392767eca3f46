// openid-client, as a web application uses it. Asks for the URL of the callback on standard input.
import * as client from "openid-client";
import { createInterface } from "node:readline/promises";

const [issuer, id, secret, callback] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
const config = await client.discovery(
  new URL(issuer),
  id,
  // Pins the algorithm; without it, the library accepts what discovery lists.
  { client_secret: secret, id_token_signed_response_alg: "ES256" },
  client.ClientSecretBasic(secret),
  { execute: [client.allowInsecureRequests] },
);

async function signIn(parameters) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: "openid profile email",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...parameters,
  });
  console.log(JSON.stringify({ open: url.href }));
  const answered = await lines[Symbol.asyncIterator]().next();
  const maxAge = parameters.max_age === undefined ? undefined : Number(parameters.max_age);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge };
  return client.authorizationCodeGrant(config, new URL(answered.value), checks);
}

const first = await signIn({});
const { sub, auth_time: before } = first.claims();
const user = await client.fetchUserInfo(config, first.access_token, sub);
const second = await client.refreshTokenGrant(config, first.refresh_token);
if (second.refresh_token === first.refresh_token) throw new Error("the refresh token did not rotate");
if (second.claims().sub !== sub) throw new Error("another user was refreshed");
await signIn({ prompt: "none" });
await new Promise((done) => setTimeout(done, 1100));
const stepped = await signIn({ prompt: "login", max_age: "0" });
if (stepped.claims().auth_time <= before) throw new Error("the user did not authenticate again");
console.log(JSON.stringify({ done: { sub, email: user.email } }));
process.exit(0);
