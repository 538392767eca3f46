"""Writes hashes of passwords, one JSON object a line, made by the libraries that others make theirs with.

Each line: `by` (the library), `password`, `wrong` (a password that is not it), and either `hash` or `firebase`.
The random parts are new each time. WordPress' hashes need PHP and some of LDAP's need OpenLDAP's `slappasswd`: they are
left out where these programs are not installed.
"""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess

import argon2
import bcrypt
import django
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.contrib.auth import hashers
from passlib import hash as passlib

settings.configure(
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{name}"
        for name in [
            "PBKDF2PasswordHasher",
            "PBKDF2SHA1PasswordHasher",
            "Argon2PasswordHasher",
            "BCryptSHA256PasswordHasher",
            "BCryptPasswordHasher",
            "ScryptPasswordHasher",
            "MD5PasswordHasher",
        ]
    ]
)
django.setup()

PASSWORDS = [
    "correct horse battery staple",
    "Grüße aus Köln, 東京 und 🦀",
    "p",
    "sixteen octets!!",
    "seventeen octets!",
    "exactly seventy-one octets, which with the zero at the end are 72......",
    "exactly seventy-two octets, so that the zero at the end is not taken...!",
    "more than seventy-two octets, of which some take the first and others all of them: " + "x" * 200,
]


def base64_of(octets):
    return base64.b64encode(octets).decode()


def unpadded(octets):
    return base64_of(octets).rstrip("=")


def lower(hashed):
    """An LDAP hash with the scheme in lower case, which RFC 2307 makes equal."""
    scheme, rest = hashed.split("}", 1)
    return scheme.lower() + "}" + rest


def by_django(password):
    for hasher in ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt", "md5"]:
        yield f"django {hasher}", hashers.make_password(password, hasher=hasher)
    yield "django pbkdf2_sha256, iterations of 2016", hashers.PBKDF2PasswordHasher().encode(password, "salt", 30_000)


def by_bcrypt(password):
    octets = password.encode()
    for cost, prefix in [(4, b"2a"), (10, b"2b")]:
        yield "bcrypt", bcrypt.hashpw(octets, bcrypt.gensalt(cost, prefix)).decode()
    hashed = bcrypt.hashpw(octets, bcrypt.gensalt(10, b"2b")).decode()
    yield "bcrypt, under PHP's name", "$2y$" + hashed.removeprefix("$2b$")


def by_argon2(password):
    for kind in [argon2.Type.I, argon2.Type.ID]:
        yield f"argon2-cffi {kind}", argon2.PasswordHasher(type=kind).hash(password)
    # The parameters of Keycloak, and the version before 1.3.
    yield "argon2-cffi as Keycloak", argon2.PasswordHasher(5, 7_168, 1, 32, 16).hash(password)
    old = argon2.low_level.hash_secret(
        password.encode(), os.urandom(16), 2, 1_024, 2, 16, argon2.Type.ID, version=16
    )
    yield "argon2-cffi version 16", old.decode()
    _, kind, version, parameters, salt, digest = argon2.PasswordHasher().hash(password).split("$")
    turned = ",".join(reversed(parameters.split(",")))
    yield "argon2-cffi, parameters in another order", f"${kind}${version}${turned}${salt}${digest}"


def by_passlib(password):
    octets = password.encode()
    yield "passlib scrypt", passlib.scrypt.using(rounds=14).hash(password)
    yield "passlib scrypt, strong", passlib.scrypt.using(rounds=14, block_size=8, parallelism=5).hash(password)
    yield "passlib pbkdf2_sha1", passlib.pbkdf2_sha1.using(rounds=20_000).hash(password)
    yield "passlib pbkdf2_sha256", passlib.pbkdf2_sha256.using(rounds=29_000).hash(password)
    yield "passlib pbkdf2_sha512", passlib.pbkdf2_sha512.using(rounds=210_000).hash(password)
    yield "passlib md5_crypt", passlib.md5_crypt.hash(password)
    yield "passlib sha256_crypt", passlib.sha256_crypt.using(rounds=5_000).hash(password)
    yield "passlib sha256_crypt, its rounds", passlib.sha256_crypt.using(rounds=77_777).hash(password)
    yield "passlib sha512_crypt", passlib.sha512_crypt.using(rounds=5_000).hash(password)
    yield "passlib sha512_crypt, its rounds", passlib.sha512_crypt.using(rounds=77_777).hash(password)
    yield "passlib phpass", passlib.phpass.using(rounds=13).hash(password)
    yield "passlib phpass, phpBB", "$H$" + passlib.phpass.using(rounds=8).hash(password).removeprefix("$P$")
    for scheme in ["ldap_md5", "ldap_salted_md5", "ldap_sha1", "ldap_salted_sha1", "ldap_salted_sha256", "ldap_salted_sha512"]:
        hashed = getattr(passlib, scheme).hash(octets)
        yield f"passlib {scheme}", hashed
        yield f"passlib {scheme}, in lower case", lower(hashed)
    for scheme in ["ldap_pbkdf2_sha1", "ldap_pbkdf2_sha256", "ldap_pbkdf2_sha512"]:
        yield f"passlib {scheme}", getattr(passlib, scheme).using(rounds=10_000).hash(octets)
    crypt = passlib.ldap_sha512_crypt.using(rounds=5_000).hash(password)
    yield "passlib ldap_sha512_crypt", crypt
    yield "passlib ldap_sha512_crypt, in lower case", lower(crypt)
    yield "passlib django_salted_sha1", passlib.django_salted_sha1.hash(password)


def by_perl(password):
    """glibc's crypt(3)."""
    for salt in ["$1$saltsalt$", "$5$saltstring$", "$5$rounds=1000$saltstringsaltst$", "$6$saltstring$", "$6$rounds=1234$a$"]:
        program = "print crypt($ENV{PASSWORD}, $ENV{SALT})"
        environment = {**os.environ, "PASSWORD": password, "SALT": salt}
        done = subprocess.run(["perl", "-e", program], env=environment, capture_output=True, check=True, text=True)
        if done.stdout:
            yield "perl crypt", done.stdout


def by_python(password):
    """What FusionAuth and Auth0 export, and Keycloak's PBKDF2: the standard library is what there is."""
    octets, salt = password.encode(), os.urandom(16)
    for name in ["md5", "sha1", "sha256", "sha384", "sha512"]:
        for place, text in [("prefix", salt + octets), ("suffix", octets + salt)]:
            digest = hashlib.new(name, text).digest()
            yield f"hashlib {name}, salt as {place}", f"${name}-{place}$i=1${unpadded(salt)}${unpadded(digest)}"
    yield "hashlib md5 without salt, as old WordPress", hashlib.md5(octets).hexdigest()
    digest = octets + salt
    for _ in range(20_000):
        digest = hashlib.sha256(digest).digest()
    yield "hashlib as FusionAuth's salted-sha256", f"$sha256-suffix$i=20000${unpadded(salt)}${unpadded(digest)}"
    for name in ["sha1", "sha256", "sha384", "sha512"]:
        digest = hmac.new(salt, octets, name).digest()
        yield f"hmac {name}", f"$hmac-{name}${unpadded(salt)}${unpadded(digest)}"
    for name, iterations in [("sha1", 20_000), ("sha256", 27_500), ("sha512", 210_000)]:
        digest = hashlib.pbkdf2_hmac(name, octets, salt, iterations, 64)
        yield f"hashlib pbkdf2 {name} as Keycloak", f"$pbkdf2-{name}$i={iterations},l=64${unpadded(salt)}${unpadded(digest)}"


def by_php(password):
    program = """
        $password = getenv('PASSWORD');
        echo password_hash($password, PASSWORD_BCRYPT), "\n";
        $inner = base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true));
        echo '$wp', password_hash($inner, PASSWORD_BCRYPT), "\n";
    """
    environment = {**os.environ, "PASSWORD": password}
    done = subprocess.run(["php", "-r", program], env=environment, capture_output=True, check=True, text=True)
    return zip(["php password_hash", "php as WordPress 6.8"], done.stdout.split())


def by_slappasswd(password):
    """OpenLDAP's own program and its modules."""
    modules = os.environ.get("SLAPD_MODULES", "/usr/lib/ldap")
    for scheme, module in [
        ("SSHA", None),
        ("SMD5", None),
        ("CRYPT", None),
        ("SSHA256", "pw-sha2"),
        ("SSHA384", "pw-sha2"),
        ("SHA384", "pw-sha2"),
        ("SSHA512", "pw-sha2"),
        ("ARGON2", "argon2"),
    ]:
        loaded = ["-o", f"module-path={modules}", "-o", f"module-load={module}"] if module else []
        command = ["slappasswd", *loaded, "-h", f"{{{scheme}}}", "-c", "$6$%.16s", "-n", "-s", password]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        yield f"slappasswd {scheme}", done.stdout
        yield f"slappasswd {scheme}, in lower case", lower(done.stdout)


def by_supabase(made):
    """Firebase's hash as Supabase stores it, with the parameters of the project."""
    head = f"v=1,n={made['memory_cost']},r={made['rounds']},p=1,ss={made['salt_separator']},sk={made['signer_key']}"
    return f"$fbscrypt${head}${made['salt']}${made['hash']}"


# https://github.com/supabase/auth, internal/crypto/password_test.go: its own example.
SUPABASE = {
    "by": "supabase auth's own example",
    "password": "mytestpassword",
    "wrong": "mytestpassword1",
    "hash": "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3Mj"
    "Kj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJ"
    "P84+hfTw==",
}


def by_firebase(password):
    """https://github.com/firebase/scrypt: scrypt's output encrypts the project's key."""
    key, separator, salt = os.urandom(64), b"\x02\xf0", os.urandom(12)
    derived = hashlib.scrypt(password.encode(), salt=salt + separator, n=2**14, r=8, p=1, dklen=64, maxmem=2**26)
    encryptor = Cipher(algorithms.AES(derived[:32]), modes.CTR(bytes(16))).encryptor()
    return {
        "signer_key": base64_of(key),
        "salt_separator": base64_of(separator),
        "rounds": 8,
        "memory_cost": 14,
        "salt": base64_of(salt),
        "hash": base64_of(encryptor.update(key) + encryptor.finalize()),
    }


# Those whose length matters to these: the octets that bcrypt takes, the blocks of crypt(3).
SENSITIVE = [by_bcrypt, by_perl, by_php]
EVERYWHERE = [PASSWORDS[0], PASSWORDS[1], PASSWORDS[-1]]


def main():
    makers = [by_django, by_bcrypt, by_argon2, by_passlib, by_perl, by_python]
    if shutil.which("php"):
        makers.append(by_php)
    if shutil.which("slappasswd"):
        makers.append(by_slappasswd)
    for password in PASSWORDS:
        wrong = "?" + password[1:]
        for maker in makers:
            if password in EVERYWHERE or maker in SENSITIVE:
                for by, hashed in maker(password):
                    print(json.dumps({"by": by, "password": password, "wrong": wrong, "hash": hashed}))
    for password in EVERYWHERE:
        made, wrong = by_firebase(password), "?" + password[1:]
        print(json.dumps({"by": "firebase scrypt", "password": password, "wrong": wrong, "firebase": made}))
        print(json.dumps({"by": "supabase", "password": password, "wrong": wrong, "hash": by_supabase(made)}))
    print(json.dumps(SUPABASE))


main()
