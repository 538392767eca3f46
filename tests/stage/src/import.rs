//! Users who come from another system with their password hashes.

use application::password;
use cloud::Cloud;
use domain::{Applicant, Attributes, Email, Hashes, Newcomer, Status};
use hashing::ForeignHash;

use crate::{Stage, by_operator};

impl Stage {
    /// Takes a user over with a hash in any notation that is known, as `gatepost users import` does.
    pub async fn imported(&self, email: &str, hash: &str) {
        let cloud = self.stack.cloud("log-in").expect("a cloud");
        let store = store::Store::new(&cloud).expect("a store");
        let hashing = password::hasher(&cloud).expect("a hasher").get().await.expect("the pepper");
        let foreign: ForeignHash = hash.parse().expect("a hash");
        let present = hashing.adopt(foreign, cloud.random().bytes()).await.expect("a hash of ours");
        let hashes = Hashes { present, previous: Vec::new(), has_password: true };
        let (user, credential, event) = newcomer(&cloud, email).admit(hashes, by_operator(&cloud));
        store.admit(&user, &credential, Some(event)).await.expect("a user");
    }
}

fn newcomer(cloud: &Cloud, email: &str) -> Newcomer {
    let now = cloud.clock().now();
    let email = Email::parse(email).expect("an address");
    Newcomer {
        id: cloud.random().id(now),
        applicant: Applicant { email, first_name: None, last_name: None, locale: None },
        attributes: Attributes::default(),
        status: Status::Active,
        roles: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}
