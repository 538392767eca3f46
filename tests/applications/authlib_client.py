"""Authlib, as a web application and as a service use it."""

import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk, jwt


def main(issuer, client_id, secret, callback, service_id, service_secret):
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    keys = jwk.KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    session = OAuth2Session(
        client_id,
        secret,
        scope="openid profile email",
        redirect_uri=callback,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",
    )
    verifier, nonce = generate_token(64), generate_token(32)
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    print(json.dumps({"open": url}), flush=True)
    answered = input()
    tokens = session.fetch_token(
        metadata["token_endpoint"], authorization_response=answered, code_verifier=verifier, state=state
    )
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"]).claims
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    jwt.JWTClaimsRegistry(**expected, nonce={"essential": True, "value": nonce}).validate(claims)
    user = session.get(metadata["userinfo_endpoint"]).json()
    before = tokens["refresh_token"]
    refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=before)
    assert refreshed["refresh_token"] != before

    service = OAuth2Session(service_id, service_secret, token_endpoint_auth_method="client_secret_basic")
    token = service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    claims = jwt.decode(token["access_token"], keys, algorithms=["ES256"]).claims
    assert claims["sub"] == service_id and "sid" not in claims, claims
    print(json.dumps({"done": {"sub": user["sub"], "email": user["email"]}}), flush=True)


main(*sys.argv[1:])
