//! The notations that hashes come in: those of crypt(3), LDAP, PHC, passlib, Django, Supabase, phpass and
//! `WordPress`, and our own.

use std::str::FromStr;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    ForeignHash,
    InvalidForeignHash::{self, Immoderate, Malformed, UnknownKind},
    crypt,
};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);

/// The hexadecimal digits of an MD5 without salt, as `WordPress` and Django once stored them.
const MD5_DIGITS: usize = 32;

type Read = Result<ForeignHash, InvalidForeignHash>;

impl FromStr for ForeignHash {
    type Err = InvalidForeignHash;

    /// Takes a hash in any notation that is known.
    fn from_str(text: &str) -> Read {
        if text.starts_with('{') {
            return ldap(text);
        }
        let parts: Vec<&str> = text.split('$').collect();
        match parts[..] {
            ["", "2a" | "2b" | "2y", cost, rest] | ["bcrypt", "", "2a" | "2b" | "2y", cost, rest] => {
                bcrypt("bcrypt", cost, rest)
            }
            ["", "fbscrypt", parameters, salt, hash] => supabase(parameters, salt, hash),
            ["", "wp", "2y", cost, rest] => bcrypt("bcrypt-wordpress", cost, rest),
            ["bcrypt_sha256", "", "2a" | "2b" | "2y", cost, rest] => bcrypt("bcrypt-sha256", cost, rest),
            ["pbkdf2_sha1", i, salt, hash] => pbkdf2("pbkdf2-sha1", i, salt.into(), hash),
            ["pbkdf2_sha256", i, salt, hash] => pbkdf2("pbkdf2-sha256", i, salt.into(), hash),
            ["", "pbkdf2", i, salt, hash] => pbkdf2("pbkdf2-sha1", i, base64(salt)?, hash),
            ["", kind @ ("pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512"), i, salt, hash] => {
                pbkdf2(kind, i, base64(salt)?, hash)
            }
            ["scrypt", n, salt, r, p, hash] => {
                let ln = number(n)?.checked_ilog2().ok_or(Malformed)?;
                if n != (1_u64 << ln).to_string() {
                    return Err(Malformed);
                }
                measured("scrypt", &[ln, number(r)?, number(p)?], salt.into(), hash)
            }
            ["", "scrypt", parameters, salt, hash] => {
                measured("scrypt", &named(parameters, ["ln", "r", "p"])?, base64(salt)?, hash)
            }
            ["argon2", kind, version, parameters, salt, hash]
            | ["", kind @ ("argon2i" | "argon2id"), version, parameters, salt, hash] => {
                argon2(kind, version, parameters, salt, hash)
            }
            ["", kind @ ("argon2i" | "argon2id"), parameters, salt, hash] if !parameters.contains("v=") => {
                // Before the version was written it was 16.
                argon2(kind, "v=16", parameters, salt, hash)
            }
            ["md5", salt, hash] => ForeignHash::new("md5-prefix", vec![1], salt.into(), hexadecimal(hash)?),
            ["sha1", salt, hash] => ForeignHash::new("sha1-prefix", vec![1], salt.into(), hexadecimal(hash)?),
            ["", "1", salt, hash] => md5crypt(salt, hash),
            ["", kind @ ("5" | "6"), salt, hash] => sha_crypt(kind, 5_000, salt, hash),
            ["", kind @ ("5" | "6"), rounds, salt, hash] => {
                let rounds = rounds.strip_prefix("rounds=").ok_or(Malformed)?;
                sha_crypt(kind, number(rounds)?, salt, hash)
            }
            ["", "P" | "H", rest] => phpass(rest),
            [digest] if digest.len() == MD5_DIGITS => {
                let digest = hexadecimal(digest).map_err(|_| UnknownKind)?;
                ForeignHash::new("md5-prefix", vec![1], Vec::new(), digest)
            }
            ["", _, _, ..] => ForeignHash::stored(text),
            _ => Err(UnknownKind),
        }
    }
}

/// RFC 2307 and the modules of `OpenLDAP`: the case of a scheme does not matter.
fn ldap(text: &str) -> Read {
    let (scheme, rest) = text[1..].split_once('}').ok_or(UnknownKind)?;
    let (kind, length) = match scheme.to_ascii_uppercase().as_str() {
        "CRYPT" | "ARGON2" if rest.starts_with('$') => return rest.parse(),
        "PBKDF2" | "PBKDF2-SHA1" => return ldap_pbkdf2("pbkdf2-sha1", rest),
        "PBKDF2-SHA256" => return ldap_pbkdf2("pbkdf2-sha256", rest),
        "PBKDF2-SHA512" => return ldap_pbkdf2("pbkdf2-sha512", rest),
        "MD5" | "SMD5" => ("md5-suffix", 16),
        "SHA" | "SSHA" => ("sha1-suffix", 20),
        "SHA256" | "SSHA256" => ("sha256-suffix", 32),
        "SHA384" | "SSHA384" => ("sha384-suffix", 48),
        "SHA512" | "SSHA512" => ("sha512-suffix", 64),
        _ => return Err(UnknownKind),
    };
    // The salt follows the digest.
    let octets = base64(rest)?;
    let (digest, salt) = octets.split_at_checked(length).ok_or(Malformed)?;
    ForeignHash::new(kind, vec![1], salt.to_vec(), digest.to_vec())
}

fn ldap_pbkdf2(kind: &str, rest: &str) -> Read {
    let parts: Vec<&str> = rest.split('$').collect();
    let [iterations, salt, hash] = parts[..] else { return Err(Malformed) };
    pbkdf2(kind, iterations, base64(salt)?, hash)
}

/// Firebase's scrypt with the hash parameters of its project, as Supabase stores users who came from there.
fn supabase(parameters: &str, salt: &str, hash: &str) -> Read {
    let parameters = Parameters::parse(parameters)?;
    if !parameters.has_only(&["v", "n", "r", "p", "ss", "sk"])
        || (parameters.number("v")?, parameters.number("p")?) != (1, 1)
    {
        return Err(Malformed);
    }
    let separator = base64(parameters.get("ss").unwrap_or_default())?;
    let signer_key = base64(parameters.get("sk").ok_or(Malformed)?)?;
    let (rounds, memory_cost) = (parameters.number("r")?, parameters.number("n")?);
    ForeignHash::firebase((&signer_key, &separator), (rounds, memory_cost), &base64(salt)?, &base64(hash)?)
}

fn bcrypt(kind: &str, cost: &str, rest: &str) -> Read {
    let (salt, hash) = rest.split_at_checked(22).ok_or(Malformed)?;
    let [salt, hash] = [salt, hash].map(|text| BCRYPT.decode(text).map_err(|_| Malformed));
    let (salt, hash) = (salt?, hash?);
    if hash.len() != 23 {
        return Err(Malformed);
    }
    ForeignHash::new(kind, vec![number(cost)?], salt, hash)
}

/// Reads the number of iterations: PHC's and our own parameters have names, passlib's and Django's do not.
fn pbkdf2(kind: &str, parameters: &str, salt: Vec<u8>, hash: &str) -> Read {
    let [iterations] =
        if parameters.contains('=') { named(parameters, ["i"])? } else { [number(parameters)?] };
    measured(kind, &[iterations], salt, hash)
}

fn argon2(kind: &str, version: &str, parameters: &str, salt: &str, hash: &str) -> Read {
    let [version] = named(version, ["v"])?;
    let [memory, iterations, lanes] = named(parameters, ["m", "t", "p"])?;
    measured(kind, &[version, memory, iterations, lanes], base64(salt)?, hash)
}

/// A hash of a kind whose last parameter is its length.
fn measured(kind: &str, numbers: &[u32], salt: Vec<u8>, hash: &str) -> Read {
    let hash = base64(hash)?;
    let length = u32::try_from(hash.len()).map_err(|_| Immoderate)?;
    ForeignHash::new(kind, [numbers, &[length]].concat(), salt, hash)
}

fn md5crypt(salt: &str, hash: &str) -> Read {
    let order = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
    let digest = crypt::reordered(hash, order, &[11]).ok_or(Malformed)?;
    let salt = salt.get(..salt.len().min(8)).ok_or(Malformed)?;
    ForeignHash::new("md5crypt", Vec::new(), salt.into(), digest)
}

/// Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512": the octets a third of the digest apart are
/// written together, each group turned against the one before.
fn sha_crypt(kind: &str, rounds: u32, salt: &str, hash: &str) -> Read {
    let turned = |third: usize, step: usize| {
        (0..third).map(move |at| [0, 1, 2].map(|place| at + third * ((place + step * at) % 3)))
    };
    let (kind, digest) = match kind {
        "5" => ("sha256crypt", crypt::reordered(hash, turned(10, 2), &[30, 31])),
        _ => ("sha512crypt", crypt::reordered(hash, turned(21, 1), &[63])),
    };
    let salt = salt.get(..salt.len().min(16)).ok_or(Malformed)?;
    ForeignHash::new(kind, vec![rounds], salt.into(), digest.ok_or(Malformed)?)
}

fn phpass(rest: &str) -> Read {
    let (head, hash) = rest.split_at_checked(9).ok_or(Malformed)?;
    let log_rounds = head.bytes().next().and_then(crypt::digit).ok_or(Malformed)?;
    let digest = crypt::decode(hash).filter(|digest| digest.len() == 16).ok_or(Malformed)?;
    ForeignHash::new("phpass", vec![log_rounds], head.as_bytes()[1..].to_vec(), digest)
}

/// Named parameters in any order: `a=1,b=2`.
struct Parameters<'text>(Vec<(&'text str, &'text str)>);

impl<'text> Parameters<'text> {
    fn parse(text: &'text str) -> Result<Self, InvalidForeignHash> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in text.split(',') {
            let pair = part.split_once('=').ok_or(Malformed)?;
            if pairs.iter().any(|(name, _)| *name == pair.0) {
                return Err(Malformed);
            }
            pairs.push(pair);
        }
        Ok(Self(pairs))
    }

    fn has_only(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(name))
    }

    fn get(&self, name: &str) -> Option<&'text str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> Result<u32, InvalidForeignHash> {
        number(self.get(name).ok_or(Malformed)?)
    }
}

/// Returns the numbers of these parameters, if no others are there.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Result<[u32; N], InvalidForeignHash> {
    let parameters = Parameters::parse(text)?;
    // The digest itself tells its length.
    if !parameters.has_only(&[&names[..], &["l"]].concat()) {
        return Err(Malformed);
    }
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = parameters.number(name)?;
    }
    Ok(numbers)
}

fn number(text: &str) -> Result<u32, InvalidForeignHash> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Malformed);
    }
    text.parse().map_err(|_| Immoderate)
}

/// Base64 in all its spellings: padded or not, passlib's `.` for `+`, the URL's `-` and `_`.
fn base64(text: &str) -> Result<Vec<u8>, InvalidForeignHash> {
    let standard = text.replace(['.', '-'], "+").replace('_', "/");
    BASE64.decode(standard).map_err(|_| Malformed)
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, InvalidForeignHash> {
    let pairs = text.as_bytes().chunks(2);
    let octet = |pair: &[u8]| {
        let text = str::from_utf8(pair).ok().filter(|text| text.len() == 2 && !text.starts_with('+'));
        text.and_then(|text| u8::from_str_radix(text, 16).ok()).ok_or(Malformed)
    };
    pairs.map(octet).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn read(text: &str) -> Result<String, InvalidForeignHash> {
        text.parse::<ForeignHash>().map(|hash| hash.to_string())
    }

    #[test]
    fn what_would_take_gigabytes_or_minutes_is_refused() {
        for text in [
            format!("$2b$15${}", "a".repeat(53)),
            format!("pbkdf2_sha256$2000001$salt${DIGEST}"),
            format!("pbkdf2_sha256$99999999999$salt${DIGEST}"),
            format!("$pbkdf2-sha512$i=4294967295,l=32${SALT}${DIGEST}"),
            format!("scrypt$1048576$salt$8$1${DIGEST}"),
            format!("$scrypt$ln=17,r=8,p=3${SALT}${DIGEST}"),
            format!("$scrypt$ln=17,r=9,p=1${SALT}${DIGEST}"),
            format!("$argon2id$v=19$m=131073,t=1,p=1${SALT}${DIGEST}"),
            format!("$argon2id$v=19$m=131072,t=6,p=1${SALT}${DIGEST}"),
            format!("$argon2id$v=19$m=65536,t=1,p=17${SALT}${DIGEST}"),
            format!("$6$rounds=1000001$salt${}", ".".repeat(86)),
            format!("$P$J12345678{}", ".".repeat(22)),
            format!("$sha256-suffix$i=1000001${SALT}${DIGEST}"),
            format!("$hmac-sha256${}${DIGEST}", "A".repeat(344)),
            format!("{{PBKDF2-SHA256}}2000001${SALT}${DIGEST}"),
            format!("$fbscrypt$v=1,n=21,r=8,p=1,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}"),
        ] {
            assert_eq!(read(&text), Err(Immoderate), "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_of_no_known_kind_is_refused() {
        for text in [
            "",
            "$",
            "$$",
            "plain",
            "plain$text",
            "{CLEAR}password",
            "$2x$10$abc",
            "$7$abc$abc",
            "!",
            "{CRYPT}ab",
            "{crypt}ab",
            "{SSHA",
            "{}",
            "{SSHA224}AAAA",
            "{ARGON2}AAAA",
            "{PBKDF2-SHA256}1000$AAAA",
            "0123456789abcdef0123456789abcdeg",
            "$fbscrypt$v=1$AAAA$AAAA",
        ] {
            assert!(matches!(read(text), Err(UnknownKind | Malformed)), "{text}");
        }
        for text in [
            format!("$2b$10${}", "a".repeat(52)),
            format!("$2b$+9${}", "a".repeat(53)),
            format!("pbkdf2_sha256$600000$salt${}", &DIGEST[..8]),
            format!("$scrypt$ln=14,r=8${SALT}${DIGEST}"),
            format!("$argon2id$v=18$m=65536,t=1,p=1${SALT}${DIGEST}"),
            "$1$salt$abc".to_owned(),
            "{SSHA}AAAA".to_owned(),
            "md5$salt$00".to_owned(),
            "md5$salt$0g".to_owned(),
            format!("$argon2id$v=19$m=65536,t=1,p=1,keyid=AA${SALT}${DIGEST}"),
            format!("$argon2id$v=19$m=65536,t=1,t=2,p=1${SALT}${DIGEST}"),
            format!("$argon2id$v=19$m=65536,t=1${SALT}${DIGEST}"),
            format!("$pbkdf2-sha256$l=32${SALT}${DIGEST}"),
            // Another version, more lanes than Firebase has, no key, a key of another length.
            format!("$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}"),
            format!("$fbscrypt$v=1,n=14,r=8,p=2,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}"),
            format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==${SALT}${DIGEST}"),
            format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk={SALT}${SALT}${DIGEST}"),
            format!("$fbscrypt$v=1,n=14,p=1,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}"),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn neither_the_order_of_parameters_nor_the_case_of_a_scheme_matters() {
        let key = format!("sk={DIGEST}");
        for (written, same) in [
            (
                format!("$argon2id$v=19$m=65536,t=3,p=4${SALT}${DIGEST}"),
                format!("$argon2id$v=19$p=4,m=65536,t=3${SALT}${DIGEST}"),
            ),
            (
                format!("$argon2id$m=65536,t=3,p=4${SALT}${DIGEST}"),
                format!("$argon2id$t=3,p=4,m=65536${SALT}${DIGEST}"),
            ),
            (
                format!("$scrypt$ln=14,r=8,p=5${SALT}${DIGEST}"),
                format!("$scrypt$p=5,r=8,ln=14${SALT}${DIGEST}"),
            ),
            (
                format!("$pbkdf2-sha256$i=29000,l=32${SALT}${DIGEST}"),
                format!("$pbkdf2-sha256$l=32,i=29000${SALT}${DIGEST}"),
            ),
            (
                format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,{key}${SALT}${DIGEST}"),
                format!("$fbscrypt${key},p=1,r=8,ss=Bw==,n=14,v=1${SALT}${DIGEST}"),
            ),
            (format!("{{SSHA256}}{DIGEST}AAAA"), format!("{{ssha256}}{DIGEST}AAAA")),
            (format!("{{CRYPT}}$2b$10${}", "a".repeat(53)), format!("{{Crypt}}$2b$10${}", "a".repeat(53))),
        ] {
            assert!(read(&written).is_ok(), "{written}");
            assert_eq!(read(&written), read(&same), "{same}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[$a-z0-9{}A-Z=,/.]{0,80}|\\PC{0,40}") {
            if let Ok(written) = read(&text) {
                prop_assert_eq!(read(&written), Ok(written));
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for text in [
            format!("$2b$10${}", "a".repeat(53)),
            format!("$wp$2y$10${}", "a".repeat(53)),
            format!("$argon2id$v=19$m=65536,t=3,p=4${SALT}${DIGEST}"),
            format!("$scrypt$ln=14,r=8,p=5${SALT}${DIGEST}"),
            format!("$pbkdf2-sha256$29000${SALT}${DIGEST}"),
            format!("$sha256-prefix$i=1$${DIGEST}"),
            format!("$hmac-sha256${SALT}${DIGEST}"),
        ] {
            let written = read(&text).expect("a hash");
            let stored = ForeignHash::stored(&written).expect("a hash");
            assert_eq!(stored.to_string(), written);
            assert_eq!(read(&written), Ok(written));
        }
    }
}
