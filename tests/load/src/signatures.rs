//! What an access token costs by each algorithm.

use std::time::Duration;

use cloud::{Clock, Random};
use domain::{Attributes, Ring, Seed, SigningAlgorithm, Timestamp};
use tokens::{AccessClaims, Issuer, IssuerSettings, Verifier};

use crate::{
    Failed,
    measure::{Spent, median_of, micros, spent, times},
    table::Table,
};

const BATCH: u32 = 50;
const BATCHES: usize = 31;
const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "gatepost";

/// Somebody who is given tokens by one algorithm, and who verifies them.
struct Signing {
    algorithm: SigningAlgorithm,
    issuer: Issuer,
    verifier: Verifier,
    claims: AccessClaims,
    now: Timestamp,
    /// Making the key, reading it, and the first signature.
    begun: [Spent; 3],
    made: Vec<Spent>,
    verified: Vec<Spent>,
}

pub(crate) fn run() -> Result<(), Failed> {
    let of = |algorithm| Signing::of(algorithm, Clock::system().now(), &Random::system());
    let mut all = SigningAlgorithm::ALL.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
    for batch in 0..=BATCHES {
        // In turns; the first warms up.
        all.iter_mut().try_for_each(|signing| signing.measure(batch > 0))?;
    }
    let floor = all.first().map(|signing| median_of(&signing.made)).ok_or("no algorithm")?;
    let mut table = Table::new([
        "algorithm",
        "a key made",
        "a key read",
        "first token",
        "a token",
        "× ES256",
        "verified",
        "octets",
    ]);
    for signing in &all {
        let (made, verified) = (median_of(&signing.made), median_of(&signing.verified));
        let [new, read, first] = signing.begun.map(|spent| micros(spent.cpu));
        table.row([
            signing.algorithm.name().to_owned(),
            new,
            read,
            first,
            micros(made.cpu),
            times(made.cpu, floor.cpu),
            micros(verified.cpu),
            signing.token()?.len().to_string(),
        ]);
    }
    table.print(&format!("CPU of an access token: medians of {BATCHES} batches of {BATCH}, in turns"));
    Ok(())
}

impl Signing {
    fn of(algorithm: SigningAlgorithm, now: Timestamp, random: &Random) -> Result<Self, Failed> {
        let (mut material, mut issuer, mut token) = (None, None, None);
        let made = spent(1, || {
            material = Some(tokens::new_material(Seed::of(&random.bytes()), algorithm)?);
            Ok(())
        })?;
        let other = format!(r#"{{"seed":"{}"}}"#, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJK");
        let ring = Ring::parse_keys(&other)?.revoked(material.ok_or("no key")?, now);
        let (seeds, audience) = (ring.seeds_at(now), AUDIENCE.to_owned());
        let settings =
            IssuerSettings { issuer: ISSUER.to_owned(), audience, lifetime: Duration::from_mins(10) };
        let read = spent(1, || {
            issuer = Some(Issuer::new(&seeds, settings)?);
            Ok(())
        })?;
        let issuer: Issuer = issuer.ok_or("no issuer")?;
        let claims = AccessClaims {
            user_id: random.id(now),
            session_id: random.id(now),
            auth_time: now,
            roles: Vec::new(),
            scope: String::new(),
            token_id: random.uuid(),
            attributes: Attributes::default(),
        };
        let first = spent(1, || {
            token = Some(issuer.access_token(&claims, now)?);
            Ok(())
        })?;
        let verifier = Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &[issuer.public_key(now)]);
        verifier.verify(token.ok_or("no token")?.expose(), now)?;
        let begun = [made, read, first];
        Ok(Self { algorithm, issuer, verifier, claims, now, begun, made: vec![], verified: vec![] })
    }

    fn token(&self) -> Result<String, Failed> {
        Ok(self.issuer.access_token(&self.claims, self.now)?.expose().to_owned())
    }

    fn measure(&mut self, counts: bool) -> Result<(), Failed> {
        let token = self.token()?;
        let made = spent(BATCH, || (0..BATCH).try_for_each(|_| self.token().map(drop)))?;
        let verify = || Ok::<_, Failed>(self.verifier.verify(&token, self.now).map(drop)?);
        let verified = spent(BATCH, || (0..BATCH).try_for_each(|_| verify()))?;
        if counts {
            self.made.push(made);
            self.verified.push(verified);
        }
        Ok(())
    }
}
