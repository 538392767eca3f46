//! `gatepost users import` guesses neither the system, nor a status, nor a value.

use serde_json::{Value, json};

use crate::{
    exports,
    moved::{Folder, attribute},
    operated::Said,
};

const EMAIL: &str = "ada@example.com";

/// Returns a user in the format of `listUsers` of Firebase's Admin SDK.
fn admin_sdk() -> Value {
    json!({
        "uid": "P5c7tQ2uYbW1rX9zKd3mNf6gHj8", "email": EMAIL, "emailVerified": true, "displayName": "Ada Lovelace",
        "disabled": true,
        "metadata": {"lastSignInTime": "Fri, 05 Mar 2021 16:35:16 GMT", "creationTime": "Fri, 05 Mar 2021 16:35:16 GMT"},
        "tokensValidAfterTime": "Fri, 05 Mar 2021 16:35:16 GMT",
        "providerData": [{"uid": EMAIL, "displayName": "Ada Lovelace", "email": EMAIL, "providerId": "password"}],
    })
}

/// Returns a row of the table `user` of better-auth, with its plugin for administrators.
fn better_auth() -> Value {
    json!({
        "id": "V6tQmNf3kYbW1rX9zKd2uP5c7gHj8aLs", "name": "Ada Lovelace", "email": EMAIL, "emailVerified": true,
        "image": null, "createdAt": "2021-03-05T16:35:16.775Z", "updatedAt": "2021-03-05T16:35:16.775Z",
        "role": "user", "banned": true, "banReason": "spam", "banExpires": null,
    })
}

const BETTER_AUTH_TABLE: &str = "id,name,email,emailVerified,image,createdAt,updatedAt,role,banned,banReason,banExpires\n\
    V6tQmNf3kYbW1rX9zKd2uP5c7gHj8aLs,Ada Lovelace,ada@example.com,1,,2021-03-05T16:35:16.775Z,\
    2021-03-05T16:35:16.775Z,user,1,spam,\n";
const OWN_TABLE: &str = "user_id,email,email_verified,is_active\n7,ada@example.com,true,false\n";

/// Returns the status of the only user; empty without a user.
async fn status(folder: &Folder) -> String {
    let stage = folder.system();
    let id = attribute(&stage, &format!("EMAIL#{EMAIL}"), "CREDENTIAL", "user_id").await;
    attribute(&stage, &format!("USER#{id}"), "USER", "status").await
}

fn refused(said: &Said, why: &str) {
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.complaint.contains(why), "{}", said.complaint);
}

#[tokio::test]
async fn an_export_of_an_unknown_system_is_not_guessed() {
    let folder = Folder::new();
    for (name, text) in [
        ("admin-sdk.json", json!([admin_sdk()]).to_string()),
        ("better-auth.json", json!([better_auth()]).to_string()),
        ("better-auth.ndjson", better_auth().to_string()),
        ("better-auth.csv", BETTER_AUTH_TABLE.to_owned()),
        ("own.csv", OWN_TABLE.to_owned()),
    ] {
        refused(&folder.import(name, &text, &[]), "cannot tell which system the file is from: pass --format");
    }
    assert_eq!(status(&folder).await, "");
}

#[tokio::test]
async fn a_wrong_format_does_not_activate_disabled_users() {
    let folder = Folder::new();
    for (name, text) in [
        ("admin-sdk.json", json!([admin_sdk()]).to_string()),
        ("better-auth.ndjson", better_auth().to_string()),
        ("better-auth.csv", BETTER_AUTH_TABLE.to_owned()),
        ("own.csv", OWN_TABLE.to_owned()),
    ] {
        for format in ["auth0", "cognito", "django", "firebase", "keycloak", "supabase"] {
            let is_right = matches!((name, format), ("admin-sdk.json", "firebase") | ("own.csv", "django"));
            if is_right {
                continue;
            }
            let said = folder.import(name, &text, &["--format", format, "--unverified", "accept"]);
            refused(&said, "which looks like a status");
        }
        // Gatepost's own format refuses each unknown field.
        refused(&folder.import(name, &text, &["--format", "gatepost"]), "cannot be imported");
    }
    assert_eq!(status(&folder).await, "");
}

#[tokio::test]
async fn a_disabled_user_of_each_system_is_suspended() {
    for (format, text) in [
        ("auth0", json!([{"user_id": "auth0|7", "email": EMAIL, "email_verified": true, "blocked": true}])),
        (
            "firebase",
            json!({"users": [{"localId": "7", "email": EMAIL, "emailVerified": true, "disabled": true,
            "createdAt": "1614962116775"}]}),
        ),
        ("firebase", json!([admin_sdk()])),
        (
            "keycloak",
            json!({"users": [{"id": "7", "email": EMAIL, "emailVerified": true, "enabled": false,
            "createdTimestamp": 1_614_962_116_775_u64}]}),
        ),
        (
            "django",
            json!([{"model": "auth.user", "pk": 7, "fields": {"password": "", "email": EMAIL, "email_verified": true,
            "is_active": false, "date_joined": "2021-03-05T16:35:16.775Z", "is_superuser": false}}]),
        ),
        (
            "supabase",
            json!([{"id": "7", "email": EMAIL, "encrypted_password": "", "deleted_at": null,
            "email_confirmed_at": "2021-03-05T16:35:16.775Z", "banned_until": "2121-03-05T16:35:16.775Z"}]),
        ),
        (
            "cognito",
            json!({"Users": [{"Username": "7", "Enabled": false, "UserStatus": "CONFIRMED", "Attributes": [
            {"Name": "email", "Value": EMAIL}, {"Name": "email_verified", "Value": "true"}]}]}),
        ),
        (
            "cognito",
            json!({"Users": [{"Username": "7", "Enabled": true, "UserStatus": "COMPROMISED", "Attributes": [
            {"Name": "email", "Value": EMAIL}, {"Name": "email_verified", "Value": "true"}]}]}),
        ),
    ] {
        let folder = Folder::new();

        let said = folder.import("export.json", &text.to_string(), &["--format", format]);

        assert_eq!(said.code, Some(0), "{format}: {}{}", said.text, said.complaint);
        assert_eq!(status(&folder).await, "suspended", "{format}");
    }
}

#[tokio::test]
async fn a_status_unknown_to_the_format_stops_the_run_before_anything_is_written() {
    let folder = Folder::new();
    let keycloak = |number: u8, more: Value| {
        let mut user = json!({"id": number.to_string(), "email": format!("user{number}@example.com"), "enabled": true,
            "emailVerified": true, "createdTimestamp": 1_614_962_116_775_u64});
        user.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        user
    };
    let users = json!({"users": [keycloak(1, json!({"locked_at": null})), keycloak(2, json!({"locked_at": "2021-03-05"}))]});
    let attributes =
        json!([{"Name": "email", "Value": EMAIL}, {"Name": "custom:account_status", "Value": "closed"}]);
    let django = "id,password,email,is_active,date_joined,is_superuser,deleted_at\n\
                  1,,ada@example.com,1,2021-03-05 16:35:16+00,0,2022-03-05 16:35:16+00\n";
    for (name, text, place, field, format) in [
        ("realm.json", users.to_string(), "entry 2", "locked_at", "keycloak"),
        (
            "cognito.json",
            json!({"Users": [{"UserStatus": "CONFIRMED", "Attributes": attributes}]}).to_string(),
            "entry 1",
            "custom:account_status",
            "cognito",
        ),
        ("django.csv", django.to_owned(), "line 2", "deleted_at", "django"),
    ] {
        for options in [&["--unverified", "accept"][..], &["--unverified", "skip", "--dry-run"]] {
            let said = folder.import(name, &text, options);

            assert_eq!((said.code, said.text.as_str()), (Some(1), ""), "{name}");
            assert_eq!(
                said.complaint,
                format!(
                    "gatepost: {place} has the field {field}, which looks like a status and is not part of an export of \
                     {format}: pass the right --format, or remove the field; nothing was written\n"
                )
            );
        }
    }
    let exported = folder.users(&["export", "-"]);
    assert_eq!((exported.code, exported.text.as_str()), (Some(0), ""), "{}", exported.complaint);
}

#[test]
fn the_system_of_each_export_is_detected_from_its_first_row() {
    let folder = Folder::new();
    folder.file("hash-parameters.txt", &exports::firebase_parameters());
    let bulk_import = json!([{"email": EMAIL, "email_verified": true, "custom_password_hash": {
        "algorithm": "bcrypt", "hash": {"value": "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"}}}]);
    // Some users of Auth0 have their address only among the identifiers.
    let identifiers = json!({"_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"}, "tenant": "example", "connection": "Users",
        "_tmp_is_unique": true, "identifiers": [{"type": "email", "value": EMAIL, "verified": true}]});
    for (system, name, text, options) in exports::all().into_iter().chain([
        ("auth0", "bulk.json", bulk_import.to_string(), &[][..]),
        ("auth0", "identifiers.ndjson", identifiers.to_string(), &[]),
    ]) {
        let said = folder.import(name, &text, &[options, &["--dry-run"]].concat());

        assert_eq!(
            said.text,
            format!("would import 1 users of {system}, leave out 0\n"),
            "{name}: {}",
            said.complaint
        );
    }
}

/// Returns a row of Supabase's `auth.users` with these values.
fn supabase(confirmed: &str, banned: &str, deleted: &str) -> String {
    format!(
        "id,email,encrypted_password,email_confirmed_at,raw_user_meta_data,created_at,banned_until,deleted_at\n\
         0b9c9f6e-93c4-4d12-8f5f-0a6f3b1c2d4e,{EMAIL},,{confirmed},{{}},2021-03-05 16:35:16.775+00,{banned},{deleted}\n"
    )
}

#[tokio::test]
async fn the_null_of_a_database_is_not_a_value() {
    const TIME: &str = "2021-03-05 16:35:16.775+00";
    for null in ["null", "NULL", r"\N", "", " "] {
        let folder = Folder::new();

        let unproven = folder.import("supabase.csv", &supabase(null, null, null), &[]);
        assert_eq!(unproven.text, "line 2: the address is not verified: see --unverified\n", "{null:?}");

        let said = folder.import("supabase.csv", &supabase(TIME, null, null), &[]);
        assert_eq!(said.code, Some(0), "{null:?}: {}", said.text);
        assert_eq!(status(&folder).await, "active", "{null:?}");
    }
    let folder = Folder::new();
    let names = "email,email_verified,first_name,last_name,status\nada@example.com,true,NULL,Null,\\N\n";
    assert_eq!(folder.import("own.csv", names, &[]).code, Some(0));
    let user: Value = serde_json::from_str(&folder.users(&["export", "-"]).text).expect("JSON");
    assert_eq!((&user["first_name"], &user["last_name"]), (&Value::Null, &json!("Null")), "{user}");
}

#[test]
fn a_value_of_another_type_is_an_error_in_its_line() {
    const TIME: &str = "2021-03-05 16:35:16.775+00";
    let folder = Folder::new();
    let own = |verified: &str| format!("email,email_verified\nada@example.com,{verified}\n");
    for (name, text, says) in [
        ("supabase.csv", supabase("None", "", ""), "email_confirmed_at is not a time"),
        ("supabase.csv", supabase("true", "", ""), "email_confirmed_at is not a time"),
        ("supabase.csv", supabase(TIME, "never", ""), "banned_until is not a time"),
        ("supabase.csv", supabase(TIME, "", "0000-00-00 00:00:00"), "deleted_at is not a time"),
        ("own.csv", own("maybe"), "email_verified is neither true nor false"),
        ("own.csv", own("2"), "email_verified is neither true nor false"),
        ("own.csv", own("2021-03-05"), "email_verified is neither true nor false"),
    ] {
        let said = folder.import(name, &text, &["--unverified", "accept"]);

        assert_eq!((said.code, said.text), (Some(1), format!("line 2: {says}\n")), "{text}");
    }
    let keycloak = json!({"users": [{"id": "7", "email": EMAIL, "emailVerified": "perhaps", "enabled": true,
        "createdTimestamp": 1_614_962_116_775_u64}]});
    let said = folder.import("realm.json", &keycloak.to_string(), &["--unverified", "accept"]);
    assert_eq!(said.text, "entry 1: emailVerified is neither true nor false\n");
}

#[tokio::test]
async fn a_time_may_have_a_fraction() {
    // The first three are times of version 1 of the AWS CLI, the others those of exported tables.
    for (name, text) in [
        (
            "listed.json",
            r#"{"Users": [{"Username": "7", "Enabled": true, "UserStatus": "CONFIRMED",
            "UserCreateDate": 1614962116.775, "UserLastModifiedDate": 1795886459.75, "Attributes": [
            {"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]}]}"#,
        ),
        ("own.csv", "email,email_verified,created_at\nada@example.com,true,1614962116.775\n"),
        ("own.csv", "email,email_verified,created_at\nada@example.com,true,1614962116775.25\n"),
        (
            "own.ndjson",
            r#"{"email": "ada@example.com", "email_verified": true, "created_at": 1614962116775.0}"#,
        ),
    ] {
        let folder = Folder::new();

        let said = folder.import(name, text, &[]);

        assert_eq!(said.code, Some(0), "{name}: {}{}", said.text, said.complaint);
        let user: Value = serde_json::from_str(&folder.users(&["export", "-"]).text).expect("JSON");
        assert_eq!(user["created_at"], "2021-03-05T16:35:16.775Z", "{name}");
    }
}

#[test]
fn a_malformed_locale_is_left_out() {
    let keycloak = |number: u8, locale: Value| {
        json!({"id": number.to_string(), "email": format!("user{number}@example.com"), "enabled": true,
            "emailVerified": true, "createdTimestamp": 1_614_962_116_775_u64, "attributes": {"locale": locale}})
    };
    let locales = [
        (json!(["en-u-rg-uszzzz"]), json!("en-u-rg-uszzzz")),
        (json!(["ca_es_valencia"]), json!("ca-ES-valencia")),
        (json!([""]), Value::Null),
        (json!([]), Value::Null),
        (json!(["??"]), Value::Null),
        (json!([{"a": 1}]), Value::Null),
        (json!({"a": 1}), Value::Null),
        (json!(["x-".to_owned() + &"a".repeat(200)]), Value::Null),
    ];
    let users = (1..).zip(&locales).map(|(number, (locale, _))| keycloak(number, locale.clone()));
    let folder = Folder::new();

    let said = folder.import("realm.json", &json!({"users": users.collect::<Vec<_>>()}).to_string(), &[]);

    assert_eq!(said.code, Some(0), "{}{}", said.text, said.complaint);
    let left_out = |entry| {
        format!(
            "entry {entry}: the locale is left out: it must be a language tag such as `de`, `pt-BR` or `zh-Hant-TW`\n"
        )
    };
    let reported: String = [5, 6, 7, 8].map(left_out).concat();
    assert_eq!(
        said.text,
        reported + "imported 8 users of keycloak, 0 were there already, left out 0, refused 0\n"
    );
    let exported = folder.users(&["export", "-"]);
    for user in exported.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let number =
            user["email"].as_str().and_then(|email| email["user".len()..].split('@').next()?.parse().ok());
        let (written, kept): &(Value, Value) = &locales[number.unwrap_or(0_usize) - 1];
        assert_eq!(&user["locale"], kept, "{written}");
    }
    let own = r#"{"email": "ada@example.com", "email_verified": true, "locale": "??"}"#;
    let said: Value =
        serde_json::from_str(&folder.import("own.ndjson", own, &["--json"]).text).expect("JSON");
    assert_eq!(
        said["locales_left_out"],
        json!([{"at": "line 1", "reason": "must be a language tag such as `de`, `pt-BR` or `zh-Hant-TW`"}]),
        "{said}"
    );
}
