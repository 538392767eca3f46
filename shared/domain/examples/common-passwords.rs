//! Creates `common-passwords.gcs` from lists of passwords, one a line: `cargo run --package domain --example
//! common-passwords LIST... > shared/domain/src/password/common-passwords.gcs`.

use std::{collections::BTreeSet, error::Error, io::Write};

use coded::REST_BITS;

#[path = "../src/password/coded.rs"]
mod coded;

/// Shorter passwords occur in too many good ones.
const MIN_CODE_POINTS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut passwords = BTreeSet::new();
    for list in std::env::args().skip(1) {
        let text = String::from_utf8(std::fs::read(list)?)?;
        let lines = text.lines().map(|line| line.trim_end().to_lowercase());
        passwords.extend(lines.filter(|line| line.chars().count() >= MIN_CODE_POINTS));
    }
    let mut places: Vec<_> =
        passwords.iter().map(|word| coded::Hash::of(word).place(passwords.len())).collect();
    places.sort_unstable();
    let set = encode(&places)?;
    if coded::decode(&set) != places {
        return Err("the decoded set differs from the encoded one".into());
    }
    std::io::stdout().write_all(&set)?;
    eprintln!("{} passwords, {} octets", passwords.len(), set.len());
    Ok(())
}

fn encode(places: &[u64]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (mut bits, mut last) = (Vec::new(), 0);
    for place in places {
        let distance = place - last;
        last = *place;
        bits.extend((0..distance >> REST_BITS).map(|_| true));
        bits.push(false);
        bits.extend((0..REST_BITS).rev().map(|at| distance >> at & 1 == 1));
    }
    let octet = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |octet, (at, bit)| octet | u8::from(*bit) << (7 - at))
    };
    let mut set = u32::try_from(places.len())?.to_be_bytes().to_vec();
    set.extend(bits.chunks(8).map(octet));
    Ok(set)
}
