// Verifies the access token on standard input as an API that trusts Gatepost would: node verify.mjs <issuer> <audience>
import { readFileSync } from "node:fs";
import { JwtVerifier } from "aws-jwt-verify";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";

const [issuer, audience] = process.argv.slice(2);
const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();

// The library's own fetcher speaks https only, and the emulator http.
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
const verifier = JwtVerifier.create(
  { issuer, audience, jwksUri: discovery.jwks_uri },
  { jwksCache: new SimpleJwksCache({ fetcher }) },
);

try {
  console.log(JSON.stringify(await verifier.verify(readFileSync(0, "utf8").trim())));
} catch (refusal) {
  console.error(`refused: ${refusal.constructor.name}`);
  process.exit(1);
}
