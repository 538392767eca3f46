//! Files in the formats of other systems, each with one user and [`THEIR_PASSWORD`].

use serde_json::{Value, json};

use crate::moved::{THEIR_PASSWORD, hash_by, vectors};

pub(crate) const KEYCLOAK_ID: &str = "6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60";
pub(crate) const SUPABASE_ID: &str = "0b9c9f6e-93c4-4d12-8f5f-0a6f3b1c2d4e";

/// The system, the name of the file, its text, and the required options.
type Export = (&'static str, &'static str, String, &'static [&'static str]);

pub(crate) fn all() -> [Export; 7] {
    [
        ("auth0", "auth0.ndjson", auth0().to_string(), &[]),
        ("keycloak", "realm.json", keycloak().to_string(), &[]),
        ("firebase", "firebase.json", firebase().to_string(), &["--hash-parameters", "hash-parameters.txt"]),
        ("supabase", "supabase.csv", supabase(), &[]),
        ("django", "django.json", django().to_string(), &[]),
        ("django", "django.csv", django_table(), &["--unverified", "accept"]),
        ("gatepost", "people.csv", own_table(), &[]),
    ]
}

fn bcrypt() -> String {
    hash_by("bcrypt, under PHP's name")
}

fn auth0() -> Value {
    json!({
        "_id": {"$oid": "60425dc43519d90068f82973"},
        "email": "auth0@example.com",
        "email_verified": true,
        "name": "Ada King Lovelace",
        "passwordHash": bcrypt().replace("$2y$", "$2b$"),
        "password_set_date": {"$date": "2021-03-05T16:35:16.775Z"},
        "tenant": "example",
        "connection": "Username-Password-Authentication",
        "_tmp_is_unique": true,
        "identifiers": [{"type": "email", "value": "auth0@example.com", "verified": true}],
        "created_at": {"$date": "2021-03-05T16:35:16.775Z"},
    })
}

/// Returns a user for each algorithm of `custom_password_hash`.
pub(crate) fn auth0_custom() -> Vec<Value> {
    let parts = |by: &str| -> Vec<String> { hash_by(by).split('$').map(str::to_owned).collect() };
    let base64 = |value: &str| json!({"value": value, "encoding": "base64"});
    let text = |by: &str| json!({"value": hash_by(by)});
    let [prefix, suffix] = ["hashlib sha256, salt as prefix", "hashlib sha512, salt as suffix"].map(parts);
    let (hmac, scrypt) = (parts("hmac sha256"), parts("passlib scrypt"));
    let key = json!({"value": hmac[2], "encoding": "base64"});
    let custom = [
        json!({"algorithm": "sha256", "hash": base64(&prefix[4]), "salt": base64(&prefix[3])}),
        json!({"algorithm": "sha512", "hash": base64(&suffix[4]),
            "salt": {"value": suffix[3], "encoding": "base64", "position": "suffix"}}),
        // printf 'saltcorrect horse battery staple' | sha256sum
        json!({"algorithm": "sha256", "salt": {"value": "salt"}, "hash": {
            "value": "bfbc54a660e2f325fd7864a95a075b8de00fcf7f08288db3ffd39c8f7fb0825d", "encoding": "hex"}}),
        json!({"algorithm": "hmac", "hash": {"value": hmac[3], "encoding": "base64", "digest": "sha256", "key": key}}),
        json!({"algorithm": "scrypt", "hash": base64(&scrypt[4]), "salt": base64(&scrypt[3]),
            "keylen": 32, "cost": 16_384, "blockSize": 8, "parallelization": 1}),
        json!({"algorithm": "pbkdf2", "hash": text("hashlib pbkdf2 sha512 as Keycloak")}),
        json!({"algorithm": "argon2", "hash": text("argon2-cffi Type.ID")}),
        json!({"algorithm": "ldap", "hash": text("passlib ldap_salted_sha1")}),
        json!({"algorithm": "bcrypt", "hash": {"value": bcrypt()}, "password": {"encoding": "utf8"}}),
    ];
    let person = |(number, custom): (usize, Value)| {
        json!({"user_id": format!("auth0|{number}"), "email": format!("custom{number}@example.com"),
            "email_verified": true, "custom_password_hash": custom})
    };
    custom.into_iter().enumerate().map(person).collect()
}

fn keycloak() -> Value {
    let hash = hash_by("hashlib pbkdf2 sha256 as Keycloak");
    let parts: Vec<&str> = hash.split('$').collect();
    let secret = json!({"value": parts[4], "salt": parts[3], "additionalParameters": {}});
    let how = json!({"hashIterations": 27_500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}});
    json!({"realm": "master", "users": [{
        "id": KEYCLOAK_ID,
        "createdTimestamp": 1_614_962_116_775_u64,
        "username": "ada",
        "enabled": true,
        "emailVerified": true,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "keycloak@example.com",
        "attributes": {"locale": ["de"]},
        "realmRoles": ["default-roles-master", "editor"],
        "credentials": [{"type": "otp"}, {
            "type": "password",
            "secretData": secret.to_string(),
            "credentialData": how.to_string(),
        }],
    }]})
}

/// Returns the input of the hash in the vectors.
fn firebase_vector() -> Value {
    let mut vectors = vectors().into_iter();
    let vector =
        vectors.find(|vector| vector["password"] == THEIR_PASSWORD && vector.get("firebase").is_some());
    vector.expect("a vector")["firebase"].take()
}

pub(crate) fn firebase_parameters() -> String {
    let vector = firebase_vector();
    let text = |name: &str| vector[name].as_str().expect("text").to_owned();
    format!(
        "hash_config {{\n  algorithm: SCRYPT,\n  base64_signer_key: {},\n  base64_salt_separator: {},\n  \
         rounds: 8,\n  mem_cost: 14,\n}}\n",
        text("signer_key"),
        text("salt_separator"),
    )
}

fn firebase() -> Value {
    let vector = firebase_vector();
    json!({"users": [{
        "localId": "P5c7tQ2uYbW1rX9zKd3mNf6gHj8",
        "email": "firebase@example.com",
        "emailVerified": true,
        "passwordHash": vector["hash"],
        "salt": vector["salt"],
        "displayName": "Ada Lovelace",
        "lastSignedInAt": "1614962116775",
        "createdAt": "1614962116775",
        "providerUserInfo": [],
    }]})
}

fn supabase() -> String {
    format!(
        "instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,raw_user_meta_data,created_at,\
         updated_at,banned_until,deleted_at\n\
         00000000-0000-0000-0000-000000000000,{SUPABASE_ID},authenticated,authenticated,supabase@example.com,{},\
         2021-03-05 16:35:16.775+00,\"{{\"\"full_name\"\": \"\"Ada Lovelace\"\"}}\",2021-03-05 16:35:16.775+00,\
         2021-03-05 16:35:16.775+00,,\n",
        bcrypt()
    )
}

fn django() -> Value {
    json!([
        {"model": "auth.group", "pk": 1, "fields": {"name": "editors", "permissions": []}},
        {"model": "auth.user", "pk": 7, "fields": {
            "password": hash_by("django pbkdf2_sha256"),
            "is_superuser": false,
            "username": "ada",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "Django@example.com",
            "is_staff": false,
            "is_active": true,
            "date_joined": "2021-03-05T16:35:16.775Z",
            "groups": [["editors"]],
        }},
        {"model": "account.emailaddress", "pk": 3, "fields": {
            "user": 7, "email": "django@example.com", "verified": true, "primary": true,
        }},
    ])
}

fn django_table() -> String {
    format!(
        "id,password,last_login,is_superuser,username,first_name,last_name,email,is_staff,is_active,date_joined\n\
         8,{},,0,ada2,Ada,Lovelace,django2@example.com,0,1,2021-03-05 16:35:16.775+00:00\n",
        hash_by("django scrypt")
    )
}

fn own_table() -> String {
    format!(
        "email,email_verified,first_name,last_name,roles,password_hash,created_at\n\
         gatepost@example.com,true,Ada,\"Lovelace, née Byron\",editor;author,{},2021-03-05T16:35:16.775Z\n",
        bcrypt()
    )
}
